"""`tt events`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tinytown_cli import views

if TYPE_CHECKING:
    from tinytown.domain.records import Event

    from tinytown_cli.context import Context
    from tinytown_cli.output import Output


def events(
    context: Context,
    *,
    count: int | None,
    follow: bool,
    agent: str | None,
    task: str | None,
    type_: str | None,
    after: str | None,
) -> None:
    """Show what has happened, the newest last, and go on if so asked."""
    from tinytown.services.watching import now

    town = context.town
    limit = 20 if count is None else count
    beginning = town.run_steps(now()) if follow else None
    found = town.events(after=after, limit=limit, agent=agent, task=task, type=type_)
    if not follow:
        last = found[-1].id if found else None
        context.out.items(
            found,
            lambda out: _lines(out, found),
            next_=last if after is not None and len(found) == limit else None,
        )
        return
    for event in found:
        _print(context, event)
    start = found[-1].id if found else after or beginning
    for event in town.follow(start, agent=agent, task=task, type=type_):
        _print(context, event)


def _lines(out: Output, found: Iterable[Event]) -> None:
    for event in found:
        out.line(views.event_line(event))


def _print(context: Context, event: Event) -> None:
    context.out.record(event, lambda out: out.line(views.event_line(event)))
    context.out.flush()

"""`tt events` and `tt history`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tinytown.errors import EventsTrimmedError

from tinytown_cli import views

if TYPE_CHECKING:
    from tinytown.domain.records import Event

    from tinytown_cli.context import Context
    from tinytown_cli.output import Output


def history(context: Context, *, limit: int | None, agent: str | None, task: str | None, type_: str | None) -> None:
    """Tell what has happened lately, for people."""
    found = context.town.events(limit=30 if limit is None else limit, agent=agent, task=task, type=type_)
    context.out.items(found, lambda out: _told(out, found))


def _told(out: Output, found: Iterable[Event]) -> None:
    told = False
    for event in found:
        out.line(views.event_told(event))
        told = True
    if not told:
        out.note("nothing of that kind has happened yet")


def events(
    context: Context,
    *,
    count: int | None,
    follow: bool,
    agent: str | None,
    task: str | None,
    type_: str | None,
    after: str | None,
    since: str | None,
) -> None:
    """Show what has happened, the newest last, and go on if so asked."""
    if follow:
        _follow(context, count=count, agent=agent, task=task, type_=type_, after=after, since=since)
        return
    limit = 20 if count is None else count
    try:
        found = context.town.events(after=after, since=since, limit=limit, agent=agent, task=task, type=type_)
    except EventsTrimmedError as error:
        hint = f"`tt events --since {error.oldest}` begins with the oldest that is kept"
        raise EventsTrimmedError(oldest=error.oldest, hint=hint) from None
    forward = after is not None or since is not None
    last = found[-1].id if forward and len(found) == limit else None
    context.out.items(found, lambda out: _lines(out, found), next_=last)


def _follow(
    context: Context,
    *,
    count: int | None,
    agent: str | None,
    task: str | None,
    type_: str | None,
    after: str | None,
    since: str | None,
) -> None:
    """Print events without end, each once; what is no longer kept is told where it would have stood."""
    from tinytown.services import watching

    town = context.town
    context.out.end()
    place = watching.start_of(after=after, since=since)
    if place is None:
        beginning = town.run_steps(watching.now())
        found = town.events(limit=20 if count is None else count, agent=agent, task=task, type=type_)
        for event in found:
            _print(context, event)
        place = found[-1].id if found else beginning
    while True:
        try:
            for event in town.follow(place, agent=agent, task=task, type=type_):
                _print(context, event)
                place = event.id
        except EventsTrimmedError as error:
            _tell_of_gap(context, error)
            place = watching.before(error.oldest)


def _tell_of_gap(context: Context, error: EventsTrimmedError) -> None:
    line = {"type": error.code, "oldest": error.oldest, "message": error.message}
    context.out.either(lambda: line, lambda out: out.line(f"-- {error.message} ({error.code})", "yellow"))
    context.out.flush()


def _lines(out: Output, found: Iterable[Event]) -> None:
    for event in found:
        out.line(views.event_line(event))


def _print(context: Context, event: Event) -> None:
    context.out.record(event, lambda out: out.line(views.event_line(event)))
    context.out.flush()

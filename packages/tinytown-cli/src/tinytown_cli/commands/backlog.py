"""The commands of `tt backlog`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinytown_cli import views
from tinytown_cli.commands.tasks import add as add_task
from tinytown_cli.commands.tasks import several, show_changed, show_task

if TYPE_CHECKING:
    from tinytown_cli.context import Context
    from tinytown_cli.output import Output


def add(
    context: Context,
    *,
    text: str,
    role: str | None,
    tags: tuple[str, ...],
    depends_on: tuple[str, ...],
    parent: str | None,
    gate: tuple[str, ...],
) -> None:
    """Add a task that is nobody's."""
    add_task(context, text=text, agent=None, role=role, tags=tags, depends_on=depends_on, parent=parent, gate=gate)


def list_backlog(
    context: Context, *, role: str | None, tags: tuple[str, ...], limit: int | None, after: int | None
) -> None:
    """List the tasks that are nobody's."""
    page = context.town.tasks(
        state="pending", role=role, tags=several(tags), after=after, limit=100 if limit is None else limit
    )
    context.out.items(
        page.items, lambda out: views.tasks(out, page.items, empty="the backlog is empty"), next_=page.next
    )


def claim(context: Context, *, task: str, agent: str | None) -> None:
    """Take a task from the backlog."""
    show_task(context, context.town.claim(task, agent))


def assign_all(
    context: Context, *, agent: str, role: str | None, tags: tuple[str, ...], limit: int | None, dry_run: bool
) -> None:
    """Give an agent the tasks of the backlog."""
    given = context.town.assign_all(
        agent, role=role, tags=several(tags), limit=1000 if limit is None else limit, dry_run=dry_run
    )

    def document() -> dict[str, Any]:
        from tinytown.storage.codec import as_json

        return {
            "agent": given.agent.name,
            "agent_id": given.agent.id,
            "dry_run": given.dry_run,
            "items": [as_json(task) for task in given.tasks],
            "lost": list(given.lost),
            "more": given.more,
        }

    def human(out: Output) -> None:
        views.tasks(out, given.tasks, empty="the backlog holds nothing of that kind")
        if given.tasks:
            would = "would go to" if given.dry_run else "went to"
            out.note(f"{len(given.tasks)} {'task' if len(given.tasks) == 1 else 'tasks'} {would} {given.agent.name}")
        if given.lost:
            out.note(f"{len(given.lost)} were taken by somebody else meanwhile")
        if given.more:
            out.note("there are more: run it again")

    context.out.either(document, human)


def remove(context: Context, *, task: str) -> None:
    """Cancel a task of the backlog."""
    show_changed(context, context.town.remove_from_backlog(task))

"""`tt reclaim`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinytown_cli.asking import agree
from tinytown_cli.terminal import one_line

if TYPE_CHECKING:
    from tinytown.services.held import Held, Reclaimed

    from tinytown_cli.context import Context
    from tinytown_cli.output import Output

_OTHER_COLUMNS = 58


def reclaim(
    context: Context,
    *,
    from_: str | None,
    to: str | None,
    to_backlog: bool,
    orphan_tasks: bool,
    cancel: bool,
    delete: bool,
    dry_run: bool,
    force: bool,
) -> int:
    """List what ended agents hold, or hand it on."""
    wish: dict[str, Any] = {
        "from_": from_,
        "to": to,
        "to_backlog": to_backlog,
        "orphan_tasks": orphan_tasks,
        "cancel": cancel,
        "delete": delete,
    }
    from tinytown.services.reclaiming import check_wish

    check_wish(orphan_tasks=orphan_tasks, to=to is not None, backlog=to_backlog, cancel=cancel, delete=delete)
    town = context.town
    if cancel or delete:
        plan = town.reclaim(**wish, dry_run=True)
        count = sum(item.doing in {"cancel", "delete"} for item in plan.items)
        if count and not dry_run:
            what = "delete" if delete else "cancel"
            agree(context.out, f"This would {what} {count} open task(s).", force=force)
    found = town.reclaim(**wish, dry_run=dry_run)
    changes = to is not None or to_backlog or cancel or delete
    context.out.either(lambda: _document(found), lambda out: _show(out, found, changes=changes))
    late = changes and not dry_run and any(not item.done and item.doing != "stays" for item in found.items)
    return 1 if late else 0


def _document(found: Reclaimed) -> dict[str, Any]:
    import attrs

    return {"dry_run": found.dry_run, "items": [attrs.asdict(item) for item in found.items]}


def _show(out: Output, found: Reclaimed, *, changes: bool) -> None:
    if not found.items:
        out.note("no agent that has ended holds anything")
        return
    width = out.room(_OTHER_COLUMNS, least=20)
    rows = [
        (
            item.holder,
            item.id,
            f"{item.kind}, {'urgent ' if item.urgent else ''}{item.state}",
            _words(item, dry_run=found.dry_run),
            one_line(item.text, width),
        )
        for item in found.items
    ]
    out.table(("AGENT", "ID", "WHAT", "BECOMES", "TEXT"), rows)
    if not changes:
        out.note("nothing was changed: `tt reclaim --to-backlog` or `--to AGENT` hands it on")


def _words(item: Held, *, dry_run: bool) -> str:
    said = {
        "listed": "-",
        "stays": "stays",
        "assign": f"assigned to {item.to}",
        "requeue": "in the backlog",
        "move": f"mail of {item.to}",
        "task": f"task {item.to}",
        "cancel": "cancelled",
        "delete": "deleted",
    }[item.doing]
    if item.why:
        return f"stays: {item.why}"
    return f"would be {said}" if dry_run and item.doing not in {"listed", "stays"} else said

"""`tt task edit`, `tt plan` and `tt sync`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinytown_cli import views
from tinytown_cli.commands.tasks import optional_text, several, show_task
from tinytown_cli.terminal import one_line

if TYPE_CHECKING:
    from tinytown.services.planning import Planned
    from tinytown.services.sync_report import SyncReport

    from tinytown_cli.context import Context
    from tinytown_cli.output import Output

_CLEARED = ("role", "tags", "depends-on", "parent")


def edit(
    context: Context,
    *,
    task: str,
    description: str | None,
    role: str | None,
    tags: tuple[str, ...],
    depends_on: tuple[str, ...],
    parent: str | None,
    clear: tuple[str, ...],
) -> None:
    """Change what a task says."""
    from tinytown.services import checks

    gone = {checks.word(word, _CLEARED, what="`--clear`") for word in several(clear)}
    changed = context.town.edit(
        task,
        text=optional_text(description, "description"),
        role="" if "role" in gone else None if role is None else checks.plain_name(role, what="role"),
        tags=() if "tags" in gone else several(tags) if tags else None,
        depends_on=() if "depends-on" in gone else several(depends_on) if depends_on else None,
        parent="" if "parent" in gone else None if parent is None else checks.ref(parent, what="parent"),
    )
    show_task(context, changed)


def plan(context: Context, *, init: bool, force: bool) -> None:
    """List the plan, or begin one."""
    if not init and force:
        from tinytown.errors import UsageError

        raise UsageError(detail="`--force` belongs to `--init`", hint="`tt plan --init --force` replaces the plan")
    if init:
        _init(context, force=force)
        return
    found = _listed(context)

    def human(out: Output) -> None:
        if not found:
            out.note("no entries; `tt plan --init` writes an example")
            return
        rows = [_row(each) for each in found]
        out.table(("ID", "STATUS", "TASK", "STATE", "AGENT", "DESCRIPTION"), rows)

    context.out.either(lambda: {"items": [each.as_json() for each in found], "next": None}, human)


def _row(each: Planned) -> tuple[Any, ...]:
    entry, task = each.entry, each.task
    state = "-" if task is None else views.state_cell(task.state)
    agent = entry.agent or (None if task is None else task.agent) or "unassigned"
    text = one_line(entry.description, 60)
    return entry.id, views.state_cell(entry.status or "pending"), "-" if task is None else task.id, state, agent, text


def _init(context: Context, *, force: bool) -> None:
    from tinytown.services.planning import write_example

    written = write_example(_paths(context), force=force)
    context.out.either(
        lambda: {"file": str(written)},
        lambda out: (out.line(str(written)), out.note("edit it, then: tt sync push --dry-run"))[0],
    )


def _listed(context: Context) -> tuple[Planned, ...]:
    """List with the town, or without it when its server does not run; nothing is started for that."""
    from tinytown.errors import ServerStartError, StorageRefusedError, StorageUnavailableError
    from tinytown.services.planning import plan_without_town

    paths = _paths(context)
    found = plan_without_town(paths)
    try:
        return context.open(start=False).plan()
    except (ServerStartError, StorageRefusedError, StorageUnavailableError) as error:
        context.out.note(f"the town cannot be reached, so this is the file alone: {error.message}")
        return found


def _paths(context: Context) -> Any:
    from tinytown.config.discover import find_town
    from tinytown.config.paths import TownPaths

    return TownPaths(find_town(context.flags.town))


def sync(
    context: Context,
    *,
    direction: str | None,
    prefer: str | None,
    prune: bool,
    no_gates: bool,
    all_: bool,
    dry_run: bool,
) -> None:
    """Bring file and town together."""
    from tinytown.errors import PlanConflictError, UsageError

    pull = direction == "pull"
    if (pull and (prune or no_gates)) or (all_ and not pull):
        raise UsageError(
            detail="`--prune` and `--no-gates` belong to `push`, `--all` to `pull`", hint="`tt sync --help` shows both"
        )
    town = context.town
    try:
        if pull:
            report = town.sync_pull(prefer=prefer, everything=all_, dry_run=dry_run)
        else:
            report = town.sync_push(prefer=prefer, prune=prune, no_gates=no_gates, dry_run=dry_run)
    except PlanConflictError as error:
        _show_conflicts(context, error, "pull" if pull else "push")
        raise
    context.out.either(report.as_json, lambda out: _show(out, report))


def _show_conflicts(context: Context, error: Any, direction: str) -> None:
    import attrs

    found = error.conflicts

    def human(out: Output) -> None:
        for each in found:
            out.line(f"{each.id}  {each.field}", "yellow")
            for side in ("file", "town", "base"):
                out.line(f"  {side}: {_shown(getattr(each, side))}")

    context.out.either(lambda: {"direction": direction, "conflicts": [attrs.asdict(each) for each in found]}, human)


def _shown(value: Any) -> str:
    if value is None or value == ():
        return "-"
    return one_line(value if isinstance(value, str) else ", ".join(value), 100)


def _show(out: Output, report: SyncReport) -> None:
    """Say what was done: one line for each entry and field."""
    for entry in report.added:
        out.line(f"+ {entry.id}  {one_line(entry.description, 80)}", "green")
    for change in report.changes:
        out.line(f"~ {change.id}  {change.field}: {_shown(change.old)} -> {_shown(change.new)}")
    for ref in report.cancelled:
        out.line(f"- {ref}  cancelled", "red")
    for ref in report.removed:
        out.note(f"`{ref}` was removed from the file; cancel its task with `tt sync push --prune`")
    for ref in report.ordered:
        out.note(f"`{ref}` is ordered; it counts when its round has ended")
    for ref in report.taken:
        out.note(f"`{ref}` was pushed by somebody else at the same moment; sync again to compare")
    if report.finished:
        out.note("a push that had been interrupted was finished first")
    if report.nothing:
        out.note("nothing to do")
    elif report.dry_run:
        out.note("this is what would be done; nothing was changed")
    if report.waiting:
        other = "pull" if report.direction == "push" else "push"
        out.note(f"changes that wait for `tt sync {other}`: {report.waiting}")

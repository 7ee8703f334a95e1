"""`sync push` and `sync pull`: bringing the plan in the file and the tasks of the town together."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import attrs

from tinytown.config.files import read_text, write_shared
from tinytown.config.plan_file import PlanFile, read_plan
from tinytown.config.plan_write import changed_text
from tinytown.domain.ids import IdKind, new_id
from tinytown.domain.plan_entries import Entry, entry_from, slug
from tinytown.domain.plan_merge import Merge, Side, base_after_pull, base_after_push, merge
from tinytown.errors import PlanConflictError, RefusedError
from tinytown.services import checks, sync_work
from tinytown.services.plan_view import Agents, TownTasks, canonical, read_tasks
from tinytown.services.steps import Steps, ask, local
from tinytown.services.sync_apply import Applying, Push, push_from
from tinytown.services.sync_base import Base, lock, read_base, write_base
from tinytown.services.sync_report import SyncReport, waiting_for_pull, waiting_for_push
from tinytown.services.working import see_to_it
from tinytown.storage.calls import edits

if TYPE_CHECKING:
    from tinytown.services.context import TownContext

SIDES = ("file", "town")


@attrs.frozen(kw_only=True)
class Compared:
    """Both sides as they are now, in the same words.

    Attributes:
        plan: The file.
        found: The tasks.
        agents: Agents that were looked up.
        file: The entries of the file.
        town: The tasks as entries.
        base: What both said before.
        stored: What was kept of the last sync.
        merged: What would bring them together.
    """

    plan: PlanFile
    found: TownTasks
    agents: Agents
    file: Mapping[str, Entry]
    town: Mapping[str, Entry]
    base: Mapping[str, Entry]
    stored: Base
    merged: Merge


def sync_push(
    context: TownContext,
    *,
    prefer: str | None = None,
    prune: bool = False,
    no_gates: bool = False,
    dry_run: bool = False,
) -> Steps[SyncReport]:
    """Take what the file `tasks.toml` changed since the last sync into the town.

    An entry is one task for ever, whoever pushes it and however often. Everything is checked before anything is said:
    a conflict, or a change that a task's state does not allow, is refused whole.

    Args:
        context: The town.
        prefer: Whose word counts where both sides changed a field: ``file`` or ``town``.
        prune: Cancel open tasks whose entries were taken out of the file.
        no_gates: Complete tasks without their gates, which is kept in the evidence.
        dry_run: Only say what would be done.

    Raises:
        ConfigError: The file cannot be read, or says what it must not.
        PlanConflictError: Both sides changed the same fields, differently.
        RefusedError: A change is not allowed; the sentence names the entry.
    """
    side = _checked(context, prefer)
    with _alone(context, dry_run) as opened:
        yield from opened
        finished = False if dry_run else (yield from _finish(context))
        now = yield from _compare(context, side)
        sync_work.check_names(now.plan, now.file, now.found, () if prune else now.merged.removed)
        works = yield from _works(now)
        pruned = now.merged.removed if prune else ()
        works += [_cancelling(now, ref) for ref in pruned]
        report = SyncReport(
            direction="push",
            dry_run=dry_run,
            added=tuple(now.file[ref] for ref in now.merged.new_in_file),
            changes=now.merged.to_town,
            cancelled=pruned,
            removed=() if prune else now.merged.removed,
            finished=finished,
            waiting=waiting_for_pull(now.merged),
        )
        if dry_run:
            return report
        if now.plan.unnamed:
            text = changed_text(
                now.plan.text, {n: {"id": name} for n, name in now.plan.unnamed.items()}, path=str(context.paths.plan)
            )
            yield from local(lambda: _write(context, now.plan, text))
        push = Push(nonce=new_id(IdKind.OPERATION), works=works, names=_names(now), no_gates=no_gates)
        after = base_after_push(now.file, now.town, now.base)
        if works:
            yield from local(lambda: _note(context, now.base, {**push.as_json(), "after": _plain(after)}))
            yield from _carry_out(context, push, now.base, after)
            yield from see_to_it(context)
        else:
            yield from local(lambda: _note(context, after))
        return attrs.evolve(report, ordered=tuple(push.ordered), taken=tuple(push.taken))


def sync_pull(
    context: TownContext, *, prefer: str | None = None, everything: bool = False, dry_run: bool = False
) -> Steps[SyncReport]:
    """Write what the town changed since the last sync into the file `tasks.toml`; comments and order stay.

    Open tasks that the file does not have come to its end, with a readable id.

    Args:
        context: The town.
        prefer: Whose word counts where both sides changed a field: ``file`` or ``town``.
        everything: Also add closed tasks that the file does not have.
        dry_run: Only say what would be done.

    Raises:
        ConfigError: The file cannot be read, or cannot be changed without moving what is in it.
        PlanConflictError: Both sides changed the same fields, differently.
    """
    side = _checked(context, prefer)
    with _alone(context, dry_run) as opened:
        yield from opened
        finished = False if dry_run else (yield from _finish(context))
        now = yield from _compare(context, side, unlisted=True, closed=everything)
        sync_work.check_names(now.plan, now.file, now.found)
        before, names = now, dict(now.found.names)
        yield from _name_new(context, now, dry_run=True)
        now = yield from _again(now, side)
        text = _new_text(context, now)  # what cannot be written is refused before any task is named
        if not dry_run and now.merged.new_in_town:
            now.found.names = names
            yield from _name_new(context, before, dry_run=False)
            now = yield from _again(before, side)
            text = _new_text(context, now)
        added = _added(now)
        report = SyncReport(
            direction="pull",
            dry_run=dry_run,
            added=added,
            changes=now.merged.to_file,
            removed=now.merged.removed,
            finished=finished,
            waiting=waiting_for_push(now.merged),
        )
        if dry_run:
            return report
        after = base_after_pull({**now.file, **{entry.id: entry for entry in added}}, now.town, now.base)
        if text is not None:
            yield from local(lambda: write_base(context.paths, context.name, now.base, pull=(after, text)))
            yield from local(lambda: _write(context, now.plan, text))
        yield from local(lambda: _note(context, after))
        return report


def _added(now: Compared) -> tuple[Entry, ...]:
    return tuple(now.town[ref] for ref in now.merged.new_in_town)


def _new_text(context: TownContext, now: Compared) -> str | None:
    """Give the text that a pull writes, or None where nothing changes."""
    places = {entry.id: number for number, entry in enumerate(now.plan.entries)}
    changes: dict[int, dict[str, Any]] = {number: {"id": name} for number, name in now.plan.unnamed.items()}
    for change in now.merged.to_file:
        changes.setdefault(places[change.id], {})[change.field] = change.new
    added = _added(now)
    if not changes and not added:
        return None
    return changed_text(now.plan.text, changes, added, path=str(context.paths.plan))


def _checked(context: TownContext, prefer: str | None) -> Side | None:
    if context.in_round:
        raise RefusedError(
            refusal="people_only",
            detail="a round may not sync the plan",
            hint="add tasks with `tt task add`; people bring file and town together",
        )
    if prefer is None:
        return None
    return "file" if checks.word(prefer, SIDES, what="`prefer`") == "file" else "town"


@contextmanager
def _alone(context: TownContext, dry_run: bool) -> Generator[Steps[None]]:
    """One command of this folder at a time; what only looks need not wait."""
    held: list[int] = []

    def take() -> Steps[None]:
        if not dry_run:
            held.append((yield from local(lambda: lock(context.paths))))

    try:
        yield take()
    finally:
        for descriptor in held:
            os.close(descriptor)


def _compare(
    context: TownContext, side: Side | None, *, unlisted: bool = False, closed: bool = False
) -> Steps[Compared]:
    plan = yield from local(lambda: read_plan(context.paths.plan))
    entries = {entry.id: entry for entry in plan.entries}
    stored = yield from local(lambda: read_base(context.paths, context.name, entries, plan.text))
    if stored.lost:
        context.notices.append(f"what was synced last is not known ({stored.lost}), so differences are conflicts")
    found = yield from read_tasks(plan, stored.entries, unlisted=unlisted, closed=closed)
    file, agents = yield from canonical(plan, stored.entries, found)
    now = Compared(plan=plan, found=found, agents=agents, file=file, town={}, base={}, stored=stored, merged=Merge())
    return (yield from _again(now, side))


def _again(now: Compared, side: Side | None) -> Steps[Compared]:
    """Compare with the names that tasks have now.

    Raises:
        PlanConflictError: A field changed on both sides, and no side is preferred.
    """
    yield from ()
    file = {ref: entry.renamed(now.found.name) for ref, entry in now.file.items()}
    base = {ref: entry.renamed(now.found.name) for ref, entry in now.stored.entries.items()}
    town = now.found.entries([*file, *base])
    merged = merge(file, town, {ref: entry for ref, entry in base.items() if ref in town}, prefer=side)
    if merged.conflicts:
        fields = [f"`{each.id}` {each.field}" for each in merged.conflicts]
        shown = ", ".join(fields[:5]) + (f" and {len(fields) - 5} more" if len(fields) > 5 else "")  # noqa: PLR2004
        raise PlanConflictError(detail=shown, conflicts=merged.conflicts)
    return attrs.evolve(now, file=file, base=base, town=town, merged=merged)


def _works(now: Compared) -> Steps[list[sync_work.Work]]:
    """Plan what is said of each entry, and check all of it."""
    works: list[sync_work.Work] = []
    default = now.plan.meta.default_agent
    for ref in now.merged.new_in_file:
        mine = now.file[ref]
        name = mine.agent or (default.lower() if default and mine.role is None else None)
        agent = None if name is None else (yield from now.agents.find(name))
        works.append(sync_work.new_work(mine, agent, name))
    changed: dict[str, set[str]] = {}
    for change in now.merged.to_town:
        changed.setdefault(change.id, set()).add(change.field)
    for ref, fields in changed.items():
        task = now.found.task(ref)
        if task is None:
            continue
        work = sync_work.known_work(now.file[ref], task, fields)
        if work.agent is not None:
            sync_work.check_agent(ref, work.agent, (yield from now.agents.find(work.agent)))
        works.append(work)
    sync_work.check_references(works, now.file, now.found)
    return works


def _cancelling(now: Compared, ref: str) -> sync_work.Work:
    task = now.found.task(ref)
    if task is None:
        raise RefusedError(detail=f"entry `{ref}` has no task")
    return sync_work.Work(id=ref, task=task.id, state=str(task.state), last="cancel")


def _names(now: Compared) -> dict[str, str]:
    return {name: ref for ref, name in now.found.names.items()}


def _finish(context: TownContext) -> Steps[bool]:
    """Finish a push that was interrupted: its steps are repeated under the ids that they had."""
    stored = yield from local(lambda: read_base(context.paths, context.name, {}, None))
    if stored.push is None:
        return False
    try:
        push = push_from(stored.push)
        after = {str(each["id"]): entry_from(each) for each in stored.push["after"]}
    except (KeyError, TypeError, ValueError, AttributeError):  # damaged, or of another version: both sides are compared
        return False
    yield from _carry_out(context, push, stored.entries, after)
    return True


def _carry_out(
    context: TownContext, push: Push, before: Mapping[str, Entry], after: Mapping[str, Entry]
) -> Steps[None]:
    """Do a push and note what both sides agree on then: of all entries, or of those that were done."""
    applying = Applying(context, push)
    try:
        yield from applying.run()
    except RefusedError:  # after any other error the note stays, and the next sync goes on here
        undone = _but(before, after, {work.id for work in push.works} - applying.done)
        yield from local(lambda: _note(context, undone))
        raise
    kept = _but(before, after, set(push.taken))
    yield from local(lambda: _note(context, kept))


def _but(before: Mapping[str, Entry], after: Mapping[str, Entry], left: set[str]) -> dict[str, Entry]:
    kept = {ref: entry for ref, entry in after.items() if ref not in left}
    return {**kept, **{ref: before[ref] for ref in left if ref in before}}


def _note(context: TownContext, entries: Mapping[str, Entry], push: Mapping[str, Any] | None = None) -> None:
    write_base(context.paths, context.name, entries, push=push)


def _plain(entries: Mapping[str, Entry]) -> list[dict[str, Any]]:
    return [attrs.asdict(entry) for entry in entries.values()]


def _name_new(context: TownContext, now: Compared, *, dry_run: bool) -> Steps[None]:
    """Give tasks that the file does not have yet a readable name, which the server keeps."""
    taken = {*now.file, *now.base, *now.found.names.values()}
    for ref in now.merged.new_in_town:
        task = now.found.task(ref)
        if task is None or task.plan_id is not None:
            continue
        while True:
            name = slug(task.description, taken)
            taken.add(name)
            if dry_run:
                break
            try:
                name = (yield from ask(edits.link(task.id, name, **context.actor.fields))).task.plan_id or name
            except RefusedError as error:
                if error.refusal != "plan_id_taken":
                    raise
            else:
                break
        now.found.names[task.id] = name


def _write(context: TownContext, plan: PlanFile, text: str) -> None:
    """Write the plan, unless somebody has edited it since it was read."""
    if read_text(context.paths.plan) != plan.text:
        raise RefusedError(
            refusal="file_changed",
            detail=f"`{context.paths.plan}` was changed while it was being synced; it was left as it is",
            hint="sync again",
        )
    write_shared(context.paths.plan, text.encode())

"""What becomes of worktrees whose agents are off the books: into the trash, out of it again, or gone.

Nothing with unsaved work is deleted unless a person says so; each one is kept as a snapshot under a ref first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

from tinytown.crash import point
from tinytown.domain.clock import SystemClock
from tinytown.domain.records import Agent
from tinytown.errors import NotFoundError
from tinytown.services.context import TownContext
from tinytown.services.ended_agents import all_agents, people_only
from tinytown.services.steps import Steps, local
from tinytown.services.worktrees import in_loop

if TYPE_CHECKING:
    from tinytown.node.workspaces.findings import Finding, Kind
    from tinytown.node.workspaces.trash import Trashed

DAY_MS = 24 * 3600 * 1000
_BUSY_SECS = 2.0


@attrs.frozen(kw_only=True)
class Cleared:
    """What was, or would be, done with a worktree.

    Attributes:
        agent: Name of its agent.
        name: What it is called in the trash; empty where it does not lie there.
        action: ``deleted``, ``trashed``, ``kept``, ``restored`` or ``forgotten``.
        path: Where it lies, or lay.
        ref: The snapshot of it, where there is one.
        why: What keeps it, in sentences; empty for nothing.
    """

    agent: str
    name: str = ""
    action: str
    path: str
    ref: str = ""
    why: tuple[str, ...] = ()


def clear_workspaces(
    context: TownContext, removed: Sequence[Agent], *, only: bool, dry_run: bool
) -> Steps[tuple[Cleared, ...]]:
    """Put worktrees of removed agents away, and delete what nothing keeps.

    Args:
        context: The town.
        removed: Agents that were, or would be, removed by the same command.
        only: Leave out what earlier commands left.
        dry_run: Only say what would be done.
    """
    gone = {agent.name: agent.id for agent in removed}
    if not (yield from local(lambda: context.paths.workspaces.is_dir() or context.paths.trash.is_dir())):
        return ()
    stays = {agent.name: agent.id for agent in (yield from all_agents()) if agent.id not in gone.values()}
    return (yield from local(lambda: in_loop(lambda: _clear(context, gone, stays, only=only, dry_run=dry_run))))


async def _clear(
    context: TownContext, gone: dict[str, str], stays: dict[str, str], *, only: bool, dry_run: bool
) -> tuple[Cleared, ...]:
    from tinytown.node.workspaces.findings import AGES
    from tinytown.node.workspaces.note import read_note
    from tinytown.node.workspaces.trash import Stage, trashed

    paths = context.paths
    found: list[Cleared] = []
    names = {folder.name for folder in paths.workspaces.glob("*/")}
    names |= {file.stem for file in paths.workspaces.glob("*.json")}
    fresh: set[str] = set()
    for name in sorted(names):
        note = read_note(paths.workspace_note(name))
        owner = note.agent_id if note is not None else ""
        if (name in stays and owner in ("", stays[name])) or (only and name not in gone):
            continue
        done = await _put_away(context, name, owner, dry_run=dry_run)
        if done is not None:
            found.append(done)
            fresh.add(done.name)
    before = SystemClock().now_ms() - context.config.workspace.trash_days * DAY_MS
    for entry in () if only else tuple(trashed(paths)):
        if entry.name in fresh or entry.stage in (Stage.DELETED, Stage.RETURNING):
            continue
        old = entry.at <= before
        found.append(await _delete(context, entry, AGES if old else frozenset(), dry_run=dry_run))
    return tuple(found)


async def _put_away(context: TownContext, name: str, owner: str, *, dry_run: bool) -> Cleared | None:
    from tinytown.node.git import GitError
    from tinytown.node.workspaces.clearing import put_away
    from tinytown.node.workspaces.findings import Kind, look
    from tinytown.node.workspaces.note import Note, alone, read_note
    from tinytown.node.workspaces.trash import Trashed

    paths = context.paths
    place = paths.workspace(name)
    if dry_run:
        note = read_note(paths.workspace_note(name)) or Note(agent=name, agent_id="", branch="")
        keeps = await look(place, Trashed(number=0, note=note, at=0)) if place.exists() else ()
        busy = any(each.kind is Kind.PROCESS for each in keeps)
        action = "kept" if busy else "trashed" if keeps else "deleted"
        return Cleared(agent=name, action=action, path=str(place), why=_texts(keeps))
    try:
        async with alone(paths, name, secs=_BUSY_SECS):
            note = read_note(paths.workspace_note(name))
            if (note.agent_id if note is not None else "") != owner:  # a new agent of the name was quicker
                return None
            entry = await put_away(paths, name)
    except GitError as error:
        return Cleared(agent=name, action="kept", path=str(place), why=(str(error),))
    if entry is None:
        return Cleared(agent=name, action="deleted", path=str(place))
    return await _delete(context, entry, frozenset(), dry_run=False, trashed=True)


async def _delete(
    context: TownContext, entry: Trashed, may_lose: frozenset[Kind], *, dry_run: bool, trashed: bool = False
) -> Cleared:
    from tinytown.node.git import GitError
    from tinytown.node.workspaces.clearing import delete, finish_moves, second_look
    from tinytown.node.workspaces.findings import Kind
    from tinytown.node.workspaces.note import alone
    from tinytown.node.workspaces.trash import Stage

    why: tuple[str, ...]
    try:
        if dry_run:
            found = await second_look(context.paths, entry)
            why = _texts(tuple(each for each in found if each.kind not in may_lose - {Kind.PROCESS}))
        else:
            async with alone(context.paths, entry.note.agent, secs=_BUSY_SECS):
                if entry.stage is Stage.LEAVING:
                    entry = await finish_moves(context.paths, entry.note.agent) or entry
                why = _texts(await delete(context.paths, entry, may_lose=may_lose))
    except (GitError, OSError) as error:
        why = (str(error),)
    action = ("trashed" if trashed else "kept") if why else "deleted"
    return Cleared(
        agent=entry.note.agent,
        name=entry.name,
        action=action,
        path=str(entry.folder(context.paths)),
        ref=entry.ref if entry.commit else "",
        why=why,
    )


def _texts(found: Sequence[Finding]) -> tuple[str, ...]:
    return tuple(each.text for each in found)


def empty_trash(context: TownContext, *, dry_run: bool = False) -> Steps[tuple[Cleared, ...]]:
    """Delete all worktrees in the trash, whatever is in them, but for those that a process works in.

    Their snapshots stay, with all that git could see.
    """
    people_only(context, "empty the trash")
    return (yield from local(lambda: in_loop(lambda: _empty(context, dry_run=dry_run))))


async def _empty(context: TownContext, *, dry_run: bool) -> tuple[Cleared, ...]:
    from tinytown.node.workspaces.findings import Kind
    from tinytown.node.workspaces.trash import Stage, trashed

    entries = [entry for entry in trashed(context.paths) if entry.stage in (Stage.KEPT, Stage.DELETING)]
    return tuple([await _delete(context, entry, frozenset(Kind), dry_run=dry_run) for entry in entries])


def undo_prune(context: TownContext, name: str | None = None, *, dry_run: bool = False) -> Steps[Cleared]:
    """Bring a worktree back: the last one of all, or of an agent, or one by its name in the trash.

    It belongs to the next agent of its name.

    Raises:
        NotFoundError: Nothing of that name can be brought back.
        RefusedError: Its place is taken, or its branch is checked out elsewhere.
    """
    people_only(context, "bring worktrees back")
    return (yield from local(lambda: in_loop(lambda: _undo(context, name, dry_run=dry_run))))


async def _undo(context: TownContext, name: str | None, *, dry_run: bool) -> Cleared:
    from tinytown.node.workspaces.note import alone
    from tinytown.node.workspaces.undoing import bring_back, newest

    entry = newest(context.paths, name)
    if entry is None:
        hint = "`tt prune --dry-run` lists what lies in the trash"
        raise NotFoundError(kind="worktree in the trash", ref=name or "", hint=hint)
    if not dry_run:
        async with alone(context.paths, entry.note.agent, secs=_BUSY_SECS):
            await bring_back(context.paths, entry, context.config.workspace)
    return Cleared(
        agent=entry.note.agent,
        name=entry.name,
        action="restored",
        path=str(context.paths.workspace(entry.note.agent)),
        ref=entry.ref if entry.commit else "",
    )


def forget_refs(context: TownContext, *, dry_run: bool = False) -> Steps[tuple[Cleared, ...]]:
    """Delete the snapshots of worktrees that are deleted; those of worktrees in the trash stay."""
    people_only(context, "delete snapshots")
    return (yield from local(lambda: in_loop(lambda: _forget(context, dry_run=dry_run))))


async def _forget(context: TownContext, *, dry_run: bool) -> tuple[Cleared, ...]:
    from tinytown.node.git import Repository
    from tinytown.node.workspaces.trash import REFS, Stage, forget_trashed, trashed

    repository = await Repository.of(context.root)
    if repository is None:
        return ()
    entries = {entry.ref: entry for entry in trashed(context.paths)}
    found: list[Cleared] = []
    for ref in (await repository.run("for-each-ref", "--format=%(refname)", f"{REFS}/")).splitlines():
        entry, agent = entries.get(ref), ref.split("/")[-2]
        held = entry is not None and entry.stage is not Stage.DELETED
        if not dry_run and not held:
            await repository.run("update-ref", "-d", ref)
            point("workspace.ref_dropped")
            if entry is not None:
                forget_trashed(context.paths, entry)
                point("workspace.forgotten")
        why = (f"`{entry.name}` lies in the trash",) if entry is not None and held else ()
        found.append(Cleared(agent=agent, action="kept" if held else "forgotten", path="", ref=ref, why=why))
    return tuple(found)

"""Put worktrees away without losing anything: snapshot, rename into the trash, a second look there, then deletion.

What is said in a town's trash is written before each step, so that a kill at any line is gone on from.
The caller keeps everybody else away (`note.alone`).
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import attrs

from tinytown.config.paths import TownPaths
from tinytown.crash import point
from tinytown.domain.clock import SystemClock
from tinytown.node.git import GitError, Repository
from tinytown.node.workspaces.findings import Finding, Kind, look, nested, workers
from tinytown.node.workspaces.note import Note, read_note
from tinytown.node.workspaces.trash import REFS, Stage, Trashed, forget_trashed, trashed, write_trashed


class InUseError(GitError):
    """A process works in the worktree."""


async def put_away(paths: TownPaths, name: str) -> Trashed | None:
    """Move the worktree of a name into the trash.

    Args:
        paths: Files of the town.
        name: Name of its agent.

    Returns:
        What it is there; None where there was nothing of anybody's.

    Raises:
        InUseError: A process works in it.
        GitError: It cannot be moved.
    """
    moved = await finish_moves(paths, name)
    folder, file = paths.workspace(name), paths.workspace_note(name)
    note = read_note(file)
    if not folder.exists():
        _drop_note(paths, name)
        return moved
    if note is not None and not note.made:  # nobody has worked in it yet
        await Repository(paths.root).drop_checkout(folder)
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        point("workspace.half_dropped")
        _drop_note(paths, name)
        return None
    if working := await asyncio.to_thread(workers, folder):
        raise InUseError(f"process {working[0]} works in `{folder}`")
    if note is None:
        note = Note(agent=name, agent_id="", branch="", made=True)
    number = await _next_number(paths, name)
    entry = Trashed(number=number, note=note, at=SystemClock().now_ms())
    write_trashed(paths, entry)
    point("workspace.leaving")
    entry = await _snapshot(entry, folder)
    write_trashed(paths, entry)
    point("workspace.snapshot_kept")
    if (folder / ".git").exists():
        await _guarded(paths.root, "lock", "--reason", "Tinytown's trash", str(folder))
        point("workspace.locked")
    try:
        folder.rename(entry.folder(paths))
    except OSError as error:
        raise GitError(f"`{folder}` cannot be moved into the trash: {os.strerror(error.errno or 0)}") from error
    point("workspace.moved")
    return await _arrived(paths, entry)


async def finish_moves(paths: TownPaths, name: str) -> Trashed | None:
    """Finish what a process that was killed had begun to put away; gives what is in the trash now."""
    found: Trashed | None = None
    for entry in trashed(paths):
        if entry.note.agent == name and entry.stage is Stage.LEAVING:
            if entry.folder(paths).exists():
                found = await _arrived(paths, entry)
            else:
                forget_trashed(paths, entry)
                point("workspace.move_forgotten")
    return found


async def _arrived(paths: TownPaths, entry: Trashed) -> Trashed:
    """Tell git where the worktree is now, keep what was written meanwhile, and free its place and ports."""
    folder = entry.folder(paths)
    if (folder / ".git").exists():
        await _guarded(paths.root, "repair", str(folder))
        point("workspace.repaired")
        entry = await _snapshot(entry, folder)
    if read_note(paths.workspace_note(entry.note.agent)) in (None, entry.note):
        _drop_note(paths, entry.note.agent)
    entry = attrs.evolve(entry, stage=Stage.KEPT)
    write_trashed(paths, entry)
    point("workspace.in_trash")
    return entry


async def _snapshot(entry: Trashed, folder: Path) -> Trashed:
    """Keep all that git can see in a commit under a ref that stays; a repository inside is left to the second look."""
    if not (folder / ".git").exists():
        return entry
    note = f"Worktree of {entry.note.agent} as it was put away\n\nTinytown-Agent: {entry.note.agent}"
    try:
        head = await Repository(folder).head()
        try:
            commit = await Repository(folder).snapshot(entry.ref, note)
        except GitError:  # git takes in no repository that has no commit
            commit = await Repository(folder).snapshot(entry.ref, note, await asyncio.to_thread(nested, folder))
    except (GitError, OSError) as error:
        return attrs.evolve(entry, problem=str(error)[:300])
    return attrs.evolve(entry, head=head or "", commit=commit or "", problem="")


async def _next_number(paths: TownPaths, name: str) -> int:
    used = {entry.number for entry in trashed(paths) if entry.note.agent == name}
    repository = await Repository.of(paths.root)
    if repository is not None:
        listed = await repository.run("for-each-ref", "--format=%(refname)", f"{REFS}/{name}/")
        used |= {int(ref.rpartition("/")[2]) for ref in listed.splitlines() if ref.rpartition("/")[2].isdecimal()}
    number = max(used, default=0) + 1
    while (paths.trash / f"{name}-{number}").exists():
        number += 1
    return number


def _drop_note(paths: TownPaths, name: str) -> None:
    """Free the place of a worktree, and its ports."""
    paths.workspace_note(name).unlink(missing_ok=True)
    point("workspace.note_dropped")
    paths.workspace_lock(name).unlink(missing_ok=True)


async def _guarded(root: Path, *words: str) -> None:
    """Run a step of git about worktrees that may have been done already."""
    try:
        await Repository(root).run("worktree", *words)
    except GitError:
        return


async def second_look(paths: TownPaths, entry: Trashed) -> tuple[Finding, ...]:
    """Look at what is in the trash for what its deletion would lose."""
    return await look(entry.folder(paths), entry)


async def delete(paths: TownPaths, entry: Trashed, *, may_lose: frozenset[Kind] = frozenset()) -> tuple[Finding, ...]:
    """Delete something in the trash; its snapshot stays, and its branch does where it holds anything of its own.

    Args:
        paths: Files of the town.
        entry: What to delete.
        may_lose: What a person has agreed to lose. A process that works there is never among it.

    Returns:
        What keeps it there; nothing where it is deleted.
    """
    if entry.stage is Stage.DELETED:
        return ()
    folder = entry.folder(paths)
    if entry.stage is not Stage.DELETING:
        keeps = tuple(each for each in await second_look(paths, entry) if each.kind not in may_lose - {Kind.PROCESS})
        if keeps:
            return keeps
        entry = attrs.evolve(entry, stage=Stage.DELETING)
        write_trashed(paths, entry)
        point("workspace.deleting")
    await asyncio.to_thread(_remove_tree, folder)
    point("workspace.deleted")
    await _guarded(paths.root, "unlock", str(folder))
    await _guarded(paths.root, "prune")
    await _drop_branch(paths, entry)
    if entry.commit:
        write_trashed(paths, attrs.evolve(entry, stage=Stage.DELETED))
    else:
        forget_trashed(paths, entry)
    point("workspace.gone")
    return ()


def _remove_tree(folder: Path) -> None:
    """Delete a folder, also what its owner may not write to, such as a cache of modules."""

    def open_up(_act: Callable[..., object], path: str, _error: object) -> None:
        above = Path(path).parent
        above.chmod(0o700)
        if Path(path).is_dir() and not Path(path).is_symlink():
            Path(path).chmod(0o700)
            shutil.rmtree(path)
        else:
            Path(path).unlink(missing_ok=True)

    if folder.exists():
        shutil.rmtree(folder, onerror=open_up)


async def _drop_branch(paths: TownPaths, entry: Trashed) -> None:
    """Delete the branch of a worktree if all of its commits are in what it began at, or in what is checked out."""
    repository = await Repository.of(paths.root)
    branch = f"refs/heads/{entry.note.branch}"
    if repository is None or not entry.note.branch:
        return
    try:
        tip = await repository.run("rev-parse", "--verify", "-q", branch)
    except GitError:
        return
    if any(each.branch == entry.note.branch for each in await repository.worktrees()):
        return
    for place in (f"refs/heads/{entry.note.base}", "HEAD"):
        if await repository.contains(place, tip):
            await repository.run("update-ref", "-d", branch, tip)
            point("workspace.branch_dropped")
            return

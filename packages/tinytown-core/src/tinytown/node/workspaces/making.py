"""Make the worktree of an agent ready: whole, with its files, its ports and its set-up, whatever was killed before.

Nobody works in it before its note says that it is made, so until then it is simply made anew; from then on it is never
replaced. The note says last that it is ready.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import attrs

from tinytown.crash import point
from tinytown.domain.records import Agent
from tinytown.node.context import NodeContext, log
from tinytown.node.git import GitError, Repository
from tinytown.node.workspaces.clearing import finish_moves, put_away
from tinytown.node.workspaces.copying import copy_into
from tinytown.node.workspaces.note import Note, alone, keep_with_ports, read_note, write_note
from tinytown.node.workspaces.setup import set_up


async def worktree_of(node: NodeContext, agent: Agent) -> tuple[Path, dict[str, str]]:
    """Give the directory of an agent in a worktree that is ready, and the variables that belong to it.

    One that is ready costs no process.

    Raises:
        GitError: It could not be made; the sentence is for a person.
        SetupInterruptedError: The node is stopping.
    """
    paths = node.paths
    folder, file = paths.workspace(agent.name), paths.workspace_note(agent.name)
    note = read_note(file)
    if note is None or not note.ready or note.agent_id != agent.id or not (folder / ".git").exists():
        async with alone(paths, agent.name):
            note = await _make(node, agent)
            if not note.ready:
                note = await set_up(node, agent, note, place_in(node.root, folder))
                note = attrs.evolve(note, ready=True)
                write_note(file, note)
                point("workspace.ready")
    return place_in(node.root, folder), note.variables


def place_in(root: Path, folder: Path) -> Path:
    """Give the directory in a worktree that is to the worktree what the town's folder is to its repository."""
    for top in (root, *root.parents):
        if (top / ".git").exists():
            inside = folder / root.relative_to(top)
            return inside if inside.is_dir() else folder
    return folder


async def _make(node: NodeContext, agent: Agent) -> Note:
    """Make the worktree of an agent, unless it is made."""
    repository = await repository_of(node.root)
    paths, settings = node.paths, node.config.workspace
    folder, file = paths.workspace(agent.name), paths.workspace_note(agent.name)
    await finish_moves(paths, agent.name)
    note = read_note(file)
    mine = note is not None and note.agent_id in ("", agent.id)  # one that was brought back is for whoever comes
    if note is not None and mine and note.made and (folder / ".git").exists():
        if not note.agent_id:
            note = attrs.evolve(note, agent_id=agent.id)
            write_note(file, note)
            point("workspace.adopted")
        return note
    if folder.exists() and (note is None or note.made):
        log.info("what is at the place of the worktree of `%s` goes into the trash", agent.name)
        await put_away(paths, agent.name)
        mine = False
    if not mine:
        note = None
    base = agent.base or settings.base or await repository.branch() or "HEAD"
    start = await commit_of(repository, base)
    if note is None or not await _has_branch(repository, note.branch):
        branch = await _free_branch(repository, f"{settings.branch_prefix}{agent.name}", start)
    else:
        branch = note.branch
    fresh = Note(agent=agent.name, agent_id=agent.id, branch=branch, base=base, start=start)
    if note is not None:
        fresh = attrs.evolve(fresh, first_port=note.first_port, ports=note.ports)
    fresh = keep_with_ports(paths, fresh, settings)
    point("workspace.noted")
    await _add(repository, folder, branch, start)
    place = place_in(node.root, folder)
    copied = await asyncio.to_thread(copy_into, node.root, place, settings.copy)
    within = "" if place == folder else place.relative_to(folder).as_posix()
    fresh = attrs.evolve(fresh, place=within, copied=copied, made=True)
    write_note(file, fresh)
    point("workspace.made")
    return fresh


async def repository_of(root: Path) -> Repository:
    """Give the repository of a town.

    Raises:
        GitError: There is none, or it has no commit.
    """
    repository = await Repository.of(root)
    if repository is None or await repository.head() is None:
        raise GitError("a worktree needs a git repository with a commit")
    return repository


async def commit_of(repository: Repository, name: str) -> str:
    """Give the commit that a branch or another name stands for.

    Raises:
        GitError: There is none.
    """
    try:
        return await repository.run("rev-parse", "--verify", "-q", "--end-of-options", f"{name}^{{commit}}")
    except GitError:
        raise GitError(f"`{name}` is no branch or commit of the repository") from None


async def _has_branch(repository: Repository, branch: str) -> bool:
    try:
        await repository.run("rev-parse", "--verify", "-q", f"refs/heads/{branch}")
    except GitError:
        return False
    return True


async def _free_branch(repository: Repository, wanted: str, start: str) -> str:
    """Find a branch for a new worktree: one without commits of its own, so that nobody else's work is inherited."""
    used = {each.branch for each in await repository.worktrees()}
    number = 1
    while True:
        branch = wanted if number == 1 else f"{wanted}-{number}"
        if branch not in used:
            if not await _has_branch(repository, branch):
                return branch
            if await repository.contains(start, f"refs/heads/{branch}"):
                await repository.run("branch", "-f", "--", branch, start)
                point("workspace.branch_moved")
                return branch
        number += 1


async def _add(repository: Repository, folder: Path, branch: str, start: str) -> None:
    """Make the worktree; what a killed try has left there is replaced, since nobody has worked in it."""
    await repository.drop_checkout(folder)
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    holder = next((each.path for each in await repository.worktrees() if each.branch == branch), None)
    if holder is not None:
        raise GitError(f"the branch `{branch}` is checked out in `{holder}`")
    if not await _has_branch(repository, branch):
        await repository.run("branch", "--no-track", "--", branch, start)
        point("workspace.branched")
    # Twice: a try that was killed may have left its entry locked.
    await repository.run("worktree", "add", "-q", "--force", "--force", str(folder), branch)
    point("workspace.added")

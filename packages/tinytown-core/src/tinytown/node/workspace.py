"""The directory that a round works in, and what git knows of it before and after."""

from __future__ import annotations

import json
from pathlib import Path

import attrs

from tinytown.config.files import private_dir, write_private
from tinytown.domain.records import Agent, Round, Task
from tinytown.node.context import NodeContext, log
from tinytown.node.git import GitError, Repository
from tinytown.node.workspaces.making import worktree_of

BASELINE = "baseline"
LOOSE = "loose"
"""Folder under `.tt` with one file for each task whose rounds left uncommitted files."""


@attrs.frozen(kw_only=True)
class After:
    """What git says of a workspace once the processes of a round are gone."""

    head: str | None = None
    branch: str | None = None
    uncommitted: tuple[str, ...] = ()


async def workspace_of(node: NodeContext, agent: Agent) -> tuple[Path, dict[str, str]]:
    """Give the directory of an agent, and the variables that belong to it: the town's root, or a git work tree.

    Raises:
        GitError: The work tree could not be made.
    """
    if agent.workspace != "worktree":
        return node.root, {}
    return await worktree_of(node, agent)


async def look_before(workspace: Path, round_dir: Path) -> None:
    """Keep what the workspace looks like before a checked round, so that only its own loose files count."""
    repository = await Repository.of(workspace)
    if repository is None:
        return
    try:
        write_private(round_dir / BASELINE, (await repository.tree()).encode())
    except (GitError, OSError) as error:
        log.warning("cannot look at the workspace `%s`: %s", workspace, error)


async def look_after(
    workspace: Path, round_dir: Path, live: Round, task: Task | None, *, gated: bool, submitted: bool, commits: bool
) -> After:
    """Keep the work of a round as a snapshot commit, and say what it left.

    Args:
        workspace: Where the round worked.
        round_dir: Its own folder.
        live: The round.
        task: Its task, if it had one.
        gated: Whether gates apply, for which loose files matter.
        submitted: Whether the task was submitted.
        commits: Whether the agent could commit; otherwise this does it.

    Returns:
        Head, branch and loose files; nothing outside git.
    """
    repository = await Repository.of(workspace)
    if repository is None:
        return After()
    try:
        loose: list[str] = []
        if gated and task is not None:
            left = round_dir.parent.parent / LOOSE / task.id
            loose = await repository.changed_since(_read(round_dir / BASELINE), _loose(left))
            if loose and not commits and submitted:
                first = (task.description.strip() or task.id).splitlines()[0][:60]
                await repository.commit(loose, f"{first}\n\nTinytown-Task: {task.id}\nTinytown-Round: {live.id}")
                loose = []
            _keep_loose(left, loose)
        if task is not None:
            note = f"Workspace after round {live.id} of {task.id}"
            await repository.snapshot(f"refs/tinytown/{task.id}/{live.attempt}", note)
        return After(head=await repository.head(), branch=await repository.branch(), uncommitted=tuple(loose))
    except (GitError, OSError) as error:
        log.warning("no snapshot of `%s` after round %s: %s", workspace, live.id, error)
        return After(head=await repository.head(), branch=await repository.branch())


def _loose(left: Path) -> list[str]:
    """What earlier rounds of a task left uncommitted, so that a second submission does not pass it off as found."""
    try:
        return [str(path) for path in json.loads(left.read_bytes())]
    except (FileNotFoundError, ValueError):
        return []


def _keep_loose(left: Path, loose: list[str]) -> None:
    if loose:
        private_dir(left.parent)
        write_private(left, json.dumps(loose).encode())
    else:
        left.unlink(missing_ok=True)


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip() or None
    except FileNotFoundError:
        return None

"""Bring a worktree back out of the trash, or out of its snapshot when the trash was emptied."""

from __future__ import annotations

import attrs

from tinytown.config.paths import TownPaths
from tinytown.config.town import WorkspaceConfig
from tinytown.crash import point
from tinytown.node.git import GitError, Repository
from tinytown.node.workspaces.clearing import finish_moves
from tinytown.node.workspaces.copying import copy_into
from tinytown.node.workspaces.note import keep_with_ports
from tinytown.node.workspaces.trash import Stage, Trashed, forget_trashed, trashed, write_trashed


def newest(paths: TownPaths, name: str | None) -> Trashed | None:
    """Find what is to come back: the last of an agent, one by its name in the trash, or the last of all."""
    there = (Stage.KEPT, Stage.DELETED, Stage.RETURNING)
    found = [entry for entry in trashed(paths) if entry.stage in there and name in (None, entry.name, entry.note.agent)]
    return max(found, key=lambda entry: (entry.at, entry.number), default=None)


async def bring_back(paths: TownPaths, entry: Trashed, settings: WorkspaceConfig) -> None:
    """Put a worktree back into its place. It belongs to the next agent of its name.

    Raises:
        GitError: Its place is taken, or its branch is checked out elsewhere.
    """
    await finish_moves(paths, entry.note.agent)
    place, root = paths.workspace(entry.note.agent), Repository(paths.root)
    if entry.stage is Stage.DELETED:
        await _from_snapshot(paths, entry, settings)
    else:
        if entry.folder(paths).exists():
            if place.exists():
                raise GitError(f"the place of `{entry.name}`, `{place}`, is taken by another worktree")
            entry = attrs.evolve(entry, stage=Stage.RETURNING)
            write_trashed(paths, entry)
            point("workspace.returning")
            paths.workspaces.mkdir(mode=0o700, parents=True, exist_ok=True)
            entry.folder(paths).rename(place)
            point("workspace.moved_back")
        if (place / ".git").exists():
            await root.run("worktree", "repair", str(place))
            point("workspace.repaired_back")
            try:
                await root.run("worktree", "unlock", str(place))
            except GitError as error:
                if "not locked" not in str(error):
                    raise
    keep_with_ports(paths, attrs.evolve(entry.note, agent_id=""), settings)
    point("workspace.noted_back")
    forget_trashed(paths, entry)
    point("workspace.back")


async def _from_snapshot(paths: TownPaths, entry: Trashed, settings: WorkspaceConfig) -> None:
    """Make the worktree of a snapshot: the branch as it was, and on it what was not committed."""
    root, place, note = Repository(paths.root), paths.workspace(entry.note.agent), entry.note
    if place.exists():
        raise GitError(f"the place of `{entry.name}`, `{place}`, is taken by another worktree")
    try:
        await root.run("rev-parse", "--verify", "-q", f"refs/heads/{note.branch}")
    except GitError:
        await root.run("branch", "--no-track", "--", note.branch, entry.head)
        point("workspace.branch_back")
    await root.run("worktree", "prune")
    await root.run("worktree", "add", "-q", str(place), note.branch)
    point("workspace.added_back")
    if entry.commit != entry.head:
        await Repository(place).run("restore", f"--source={entry.commit}", "--worktree", "--", ":/")
    copy_into(paths.root, place / note.place, settings.copy)
    point("workspace.filled_back")

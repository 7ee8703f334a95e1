"""The second look: what in a worktree no commit and no snapshot would keep, or who still works there."""

from __future__ import annotations

import asyncio
import os
from enum import StrEnum
from pathlib import Path

import attrs
import psutil

from tinytown.node.git import GitError, Repository
from tinytown.node.workspaces.copying import digest
from tinytown.node.workspaces.trash import Trashed

SHOWN = 3


class Kind(StrEnum):
    """What was found."""

    LOOSE = "loose"
    IGNORED = "ignored"
    STAGED = "staged"
    UNFINISHED = "unfinished"
    NESTED = "nested"
    UNREADABLE = "unreadable"
    PROCESS = "process"


AGES = frozenset({Kind.LOOSE, Kind.IGNORED})
"""What keeps a worktree in the trash only for a time: the snapshot has it, or git was told that it does not count."""

_UNFINISHED = {
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "BISECT_LOG": "a bisection",
    "sequencer": "a sequence of picks",
}


@attrs.frozen
class Finding:
    """A reason to keep a worktree.

    Attributes:
        kind: What it is.
        text: In words, with the first names.
    """

    kind: Kind
    text: str


async def look(folder: Path, entry: Trashed) -> tuple[Finding, ...]:
    """Look at a worktree for what its deletion would lose.

    Args:
        folder: The worktree, in the trash or at its place.
        entry: What is known of it.
    """
    found = list(await asyncio.to_thread(_on_disk, folder))
    if entry.problem:
        found.append(Finding(Kind.UNREADABLE, f"there is no snapshot: {entry.problem}"))
    if not (folder / ".git").exists():
        return tuple(found)
    repository = Repository(folder)
    try:
        found += await _of_git(repository, folder, entry)
    except (GitError, OSError) as error:
        found.append(Finding(Kind.UNREADABLE, f"git cannot read it: {error}"))
    return tuple(found)


async def _of_git(repository: Repository, folder: Path, entry: Trashed) -> list[Finding]:
    found: list[Finding] = []
    loose: list[str] = []
    staged: list[str] = []
    for line in await _status(repository):
        loose.append(line[3:])
        if line[0] not in " ?!" and line[1] != " ":
            staged.append(line[3:])
    if loose:
        found.append(Finding(Kind.LOOSE, _named("not committed", loose)))
    if staged:
        found.append(Finding(Kind.STAGED, _named("staged differently from the file", staged)))
    listed = await repository.run("ls-files", "-o", "-i", "--exclude-standard", "--directory", "-z")
    names = [name for name in listed.split("\0") if name]
    ignored = [name for name in names if not await asyncio.to_thread(_is_copy, folder, name, entry)]
    if ignored:
        found.append(Finding(Kind.IGNORED, _named("ignored by git", ignored)))
    own = Path(await repository.run("rev-parse", "--path-format=absolute", "--git-dir"))
    doing = sorted({words for name, words in _UNFINISHED.items() if (own / name).exists()})
    if doing:
        found.append(Finding(Kind.UNFINISHED, f"{' and '.join(doing)} is not finished"))
    return found


async def _status(repository: Repository) -> list[str]:
    listed = await repository.run("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")
    return [line for line in listed.split("\0") if line]


def _is_copy(folder: Path, name: str, entry: Trashed) -> bool:
    """Say whether an ignored file, or all of a folder, is what was copied into the worktree, unchanged."""
    place = folder / name
    if place.is_dir() and not place.is_symlink():
        files = [Path(base) / each for base, _folders, names in os.walk(place) for each in names]
    else:
        files = [place]
    kept = {folder / entry.note.place / copied: found for copied, found in entry.note.copied.items()}
    return all(not file.is_symlink() and kept.get(file) == digest(file) for file in files)


def nested(folder: Path) -> list[str]:
    """List the repositories inside a worktree, submodules among them, as paths from its top."""
    found: list[str] = []
    for base, folders, names in os.walk(folder):
        if base != str(folder) and ".git" in (*folders, *names):
            found.append(os.path.relpath(base, folder))
        folders[:] = [name for name in folders if name != ".git"]
    return sorted(found)


def _on_disk(folder: Path) -> list[Finding]:
    found: list[Finding] = []
    if inside := nested(folder):
        found.append(Finding(Kind.NESTED, _named("a repository inside", inside)))
    if not (folder / ".git").exists():
        bare = [os.path.relpath(f"{base}/{name}", folder) for base, _, names in os.walk(folder) for name in names]
        if bare:
            found.append(Finding(Kind.UNREADABLE, _named("outside of git", sorted(bare))))
    if working := workers(folder):
        found.append(Finding(Kind.PROCESS, _named("a process works in it", working)))
    return found


def workers(folder: Path) -> list[str]:
    """List the processes whose working directory is in a folder, as far as the system lets us see them."""
    top = Path(os.path.realpath(folder))
    found: list[str] = []
    for process in psutil.process_iter():
        try:
            where = process.cwd()
            if where and Path(where).is_relative_to(top):
                found.append(f"{process.pid} ({process.name()})")
        except (psutil.Error, OSError):
            continue
    return found


def _named(what: str, names: list[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:SHOWN])
    return f"{what}: {shown}" + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")

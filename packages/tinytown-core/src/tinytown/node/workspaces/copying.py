"""Copy what git leaves out but a worktree needs, such as `.env`: from the town's folder, and from nowhere else."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from tinytown.crash import point
from tinytown.node.git import GitError

_CHUNK = 1 << 20


def copy_into(root: Path, target: Path, wanted: Iterable[str]) -> dict[str, str]:
    """Copy files into a new worktree. What is checked out there already stays; what does not exist is left out.

    Args:
        root: The town's folder.
        target: The same folder in the worktree.
        wanted: Paths or patterns below the town's folder; a folder stands for all that is in it.

    Returns:
        The paths that were copied, each with a hash of its content.

    Raises:
        GitError: A path leads out of the town's folder or of the worktree, or is no file.
    """
    inside, kept = Path(os.path.realpath(root)), Path(os.path.realpath(target))
    done: dict[str, str] = {}
    for source in _files(root, wanted):
        name = source.relative_to(root).as_posix()
        real = Path(os.path.realpath(source))
        own = {inside / ".git", inside / ".tt"}
        if not real.is_relative_to(inside) or any(real.is_relative_to(each) for each in own):
            raise GitError(f"`copy` in `[workspace]`: `{name}` leads out of the town's folder")
        if not real.is_file():
            raise GitError(f"`copy` in `[workspace]`: `{name}` is no ordinary file")
        place = target / name
        if os.path.lexists(place):
            continue
        if not Path(os.path.realpath(place.parent)).is_relative_to(kept):
            raise GitError(f"`copy` in `[workspace]`: `{name}` would be written outside of the worktree")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(real, place)
        point("workspace.file_copied")
        done[name] = digest(place)
    return done


def _files(root: Path, wanted: Iterable[str]) -> Iterator[Path]:
    for pattern in wanted:
        for found in sorted(root.glob(pattern)):
            if found.is_dir() and not found.is_symlink():
                yield from sorted(each for each in found.rglob("*") if each.is_symlink() or not each.is_dir())
            else:
                yield found


def digest(file: Path) -> str:
    """Sum up a file; a missing one counts as empty."""
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError:
        return ""

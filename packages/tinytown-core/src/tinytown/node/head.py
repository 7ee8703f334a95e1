"""Which commit is checked out, read from git's own files: a round that is about to start waits for no `git`.

Source: gitrepository-layout(5) of git: `.git` file or folder, `commondir`, loose references and `packed-refs`.
"""

from __future__ import annotations

import re
from pathlib import Path

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_DEPTH = 5
"""So many symbolic references git itself follows."""


def read_head(folder: Path) -> str | None:
    """Give the commit that is checked out in a folder or one above it.

    Args:
        folder: A folder of a work tree.

    Returns:
        The commit; None outside git, before the first commit, and where these files do not tell (reftable).
    """
    try:
        own = _git_folder(folder)
        if own is None:
            return None
        common = own / _first_line(own / "commondir", ".")
        return _resolve(own, common)
    except (OSError, ValueError):  # ValueError: what is no text is not git's
        return None


def _git_folder(folder: Path) -> Path | None:
    for each in (folder, *folder.parents):
        dot = each / ".git"
        if dot.is_dir():
            return dot
        if dot.is_file():
            word, _, path = _first_line(dot).partition(": ")
            return each / path if word == "gitdir" and path else None
    return None


def _resolve(own: Path, common: Path) -> str | None:
    text = _first_line(own / "HEAD")
    for _ in range(_DEPTH):
        word, _, name = text.partition(": ")
        if word != "ref":
            return text if _COMMIT.fullmatch(text) else None
        if ".." in Path(name).parts or name.startswith("/"):
            return None
        # References of one work tree alone (of a bisection, a rebase) lie in its own folder.
        text = _first_line(own / name, "") or _first_line(common / name, "") or _packed(common / "packed-refs", name)
    return None


def _packed(file: Path, name: str) -> str:
    if not file.exists():
        return ""
    with file.open(encoding="utf-8", errors="surrogateescape") as lines:
        return next((line[: -len(name) - 2] for line in lines if line.endswith(f" {name}\n")), "")


def _first_line(file: Path, otherwise: str | None = None) -> str:
    """Read one line; a missing file, or a folder in its place, is an error unless there is another answer."""
    try:
        return file.read_text("utf-8", "surrogateescape").partition("\n")[0].strip()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        if otherwise is None:
            raise
        return otherwise

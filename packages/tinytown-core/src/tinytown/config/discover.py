"""Which town is meant: the one that was named, else the nearest folder above with a `tinytown.toml`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tinytown.config.paths import TOWN_FILE
from tinytown.errors import InvalidValueError, NoTownError


def find_town(flag: str | Path | None = None, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Path:
    """Find the folder of the town.

    A town that is named must be the town itself: looking further up from there could hit another one after a slip
    of the keyboard.

    Args:
        flag: What ``--town`` said, a town's folder or its `tinytown.toml`.
        env: Environment; that of the process when left out. ``TINYTOWN_TOWN`` counts as named.
        cwd: Where to start; the working directory when left out.

    Returns:
        Absolute path with links resolved, once and for all.

    Raises:
        NoTownError: No town there, or none at or above the working directory.
        InvalidValueError: The named path cannot be one.
    """
    env = os.environ if env is None else env
    if flag is not None:
        return _named(os.fspath(flag), "--town", cwd)
    if named := env.get("TINYTOWN_TOWN"):
        return _named(named, "TINYTOWN_TOWN", cwd)
    starts = _starts(env) if cwd is None else [cwd.resolve()]
    for start in starts:
        for folder in (start, *start.parents):
            if os.path.lexists(folder / TOWN_FILE):
                return folder.resolve()
    raise NoTownError(path=str(starts[0] if starts else "."))


def _named(text: str, what: str, cwd: Path | None) -> Path:
    if not text or "\0" in text:
        raise InvalidValueError(what=f"`{what}`", detail="is not a path", hint="name the folder of a town")
    path = Path(text) if cwd is None else cwd / text
    if path.name == TOWN_FILE and not path.is_dir():
        path = path.parent
    try:
        root = path.resolve()
    except (OSError, RuntimeError):  # a loop of links, or the working directory is gone
        root = path
    if os.path.lexists(root / TOWN_FILE):
        return root
    raise NoTownError(
        path=str(root),
        detail=f"`{root}` (from `{what}`) holds no `{TOWN_FILE}`",
        hint="name the folder of a town, or make one there with `tt init`",
    )


def _starts(env: Mapping[str, str]) -> list[Path]:
    """Give the working directory, and its name as the shell has it when a link led there."""
    try:
        here = Path.cwd()
    except OSError:  # it was deleted
        return []
    shell = env.get("PWD", "")
    try:
        same = shell.startswith("/") and Path(shell).samefile(here)
    except (OSError, ValueError):
        same = False
    return [here, Path(shell)] if same and Path(shell) != here else [here]

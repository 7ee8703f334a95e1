"""What killed processes left: provably nobody's, because the lock is free and no record names it."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tinytown.config.files import is_held, only_one
from tinytown.domain.ids import IdKind, kind_of, looks_like_id
from tinytown.errors import NotFoundError
from tinytown.node.control import READY, hold_lock, node_runs
from tinytown.node.launch.rounds import RoundProcess, RoundState
from tinytown.services.bootstrap.place import Shelf, is_leftover
from tinytown.services.checkup.model import Place, Repair, Row, ok, warn
from tinytown.storage.calls import saves, town
from tinytown.storage.embedded.instance import read_instance
from tinytown.storage.embedded.server import lock_held, take_lock

SETTLED_MS = 10 * 60 * 1000
"""A file that is younger may be in somebody's hands."""

_CHECK = "stale files"
_LOCKED = re.compile(r"\..+\.tmp")
_ASIDE = re.compile(r".+\.\d+\.new")
_MOST = 500


def stale(place: Place) -> Iterator[Row]:
    """Look for everything that nobody will come back for."""
    parts = (_socket, _ready, _half_written, _bootstrap, _rounds, _variables)
    rows = [row for part in parts for row in part(place)]
    yield from rows or [ok(_CHECK, "nothing was left behind")]


def _socket(place: Place) -> Iterator[Row]:
    paths = place.paths
    if lock_held(paths):
        return
    for path, what in ((paths.redis_socket, "the socket"), (paths.redis_pid, "the pid file")):
        if os.path.lexists(path):
            text = f"{path} is {what} of a server that is gone"
            yield _row(text, path, partial(_under_server_lock, place, path))


def _under_server_lock(place: Place, path: Path) -> None:
    lock = take_lock(place.paths)
    if lock is not None:  # else a server has just started, and the file is its
        try:
            path.unlink(missing_ok=True)
        finally:
            os.close(lock)


def _ready(place: Place) -> Iterator[Row]:
    ready = place.paths.node_dir / READY
    if ready.exists() and not node_runs(place.paths):
        yield _row(f"{ready} says that a node is ready, and none runs", ready, partial(_under_node_lock, place, ready))


def _under_node_lock(place: Place, path: Path) -> None:
    lock = hold_lock(place.paths)
    if lock is not None:  # else a node has just started, and the file is its
        try:
            path.unlink(missing_ok=True)
        finally:
            os.close(lock)


def _half_written(place: Place) -> Iterator[Row]:
    """Files of writes that never came to their rename. A writer has its file locked for as long as it lives."""
    paths, user = place.paths, place.machine.user
    own = (paths.dot, paths.redis_dir, paths.node_dir, paths.agents_env_dir, user.home, user.bootstrap)
    beside = (paths.root / f".{paths.config.name}.tmp", paths.root / f".{paths.gitignore.name}.tmp")
    for path in (*(path for folder in own for path in _children(folder)), *beside):
        if _LOCKED.fullmatch(path.name) and _is_free(path):
            yield _row(f"{path} was written by a command that was killed", path, partial(_remove_half, path))
        elif _ASIDE.fullmatch(path.name) and _is_settled(path, place):
            act = partial(path.unlink, missing_ok=True)
            yield _row(f"{path} was written by a process that was killed", path, act)


def _is_free(path: Path) -> bool:
    """Say whether nobody is writing a file; makes none."""
    try:
        return not stat.S_ISLNK(path.lstat().st_mode) and not is_held(path)
    except OSError:
        return False


def _remove_half(path: Path) -> None:
    with only_one(path):
        path.unlink(missing_ok=True)


def _bootstrap(place: Place) -> Iterator[Row]:
    """What a killed `tt bootstrap` left of its work; the next one would remove it too."""
    user = place.machine.user
    left = [path for path in (*_children(user.bootstrap), *_children(user.bin)) if is_leftover(path)]
    if left and _is_free(user.bootstrap):
        text = f"{left[0]} was left by a `tt bootstrap` that was killed"
        yield _row(text, left[0], partial(_tidy, place))


def _tidy(place: Place) -> None:
    with Shelf(place.machine.user).workshop(wait=False):
        pass  # whoever comes first removes what others left


def _children(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _is_settled(path: Path, place: Place) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and place.machine.clock.now_ms() - found.st_mtime_ns // 1_000_000 > SETTLED_MS


def _rounds(place: Place) -> Iterator[Row]:
    """Folders of rounds that never began and that the server does not know. Those that ran are kept as logs."""
    for folder in _named(place.paths.rounds_dir, IdKind.ROUND):
        try:
            settled = place.machine.clock.now_ms() - folder.stat().st_mtime_ns // 1_000_000 > SETTLED_MS
            idle = settled and RoundProcess(folder).state() in (RoundState.FREE, RoundState.VOID)
        except (OSError, ValueError):
            continue
        if idle and _is_unknown(place, folder.name, "round"):
            text = f"{folder} is of a round that never began and that the server does not know"
            yield _row(text, folder, partial(_remove_round, folder))


def _remove_round(folder: Path) -> None:
    import shutil

    if RoundProcess(folder).claim_void():  # from here on nobody can begin it
        shutil.rmtree(folder)


def _variables(place: Place) -> Iterator[Row]:
    """Variables that were handed over for agents that the server does not know: keys may be among them."""
    for file in _named(place.paths.agents_env_dir, IdKind.AGENT, suffix=".json"):
        if _is_settled(file, place) and _is_unknown(place, file.stem, "agent"):
            text = f"{file} holds variables for an agent that is gone"
            yield _row(text, file, partial(file.unlink, missing_ok=True))


def _named(folder: Path, kind: IdKind, *, suffix: str = "") -> list[Path]:
    names = ((path, path.name.removesuffix(suffix)) for path in _children(folder) if path.name.endswith(suffix))
    return [path for path, name in names if looks_like_id(name) and kind_of(name) is kind][:_MOST]


def _is_unknown(place: Place, ref: str, kind: str) -> bool:
    """Say whether the server answers that there is no such record; no answer proves nothing.

    Nor does that of a server that holds another town, as after `tt config redis.url`, or half of this one, as during a
    restore: what it does not know may be alive.
    """
    storage, own = place.server.storage, read_instance(place.paths)
    if storage is None or own is None:
        return False
    known = storage.run(saves.export(limit=1)).town
    if known.get("instance") != own.id or known.get("unfinished") is not None:
        return False
    try:
        storage.run(town.show(ref, kind))
    except NotFoundError:
        return True
    return False


def _row(text: str, path: Path, act: Callable[[], object]) -> Row:
    return warn(_CHECK, text, "tt doctor --fix", Repair(text=f"remove {path}", act=act))

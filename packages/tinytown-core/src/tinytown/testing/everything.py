"""All that a town is, byte for byte: every file below some folders and every key of its server. For tests only.

What a refused command must leave alone is compared by this, so nothing is left out but the server's own log and its
append-only files, which it may rewrite by itself; what those hold is compared by the keys.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from pathlib import Path

from tinytown.config.paths import TownPaths
from tinytown.storage.embedded.server import status
from tinytown.testing.dumps import Pipeline
from tinytown.testing.raw import pipeline

_SERVERS_OWN = ("redis/log", "/appendonlydir/")


def everything(root: Path, *others: Path) -> dict[str, str]:
    """Give all of a town in a form that can be compared; its server must run.

    Args:
        root: The town's folder.
        others: Further folders, such as the user's.

    Returns:
        For each path its mode and a digest of what it holds, and for each key of the server the value as it dumps it.
    """
    found: dict[str, str] = {}
    for folder in (root, *others):
        found |= dict(_files(folder))
    socket = status(TownPaths(root.resolve())).socket
    if socket is None:
        raise AssertionError(f"no server of {root} runs")
    return found | _keys(pipeline(socket))


def _files(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*")):
        if any(own in str(path.relative_to(folder)) + "/" for own in _SERVERS_OWN):
            continue
        info = path.lstat()
        text = oct(info.st_mode)
        if stat.S_ISREG(info.st_mode):
            text += " " + hashlib.sha256(path.read_bytes()).hexdigest()
        elif stat.S_ISLNK(info.st_mode):
            text += f" {path.readlink()}"
        yield str(path), text


def _keys(send: Pipeline) -> dict[str, str]:
    names, cursor = set[str](), "0"
    while True:
        cursor, page = send([("SCAN", cursor, "COUNT", "1000")])[0]
        names.update(page)
        if str(cursor) == "0":
            break
    ordered = sorted(names)
    dumped = send([("DUMP", name) for name in ordered])
    return {f"key {name}": str(value) for name, value in zip(ordered, dumped, strict=True)}

"""The socket of the town's server: where it lies, whether somebody answers there, and who."""

from __future__ import annotations

import json
import os
import socket
import stat
import struct
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import attrs

from tinytown.config.files import write_private
from tinytown.config.paths import TownPaths
from tinytown.crash import point
from tinytown.errors import ServerStartError

LONGEST_PATH = 103 if sys.platform == "darwin" else 107
"""Bytes that the system has room for in a socket's address."""

_RUNNING = "running.json"


class Answer(StrEnum):
    """What came back from a socket."""

    READY = "ready"
    LOADING = "loading"
    """The server reads its file; it will serve soon."""
    NOTHING = "nothing"


@attrs.frozen
class Probe:
    """What was found at a socket: the answer, and the process behind it."""

    answer: Answer
    pid: int | None = None


def choose_socket(paths: TownPaths, instance_id: str, env: Mapping[str, str]) -> Path:
    """Say where a server that is started now shall listen.

    In the town's folder; if that path is too long for a socket, in the user's runtime directory under the town's id.

    Raises:
        ServerStartError: The runtime directory belongs to somebody else, or is open to others.
    """
    if len(os.fsencode(paths.redis_socket)) <= LONGEST_PATH:
        return paths.redis_socket
    given = env.get("XDG_RUNTIME_DIR")
    if given:
        chosen = Path(given) / "tinytown" / instance_id / "s"
        if len(os.fsencode(chosen)) <= LONGEST_PATH and Path(given).is_dir():
            _own_folder(chosen.parent.parent)
            _own_folder(chosen.parent)
            return chosen
    shared = Path("/tmp") / f"tt-{os.getuid()}"  # noqa: S108 - made private and checked, short by purpose
    _own_folder(shared)
    _own_folder(shared / instance_id)
    return shared / instance_id / "s"


def note_running(paths: TownPaths, instance_id: str, at: Path) -> None:
    """Write down where the server listens. Only the holder of the lock may."""
    inside = at.parent == paths.redis_dir
    record = {"version": 1, "instance": instance_id, "socket": at.name if inside else str(at)}
    write_private(paths.redis_dir / _RUNNING, json.dumps(record).encode())
    point("server.socket_noted")


def noted_socket(paths: TownPaths, instance_id: str) -> Path | None:
    """Give the path that was written down for this very town, not for the one it was copied from."""
    try:
        record: Any = json.loads((paths.redis_dir / _RUNNING).read_text())
        if record["instance"] != instance_id:
            return None
        return paths.redis_dir / str(record["socket"])  # an absolute path stays what it is
    except (OSError, ValueError, LookupError, TypeError):
        return None


def probe(at: Path, seconds: float) -> Probe:
    """Ask who answers at a socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(seconds)
        try:
            connection.connect(str(at))
            pid = _peer_pid(connection)
            connection.sendall(b"PING\r\n")
            reply = connection.recv(200)
        except OSError:
            return Probe(Answer.NOTHING)
    if reply.startswith(b"+PONG"):
        return Probe(Answer.READY, pid)
    return Probe(Answer.LOADING, pid) if reply.startswith(b"-LOADING") else Probe(Answer.NOTHING, pid)


def _peer_pid(connection: socket.socket) -> int | None:
    """Ask the system which process listens; no file can lie about that."""
    if sys.platform == "linux":
        data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return struct.unpack("3i", data)[0] or None
    if sys.platform == "darwin":
        local, peer_pid = 0, 2  # SOL_LOCAL and LOCAL_PEERPID, which the socket module does not name
        return connection.getsockopt(local, peer_pid) or None
    return None


def _own_folder(path: Path) -> None:
    path.mkdir(mode=0o700, exist_ok=True)
    point("server.folder_made")
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise ServerStartError(
            detail=f"`{path}` is not a private folder of yours",
            hint="remove it, or set XDG_RUNTIME_DIR to a private folder; the town's own path is too long for a socket",
        )

"""Starts the town's server and ends it when nobody has used it for a while. Runs as a program of its own.

It sleeps on a connection to the server: it wakes when the server ends, and a few times in an idle period to see
whether anybody was there. Standard library only, started without site packages, so that it is small and quick.
Arguments: the number of the inherited lock descriptor, and a JSON object with ``argv``, ``socket``, ``idle_secs``
and ``log``.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any  # not at run time: this program is to be small

NAME = "tinytown-keeper"
"""How the keeper's connection is called among the server's clients."""

_START_SECS = 600.0
_LONGEST_SLEEP = 600.0
_LOOKS = 6


def main(lock: int, spec: dict[str, Any]) -> None:
    """Start the server, let go of the lock so that only the server holds it, and keep watch."""
    if os.fork():
        os._exit(0)  # whoever called need not wait for us
    os.setsid()
    _point("server.keeper_alone")
    os.umask(0o077)
    log = os.open(spec["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    folder = os.open(os.path.dirname(spec["log"]), os.O_RDONLY)  # noqa: PTH120 - pathlib would double the start
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, log), (2, log)):
        os.dup2(source, target)
    argv: list[str] = spec["argv"]
    server = os.posix_spawn(argv[0], argv, dict(os.environ))
    _point("server.begun")
    os.close(lock)
    place, name = os.path.split(spec["socket"])
    if place == os.path.dirname(spec["log"]):  # noqa: PTH120
        os.fchdir(folder)  # reached by its name alone, so that a town may be moved at once
    else:
        name = spec["socket"]
    connection = _connect(name, server, folder)
    if connection is not None:
        with connection:
            _watch(connection, float(spec["idle_secs"]), folder)
    _gone(server, wait=True)


def _point(name: str) -> None:
    """Pass a crash point; their names are loaded in a fault test alone, since this program is to stay small."""
    if "TINYTOWN_CRASH_AT" in os.environ:
        sys.path.append(__file__.partition("/tinytown/storage/")[0])
        from tinytown.crash import point

        point(name)


def _connect(path: str, server: int, folder: int) -> socket.socket | None:
    """Connect once the server listens; None when it ended before, or was ended because its town was deleted."""
    ends = time.monotonic() + _START_SECS
    while not _gone(server, wait=False) and time.monotonic() < ends:
        if _deleted(folder):
            os.kill(server, signal.SIGTERM)  # our own child, not yet waited for, so the number is still its
            return None
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(path)
        except OSError:
            connection.close()
            time.sleep(0.02)
        else:
            return connection
    return None


def _watch(connection: socket.socket, idle_secs: float, folder: int) -> None:
    """Return when the server has ended, or was told to because nobody used it or the town's folder was deleted."""
    if not _ask(connection, f"CLIENT SETNAME {NAME}"):
        return
    poller = select.poll()
    poller.register(connection, select.POLLIN)
    used, seen = time.monotonic(), -1
    while True:
        if poller.poll(min(_LONGEST_SLEEP, idle_secs / _LOOKS) * 1000):
            return  # nothing was asked, so this is the end of the connection
        info = _ask(connection, "INFO everything")
        if not info:
            return
        commands = _number(info, b"total_commands_processed:")
        ours = seen + 1  # the question itself
        if _number(info, b"connected_clients:") > 1 or commands != ours:
            used = time.monotonic()
        seen = commands
        if _deleted(folder) or time.monotonic() - used >= idle_secs:
            _ask(connection, "SHUTDOWN")
            return


def _deleted(folder: int) -> bool:
    """Say whether the folder is gone from the file system; one that was moved keeps its links."""
    return os.fstat(folder).st_nlink == 0


def _ask(connection: socket.socket, command: str) -> bytes:
    """Send one command and read its whole reply; empty when the connection ended."""
    try:
        connection.sendall(command.encode() + b"\r\n")
        data = bytearray()
        while True:
            chunk = connection.recv(65536)
            if not chunk:
                return b""
            data += chunk
            head, line_end, body = bytes(data).partition(b"\r\n")
            if line_end and (not head.startswith(b"$") or len(body) >= int(head[1:]) + 2):
                return bytes(data)
    except OSError:
        return b""


def _number(info: bytes, field: bytes) -> int:
    for line in info.splitlines():
        if line.startswith(field):
            return int(line[len(field) :])
    return -1


def _gone(server: int, *, wait: bool) -> bool:
    try:
        return os.waitpid(server, 0 if wait else os.WNOHANG)[0] == server
    except ChildProcessError:
        return True


if __name__ == "__main__":
    main(int(sys.argv[1]), json.loads(sys.argv[2]))

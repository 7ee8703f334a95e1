"""The launcher: a small process that hands each round it reads to a shim, and keeps one spare shim ready.

``python -m tinytown.node.launch.launcher`` is started once by the node, so a round costs no interpreter start and
waits for no fork. It is single-threaded, imports the standard library alone and keeps no state: if it dies, the spare
shim leaves and those with rounds live on.

Lines in: ``launch NUMBER FOLDER``. Lines out: ``ready`` once, then ``ok NUMBER PID`` or ``error NUMBER TEXT``.
It leaves when its input ends.
"""

from __future__ import annotations

import fcntl
import gc
import os
import select
import signal
import socket
import time
from pathlib import Path
from typing import NamedTuple

from tinytown.crash import point
from tinytown.node import processes
from tinytown.node.launch import files, shim

BUSY = "busy"
"""Text of the error when a shim already holds the round's lock."""


_TRIES = 3
_SPARE_PAUSE_MS = 20
"""How long after a launch the next spare shim is forked: first the round shall have the processors."""

_LOOKED_AT_SECS = 0.5
"""How long the lock of a round that is to start may be held by somebody who only looks."""


class Spare(NamedTuple):
    """A shim without a round.

    Attributes:
        pid: Its pid.
        link: Takes the round.
    """

    pid: int
    link: socket.socket


def main() -> None:
    """Serve until the input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the shims
    processes.boot_id()  # every shim inherits the answer
    gc.disable()
    gc.freeze()  # a collection in a shim would copy the pages that all shims share
    os.write(1, b"ready\n")
    spare = _fork_spare()
    rest = b""
    requests = select.poll()
    requests.register(0, select.POLLIN)
    while True:
        if spare is None and not requests.poll(_SPARE_PAUSE_MS):
            spare = _fork_spare()
        if not (data := os.read(0, 65536)):
            return
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            spare = _serve(line, spare)


def _serve(line: bytes, spare: Spare | None) -> Spare | None:
    """Answer one line; returns the spare shim if it still is spare."""
    point("launcher.received")
    _, number, name = line.split(b" ", 2)
    try:
        spare = _launch(Path(os.fsdecode(name)), spare)
    except BlockingIOError:
        answer = b"error %s %s\n" % (number, BUSY.encode())
    except (OSError, ValueError, TypeError) as error:
        answer = b"error %s %s\n" % (number, str(error).replace("\n", " ").encode("utf-8", "replace"))
    else:
        answer = b"ok %s %d\n" % (number, spare.pid)
        spare = None
    os.write(1, answer)
    point("launcher.answered")
    return spare


def _launch(directory: Path, spare: Spare | None) -> Spare:
    """Hand the round to the spare shim, or to a new one if that has died; returns the one that has it.

    Lock and life line are opened here, so that they exist before the node hears that the shim does; on their way to
    the shim they belong to the message.
    """
    files.read_spec(directory)
    lock = os.open(directory / files.LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(lock)
        # Open both ways, it needs no reader to be opened and none to be written to.
        life = os.open(directory / files.LIFE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            point("launcher.locked")
            return _hand_over(directory, (lock, life), spare)
        finally:
            os.close(life)
    finally:
        os.close(lock)


def _take(lock: int) -> None:
    """Take a round's lock. Who only looks at the round has it for a moment, so one refusal says nothing.

    Raises:
        BlockingIOError: A shim has it.
    """
    ends = time.monotonic() + _LOOKED_AT_SECS
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.001)


def _hand_over(directory: Path, held: tuple[int, int], spare: Spare | None) -> Spare:
    for _ in range(_TRIES):
        spare = spare or _fork_spare(held)
        if spare is None:
            break
        with spare.link:
            try:
                socket.send_fds(spare.link, [os.fsencode(directory)], held)
            except ConnectionError:  # it has died
                spare = None
                continue
        point("launcher.handed")
        return spare
    raise ChildProcessError("no process for a shim can be started, or it dies at once")


def _fork_spare(held: tuple[int, ...] = ()) -> Spare | None:
    """Fork a spare shim, which must not hold a round's descriptors; None when there is no room for a process."""
    ours, theirs = socket.socketpair()
    try:
        pid = os.fork()
    except OSError:
        ours.close()
        theirs.close()
        return None
    if pid == 0:
        for descriptor in held:
            os.close(descriptor)
        ours.close()
        _become_shim(theirs)
    theirs.close()
    return Spare(pid, ours)


def _become_shim(link: socket.socket) -> None:
    code = 1
    try:
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        os.close(null)
        shim.wait_for_round(link)
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()

"""The launcher: a small process that forks a shim for each line it reads.

``python -m tinytown.node.launch.launcher`` is started once by the node, so a round costs a fork and no interpreter
start. It is single-threaded, imports the standard library alone and keeps no state: if it dies, its shims live on.

Lines in: ``launch NUMBER FOLDER``. Lines out: ``ready`` once, then ``ok NUMBER PID`` or ``error NUMBER TEXT``.
It leaves when its input ends.
"""

from __future__ import annotations

import fcntl
import gc
import os
import signal
from pathlib import Path

from tinytown.node.crash import point
from tinytown.node.launch import files, shim

BUSY = "busy"
"""Text of the error when a shim already holds the round's lock."""


def main() -> None:
    """Serve until the input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the shims
    gc.disable()
    gc.freeze()  # a collection in a shim would copy the pages that all shims share
    os.write(1, b"ready\n")
    rest = b""
    while data := os.read(0, 65536):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            _serve(line)


def _serve(line: bytes) -> None:
    point("launcher.received")
    _, number, name = line.split(b" ", 2)
    try:
        pid = _launch(Path(os.fsdecode(name)))
    except BlockingIOError:
        answer = b"error %s %s\n" % (number, BUSY.encode())
    except (OSError, ValueError, TypeError) as error:
        answer = b"error %s %s\n" % (number, str(error).replace("\n", " ").encode("utf-8", "replace"))
    else:
        answer = b"ok %s %d\n" % (number, pid)
    os.write(1, answer)
    point("launcher.answered")


def _launch(directory: Path) -> int:
    """Fork the round's shim.

    Lock and life line are opened here, so that they exist before the node hears that the shim does.
    """
    spec = files.read_spec(directory)
    lock = os.open(directory / files.LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Open both ways, it needs no reader to be opened and none to be written to.
        life = os.open(directory / files.LIFE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            point("launcher.locked")
            pid = os.fork()
            if pid == 0:
                _become_shim(directory, spec, lock, life)
        finally:
            os.close(life)
    finally:
        os.close(lock)
    point("launcher.forked")
    return pid


def _become_shim(directory: Path, spec: files.Spec, lock: int, life: int) -> None:
    code = 1
    try:
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        os.close(null)
        shim.run_round(directory, spec, lock, life)
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()

"""A wall clock that a test may turn while real programs run: servers, nodes, shims, agents and `tt`.

::

    with wall_clock.clock(tmp_path) as clock, servers.server("redis", env=clock.env) as server:
        clock.jump(-3 * wall_clock.DAY)

It is libfaketime, preloaded into the programs that are started with its variables; those read the offset from a file
each time they ask what time it is. Monotonic clocks are left as they are, and so does a machine whose clock is set.
(Time namespaces are no way to do this: the kernel has them for the monotonic clock and the time since boot alone.)
The kernel's own times stay true, so the dates of files do not move; a test sets those with `os.utime`.
"""

from __future__ import annotations

import contextlib
import glob
import os
import shlex
import shutil
import sys
from collections.abc import Generator, Mapping
from pathlib import Path

import attrs

HOUR = 3600
DAY = 24 * HOUR
YEAR = 365 * DAY

_PLACES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib*/faketime/libfaketimeMT.so.1")
_SHARED = Path("/dev/shm")  # noqa: S108 - where the library itself leaves its files
_LEFT = ("faketime_shm_", "sem.faketime_sem_")


class MissingClockError(Exception):
    """libfaketime is not installed here."""


def library() -> Path:
    """Find libfaketime.

    Raises:
        MissingClockError: It is not there.
    """
    found = sorted(place for pattern in _PLACES for place in glob.glob(pattern))  # noqa: PTH207 - absolute patterns
    if sys.platform != "linux" or not found:
        raise MissingClockError("libfaketime is not installed here (Debian: apt-get install libfaketime)")
    return Path(found[0])


@attrs.frozen
class WallClock:
    """The clock of one machine.

    Attributes:
        env: Variables under which programs have this clock.
        python: A Python that has it, and hands it on to what it starts by `sys.executable` with a clean environment.
    """

    _offset: Path
    env: Mapping[str, str]
    python: Path

    def jump(self, seconds: int) -> None:
        """Set the clock so many seconds from the true time; the rename lets nobody read half of it."""
        fresh = self._offset.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}\n")
        fresh.replace(self._offset)


@contextlib.contextmanager
def clock(base: Path) -> Generator[WallClock]:
    """Make a clock that shows the true time at first.

    Args:
        base: A folder for its file.

    Raises:
        MissingClockError: libfaketime is not installed.
    """
    offset = base / "wall-clock"
    env = {
        "LD_PRELOAD": str(library()),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    made = WallClock(offset, env, _python(base / "venv", env))
    made.jump(0)
    try:
        yield made
    finally:
        _sweep()


def _python(folder: Path, env: Mapping[str, str]) -> Path:
    """Write a virtual environment like ours, whose Python sets the variables before it is executed under its name."""
    (folder / "bin").mkdir(parents=True)
    (folder / "lib").symlink_to(Path(sys.prefix) / "lib")
    shutil.copy(Path(sys.prefix) / "pyvenv.cfg", folder)
    program = folder / "bin" / "python"
    sets = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in env.items())
    program.write_text(f'#!/bin/bash\n{sets}exec -a "$0" {shlex.quote(os.path.realpath(sys.executable))} "$@"\n')
    program.chmod(0o755)
    return program


def _sweep() -> None:
    """Remove what the library has left of processes that are gone; the next of that number could not start."""
    for name in _LEFT:
        for file in _SHARED.glob(f"{name}*"):
            number = file.name.removeprefix(name)
            if number.isdigit() and not Path(f"/proc/{number}").exists():
                with contextlib.suppress(OSError):
                    file.unlink()

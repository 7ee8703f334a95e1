"""Named pipes between a test and the programs it watches: they say where they are, and wait until they may go on."""

from __future__ import annotations

import os
import re
import select
from pathlib import Path

_NAMES = re.compile(r"\b(?:reach|hold)\(['\"]([\w-]+)['\"]\)")


class Pipes:
    """The pipes of one test. Both ends stay open here, so no program ever waits to open one.

    Args:
        folder: Where they lie; it exists.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, int] = {}

    def for_lines(self, lines: str) -> None:
        """Make the pipes that some lines of an agent name with ``reach`` and ``hold``."""
        for name in _NAMES.findall(lines):
            for end in (f"{name}.reached", f"{name}.held"):
                if end not in self._open:
                    os.mkfifo(self._folder / end)
                    self._open[end] = os.open(self._folder / end, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def reached(self, name: str, secs: float) -> bool:
        """Wait until a program has reached a line; each time counts once."""
        pipe = self._open[f"{name}.reached"]
        ready, _, _ = select.select([pipe], [], [], secs)
        return bool(ready) and bool(os.read(pipe, 1))

    def release(self, name: str) -> None:
        """Let one program that holds go on."""
        os.write(self._open[f"{name}.held"], b".")

    def close(self) -> None:
        """Let go of all."""
        for pipe in self._open.values():
            os.close(pipe)
        self._open.clear()

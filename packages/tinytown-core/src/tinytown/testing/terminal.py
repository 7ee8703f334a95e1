"""Runs a program at a terminal of its own and talks to it, as a person would."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

_SECS = 40.0
_BEGIN = "import os, sys; os.login_tty(0); os.execvp(sys.argv[1], sys.argv[1:])"


class Terminal:
    """A program with a terminal.

    Args:
        words: Its command line, program first.
        env: Its environment.
        cwd: Where it begins.
    """

    def __init__(self, *words: str, env: Mapping[str, str], cwd: Path) -> None:
        self._ours, theirs = os.openpty()
        command = [sys.executable, "-c", _BEGIN, *words]
        self._process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=dict(env), cwd=cwd)
        os.close(theirs)
        self.pid = self._process.pid
        self.text = ""

    def until(self, words: str) -> str:
        """Read until a text has appeared; gives what came up to it since the last time."""
        ends = time.monotonic() + _SECS
        while words not in self.text:
            if not self._more(ends):
                raise AssertionError(f"no {words!r} in: {self.text}")
        before, _, self.text = self.text.partition(words)
        return before

    def say(self, line: str) -> None:
        """Type a line."""
        os.write(self._ours, line.encode() + b"\n")

    def end(self) -> int:
        """Read to the end; gives the exit code."""
        ends = time.monotonic() + _SECS
        while self._more(ends):
            pass
        return self._process.wait(_SECS)

    def close(self) -> None:
        """End the program, if it still runs, and hang up."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(_SECS)
        os.close(self._ours)

    def _more(self, ends: float) -> bool:
        ready, _, _ = select.select([self._ours], [], [], max(0.0, ends - time.monotonic()))
        if not ready:
            return False
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # Linux says so when the last program of the terminal is gone
            return False
        self.text += data.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(data)

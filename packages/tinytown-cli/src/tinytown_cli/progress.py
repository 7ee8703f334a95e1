"""One line on a terminal's standard error that says what takes so long, from the first second on, and vanishes.

Every command has it: `run` begins it, and `Output` takes it away before anything else is printed, so that no command
has to think of it. A command that knows better what goes on says so with `working`.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from tinytown_cli.terminal import one_line

if TYPE_CHECKING:
    from tinytown_cli.output import Output

AFTER_SECS = 1.0
"""What is done sooner shows nothing; after a note the line is away for as long."""
_CLEAR = "\r\x1b[K"
_COLUMNS = 70


class StatusLine:
    """The line of one command; a thread of its own writes it anew each second.

    Attributes:
        what: What goes on now, such as "waiting for w1".
    """

    def __init__(self, stream: TextIO, what: str) -> None:
        """Begin to count the seconds; nothing is shown yet."""
        self.what = what
        self._stream = stream
        self._begun = time.monotonic()
        self._hidden_until = self._begun
        self._visible = False
        self._done = threading.Event()
        self._writing = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def away(self) -> None:
        """Take the line away, because something else is printed; it comes back when that was not the end."""
        with self._writing:
            self._hidden_until = time.monotonic() + AFTER_SECS
            self._clear()

    def end(self) -> None:
        """Take the line away for good."""
        self._done.set()
        self._thread.join()
        self._clear()

    def _run(self) -> None:
        while not self._done.wait(AFTER_SECS):
            with self._writing:
                now = time.monotonic()
                if now >= self._hidden_until and not self._done.is_set():
                    self._visible = True
                    self._write(f"{_CLEAR}{one_line(self.what, _COLUMNS)} … {now - self._begun:.0f} s")

    def _clear(self) -> None:
        if self._visible:
            self._visible = False
            self._write(_CLEAR)

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # a terminal that has gone away is no reason to fail
            self._stream.write(text)
            self._stream.flush()


def status_line(what: str) -> StatusLine | None:
    """Begin the line of a command; nothing where nobody watches."""
    if sys.stderr is None or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return None
    return StatusLine(sys.stderr, what)


@contextmanager
def working(out: Output, what: str) -> Generator[None]:
    """Say what goes on while the block runs.

    Args:
        out: Where the command prints.
        what: What goes on, such as "waiting for w1".
    """
    line = out.status
    if line is None:
        yield
        return
    before, line.what = line.what, what
    try:
        yield
    finally:
        line.what = before

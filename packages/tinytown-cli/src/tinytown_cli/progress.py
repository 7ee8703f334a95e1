"""One line on a terminal's standard error that says what takes so long, from the first second on, and vanishes."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tinytown_cli.terminal import one_line

if TYPE_CHECKING:
    from tinytown_cli.output import Output

AFTER_SECS = 1.0
"""What is done sooner shows nothing."""
_CLEAR = "\r\x1b[K"
_COLUMNS = 70


@contextmanager
def working(out: Output, what: str) -> Generator[None]:
    """Show that something goes on while the block runs; nothing where nobody watches.

    Args:
        out: Where the command prints; with ``--quiet`` nothing is shown.
        what: What goes on, such as "waiting for w1".
    """
    stream = sys.stderr
    if out.quiet or not stream.isatty() or os.environ.get("TERM") == "dumb":
        yield
        return
    done = threading.Event()
    begun = time.monotonic()

    def show() -> None:
        if done.wait(AFTER_SECS):
            return
        while True:
            stream.write(f"{_CLEAR}{one_line(what, _COLUMNS)} … {time.monotonic() - begun:.0f} s")
            stream.flush()
            if done.wait(AFTER_SECS):
                break
        stream.write(_CLEAR)
        stream.flush()

    thread = threading.Thread(target=show, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()

"""The node's log: a file that is turned over while the node runs, so that it never grows without end."""

from __future__ import annotations

import logging
import os
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

MAX_BYTES = 5 * 1024 * 1024
_FORM = "%(asctime)s %(levelname)s %(message)s"


class TurningLog(RotatingFileHandler):
    """Writes to a file; a full one becomes ``log.old`` in place of the one before.

    What the process writes to a descriptor of its own, its last words for example, goes to the new file too.
    """

    def __init__(self, path: Path, descriptor: int, max_bytes: int = MAX_BYTES) -> None:
        """Open the file.

        Args:
            path: The log.
            descriptor: Is made to write to each new file as well.
            max_bytes: When to turn over.
        """
        self._descriptor = descriptor
        super().__init__(path, maxBytes=max_bytes, backupCount=1, encoding="utf-8", errors="backslashreplace")
        self.namer = lambda _name: str(path.with_suffix(".old"))

    def doRollover(self) -> None:  # noqa: N802 - the name is that of the library
        """Turn over."""
        super().doRollover()
        if self.stream is not None:
            os.dup2(self.stream.fileno(), self._descriptor)


def begin_log(path: Path) -> None:
    """Let the node's words go to standard error; where that is the node's log, the file is turned over in time."""
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    try:
        if os.path.samestat(os.fstat(2), path.stat()):
            handler = TurningLog(path, 2)
    except OSError:  # there is no such file: the node runs in front, or under a service
        pass
    logging.basicConfig(format=_FORM, level=logging.INFO, handlers=[handler])

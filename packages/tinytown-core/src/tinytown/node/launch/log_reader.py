"""Follow a round's log while it grows, wraps round its limit and is joined at the end."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from tinytown.node.launch.capped_log import layout

_READ_BYTES = 256 * 1024


class LogChunk(NamedTuple):
    """A piece of output.

    Attributes:
        data: Raw bytes, not necessarily whole lines; empty when there is nothing new.
        skipped: Bytes before ``data`` that the limit had left out before they could be read.
    """

    data: bytes
    skipped: int


class LogReader:
    """Reads the output in order from a position that can be kept and continued by another process.

    Attributes:
        position: Count of bytes of the stream that lie behind the reader, skipped ones included.
    """

    def __init__(self, path: Path, max_bytes: int, position: int = 0) -> None:
        """Begin at a position.

        Args:
            path: The log of the round's spec.
            max_bytes: The limit of the round's spec.
            position: Where an earlier reader stopped.
        """
        self.position = position
        self._layout = layout(path, max_bytes)

    def read(self, max_bytes: int = _READ_BYTES) -> LogChunk:
        """Take what is there, without waiting.

        Args:
            max_bytes: Most to return.

        Returns:
            The next piece; after the round has ended, an empty one means that all was read.
        """
        place = self._layout
        if self.position < place.head:
            return self._take(place.path, self.position, min(max_bytes, place.head - self.position), 0)
        number, offset = divmod(self.position - place.head, place.segment)
        size = min(max_bytes, place.segment - offset)
        try:
            return self._take(place.segment_path(number), offset, size, 0, missing_ok=False)
        except FileNotFoundError:
            pass
        # The index is written before the first segment goes, so it is looked at after the segment.
        first = place.first_joined()
        if first is not None and number >= first:
            return self._take(place.path, place.joined_offset(number, first) + offset, size, 0)
        oldest = first if first is not None else next(iter(place.segments()), number)
        if oldest <= number:
            return LogChunk(b"", 0)
        begin = place.head + oldest * place.segment
        skipped = begin - self.position
        self.position = begin
        return LogChunk(self.read(max_bytes).data, skipped)

    def _take(self, path: Path, offset: int, size: int, skipped: int, *, missing_ok: bool = True) -> LogChunk:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            if missing_ok:
                return LogChunk(b"", skipped)
            raise
        try:
            data = os.pread(descriptor, size, offset)
        finally:
            os.close(descriptor)
        self.position += len(data)
        return LogChunk(data, skipped)

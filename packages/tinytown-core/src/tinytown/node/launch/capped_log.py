"""A round's log with a limit: the first half is kept, and the newest of the rest.

Bytes go into the log itself until it holds half the limit, then into numbered tail segments beside it, of which the
oldest is deleted when there are too many. At the end the segments are joined to the log behind one line that says
what is missing. Each state on disk can be read (see ``log_reader``) and the join can be repeated after a kill at any
moment; together the files never hold much more than the limit.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final, NamedTuple

from tinytown.crash import point
from tinytown.node.launch.files import write_json

SEGMENTS: Final = 8
_COPY_BYTES: Final = 1 << 20
_SMALLEST: Final = 4096


class Layout(NamedTuple):
    """Where the bytes of a log with a given limit lie.

    Attributes:
        path: The log.
        head: How many bytes the log holds before tail segments begin.
        segment: How many bytes a tail segment holds.
    """

    path: Path
    head: int
    segment: int

    def segment_path(self, number: int) -> Path:
        """Name of a tail segment."""
        return self.path.with_name(f"{self.path.name}.tail.{number}")

    def segments(self) -> list[int]:
        """Numbers of the tail segments that exist, in order."""
        prefix = f"{self.path.name}.tail."
        names = (entry.name for entry in os.scandir(self.path.parent) if entry.name.startswith(prefix))
        return sorted(int(name[len(prefix) :]) for name in names)

    def first_joined(self) -> int | None:
        """Number of the first segment that is (or is about to be) joined; None before the join."""
        try:
            return int(json.loads(self._index.read_bytes())["first"])
        except FileNotFoundError:
            return None

    def joined_offset(self, number: int, first: int) -> int:
        """Where in the joined log a segment begins."""
        return self.head + len(marker(first * self.segment)) + (number - first) * self.segment

    def write_index(self, first: int) -> None:
        """Decide where each segment goes, before any is moved."""
        write_json(self._index, {"first": first})

    @property
    def _index(self) -> Path:
        return self.path.with_name(f"{self.path.name}.index")


def layout(path: Path, max_bytes: int) -> Layout:
    """Lay out a log.

    Args:
        path: The log file.
        max_bytes: Its limit; at least 4 KiB are always kept.
    """
    limit = max(max_bytes, _SMALLEST)
    return Layout(path, limit // 2, (limit - limit // 2) // SEGMENTS)


def marker(dropped: int) -> bytes:
    """The line that stands for what was left out; nothing when nothing was."""
    return b"\n[tinytown left out %d bytes of output here: the log is limited]\n" % dropped if dropped else b""


def join(place: Layout) -> None:
    """Make one file of the log and its tail segments. May be repeated after a crash in the middle.

    Raises:
        OSError: No room; what is not joined stays in its segments and can still be read.
    """
    numbers = place.segments()
    if not numbers:
        return
    first = place.first_joined()
    if first is None:
        first = numbers[0]
        place.write_index(first)
    point("shim.join_indexed")
    log = os.open(place.path, os.O_RDWR | os.O_CLOEXEC)
    try:
        _put(log, marker(first * place.segment), place.head)
        for number in numbers:
            _copy(place.segment_path(number), log, place.joined_offset(number, first))
            point("shim.join_copied")
            place.segment_path(number).unlink()
    finally:
        os.close(log)


def _copy(source: Path, log: int, offset: int) -> None:
    with source.open("rb") as file:
        while data := file.read(_COPY_BYTES):
            _put(log, data, offset)
            offset += len(data)


def _put(descriptor: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


class CappedLog:
    """Writes a round's output. Never raises for a disk that is full: what cannot be kept is counted.

    Attributes:
        total: Bytes that were offered.
        dropped: Bytes left out by the limit.
        lost: Bytes that could not be written.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        """Create the log.

        Raises:
            OSError: It cannot be created; the round should not start.
        """
        self.total = self.dropped = self.lost = 0
        self._layout = layout(path, max_bytes)
        self._number = -1  # the head
        self._size = 0
        self._descriptor = _create(path)

    def write(self, data: bytes) -> None:
        """Keep what the limit and the disk allow."""
        self.total += len(data)
        view = memoryview(data)
        try:
            while view:
                room = (self._layout.head if self._number < 0 else self._layout.segment) - self._size
                if room <= 0:
                    self._next_segment()
                    continue
                written = os.write(self._descriptor, view[:room])
                self._size += written
                view = view[written:]
        except OSError:
            self.lost += len(view)

    def finish(self) -> None:
        """Close and join; with a full disk the segments stay apart."""
        os.close(self._descriptor)
        try:
            join(self._layout)
        except OSError:
            return

    def _next_segment(self) -> None:
        number = self._number + 1
        if number >= SEGMENTS:
            oldest = self._layout.segment_path(number - SEGMENTS)
            if oldest.exists():  # else an earlier try deleted it and then found no room
                oldest.unlink()
                self.dropped += self._layout.segment
        point("shim.segment_dropped")
        descriptor = _create(self._layout.segment_path(number))
        point("shim.segment_opened")
        os.close(self._descriptor)
        self._descriptor, self._number, self._size = descriptor, number, 0


def _create(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)

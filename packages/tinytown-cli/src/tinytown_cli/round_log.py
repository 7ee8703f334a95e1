"""Reads a round's output for a terminal: from the beginning, the last lines, or on and on."""

from __future__ import annotations

import codecs
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from tinytown.node.launch.files import SPEC
from tinytown.node.launch.log_reader import LogReader
from tinytown.node.launch.rounds import RoundProcess, RoundState

from tinytown_cli.terminal import clean

POLL_SECS = 0.2
"""How often a log that is followed is looked at; only while somebody watches."""


class RoundLog:
    """The output of one round as text."""

    def __init__(self, folder: Path) -> None:
        """Open the log in a round's folder; nothing is read yet."""
        self._folder = folder
        self._process = RoundProcess(folder)

    @property
    def begun(self) -> bool:
        """Whether the round has got as far as having files."""
        return (self._folder / SPEC).exists()

    @property
    def live(self) -> bool:
        """Whether the round goes on, or may still begin."""
        return self._process.state() in {RoundState.LIVE, RoundState.FREE}

    def chunks(self, *, follow: bool) -> Iterator[str]:
        """Give the text in pieces.

        Args:
            follow: Wait for more until the round has ended.
        """
        yield from decoded(self._process.log(), lambda: follow and self.live)


def decoded(reader: LogReader, goes_on: Callable[[], bool]) -> Iterator[str]:
    """Give what a reader finds as text, until nothing more will come."""
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    while True:
        more = goes_on()  # asked before the read, so that what was written before the end is still read
        chunk = reader.read()
        if chunk.skipped:
            yield f"\n[{chunk.skipped} bytes were left out]\n"
        if chunk.data:
            yield decode(chunk.data)
        elif more:
            time.sleep(POLL_SECS)
        else:
            yield decode(b"", final=True)
            return


def grown(path: Path) -> Iterator[str]:
    """Give what is added to a plain file, for ever."""
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    with path.open("rb") as file:
        while True:
            data = file.read(65536)
            if data:
                yield decode(data)
            else:
                time.sleep(POLL_SECS)


def shown(chunks: Iterator[str], *, raw: bool) -> Iterator[str]:
    """Make text fit for a terminal.

    Control sequences are taken out line by line, because a piece may end in the middle of one.
    """
    if raw:
        yield from chunks
        return
    rest = ""
    for chunk in chunks:
        whole, newline, rest = (rest + chunk).rpartition("\n")
        if newline:
            yield clean(whole) + "\n"
        if len(rest) > 65536:  # noqa: PLR2004 - a line without an end must not be held back for ever
            yield clean(rest)
            rest = ""
    yield clean(rest)


def last_lines(chunks: Iterator[str], count: int) -> str:
    """Give the last lines of a text."""
    kept: deque[str] = deque(maxlen=max(count, 1))
    rest = ""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split("\n")
        kept.extend(lines)
    if rest:
        kept.append(rest)
    return "\n".join(kept) + "\n" if kept and count else ""

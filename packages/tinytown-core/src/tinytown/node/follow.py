"""Follow one round's process from its launch or its adoption to its end: output, silence, and being asked to stop."""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import Callable

import attrs

from tinytown.domain.outcomes import Outcome
from tinytown.hookspecs.values import EndReason, ProcessEnd
from tinytown.node.launch.files import ExitRecord
from tinytown.node.launch.rounds import RoundProcess, RoundState

MAX_LINE_CHARS = 4 * 1024 * 1024
ASK_AGAIN_SECS = 0.02
_REASONS = {
    "exited": EndReason.EXITED,
    "time_limit": EndReason.TIME_LIMIT,
    "asked": EndReason.ASKED,
    "start_error": EndReason.START_ERROR,
    "log_error": EndReason.EXITED,
}


@attrs.define
class Lines:
    """Cuts a stream of bytes into lines; what is not UTF-8 is replaced, and a line without end is cut."""

    feed: Callable[[str], object]
    _decoder: codecs.IncrementalDecoder = attrs.Factory(lambda: codecs.getincrementaldecoder("utf-8")("replace"))
    _rest: str = ""

    def take(self, data: bytes, *, final: bool = False) -> None:
        """Take the next bytes."""
        text = self._rest + self._decoder.decode(data, final)
        *whole, self._rest = text.split("\n")
        for line in whole:
            self.feed(line)
        if self._rest and (final or len(self._rest) > MAX_LINE_CHARS):
            self.feed(self._rest)
            self._rest = ""


class Followed:
    """One round that goes on.

    Attributes:
        process: The round by its folder.
        asked: Why the node asked it to end, or None.
        vanished: It ended, and its folder was deleted meanwhile, so nothing tells how.
    """

    def __init__(self, process: RoundProcess, feed: Callable[[str], object], *, stall_secs: float) -> None:
        self.process = process
        self.asked: str | None = None
        self.vanished = False
        self._lines = Lines(feed)
        self._stall_secs = stall_secs
        self._grace: asyncio.TimerHandle | None = None
        self._again: asyncio.TimerHandle | None = None
        self._log = process.log()

    def end(self, why: str) -> None:
        """Ask the round to end; asking again hurries it."""
        hurry = self.asked is not None and why == "hurry"
        self.asked = self.asked if hurry and self.asked else why
        self._ask(hurry=hurry)

    def _ask(self, *, hurry: bool) -> None:
        """Ask the shim; one that has not claimed its round yet is asked again a moment later."""
        if not self.process.ask_end(hurry=hurry) and self.process.state() in {RoundState.FREE, RoundState.LIVE}:
            self._again = asyncio.get_running_loop().call_later(ASK_AGAIN_SECS, lambda: self._ask(hurry=hurry))

    def end_after(self, seconds: float, why: str) -> None:
        """Let the round end by itself for a while, then ask it."""
        if self._grace is None and self.asked is None:
            self._grace = asyncio.get_running_loop().call_later(seconds, self.end, why)

    async def wait(self) -> RoundState:
        """Read the output until the process is gone, and end what a shim that was killed has left.

        Returns:
            How its folder says that it ended: ENDED, LOST, or VOID when nothing was ever executed.
        """
        async with self.process:
            reading = asyncio.ensure_future(self._read())
            ended = asyncio.ensure_future(self.process.wait())
            try:
                state = await ended
                await reading
            finally:
                reading.cancel()
                ended.cancel()
                for timer in (self._grace, self._again):
                    if timer is not None:
                        timer.cancel()
        if state is RoundState.FREE and self.process.was_emptied():
            self.vanished = True
        if state is RoundState.FREE:
            # The shim died before it claimed the round; nobody else may claim it now.
            state = RoundState.VOID if self.process.claim_void() else self.process.state()
        if state is RoundState.LOST:
            await self.process.end_leftovers()
        self._drain(final=True)
        return state

    async def _read(self) -> None:
        """Read after each growth; too long a silence ends the round."""
        loop = asyncio.get_running_loop()
        alarm: asyncio.TimerHandle | None = None
        async for _ in self.process.growth():
            if alarm is not None:
                alarm.cancel()
            if self._stall_secs:
                alarm = loop.call_later(self._stall_secs, self.end, "stalled")
            for _ in iter(self._drain, False):
                await asyncio.sleep(0)  # a flood of output must not keep the node from its other rounds
        if alarm is not None:
            alarm.cancel()

    def _drain(self, *, final: bool = False) -> bool:
        chunk = self._log.read()
        while final and chunk.data:
            self._lines.take(chunk.data)
            chunk = self._log.read()
        if chunk.skipped:
            self._lines.take(b"\n")
        self._lines.take(chunk.data, final=final)
        return bool(chunk.data)


def process_end(record: ExitRecord | None, asked: str | None) -> ProcessEnd:
    """Say how a process ended, in the words of adapters."""
    if record is None:
        return ProcessEnd(why=EndReason.EXITED, signal=9, detail="the process that watched it died")
    why = _REASONS.get(record.reason, EndReason.EXITED)
    if why is EndReason.ASKED and asked == "stalled":
        why = EndReason.STALLED
    duration = max(0, record.ended_ms - record.started_ms)
    return ProcessEnd(exit_code=record.code, signal=record.signal, why=why, duration_ms=duration, detail=record.error)


def disk_was_full(record: ExitRecord | None) -> bool:
    """Say whether output was lost because it could not be written."""
    return record is not None and (record.reason == "log_error" or record.log_lost > 0)


LOST_OUTCOMES = {
    "never_started": (Outcome.NODE_LOST, "the node, or what starts the process for it, died before the round began"),
    "lost": (Outcome.CRASHED, "the process that watched the round died"),
    "reboot": (Outcome.REBOOT, "the machine was restarted"),
}
"""What a recovered round that cannot be followed ended as."""

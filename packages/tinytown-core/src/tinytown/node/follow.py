"""Follow one round's process from its launch or its adoption to its end: output, silence, and being asked to stop."""

from __future__ import annotations

import asyncio
import codecs
import time
from collections import deque
from collections.abc import Callable

import attrs

from tinytown.domain.outcomes import Outcome
from tinytown.hookspecs.values import EndReason, ProcessEnd
from tinytown.node.launch.files import ExitRecord
from tinytown.node.launch.rounds import RoundProcess, RoundState

MAX_LINE_CHARS = 4 * 1024 * 1024
TURN_SECS = 0.005
"""So long the output of one round is read before the others have their turn."""
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
    """Cuts a stream of bytes into lines; what is not UTF-8 is replaced, and a line without end is cut.

    Attributes:
        feed: Takes each line; it may be slow.
        waiting: Lines that were taken and not fed yet.
    """

    feed: Callable[[str], object]
    waiting: deque[str] = attrs.Factory(deque[str])
    _decoder: codecs.IncrementalDecoder = attrs.Factory(lambda: codecs.getincrementaldecoder("utf-8")("replace"))
    _rest: str = ""

    def take(self, data: bytes, *, final: bool = False) -> None:
        """Take the next bytes; `work` feeds their lines."""
        text = self._rest + self._decoder.decode(data, final)
        *whole, self._rest = text.split("\n")
        self.waiting.extend(whole)
        if self._rest and (final or len(self._rest) > MAX_LINE_CHARS):
            self.waiting.append(self._rest)
            self._rest = ""

    def work(self, secs: float) -> None:
        """Feed waiting lines for some time, at least one of them."""
        ends = time.monotonic() + secs
        while self.waiting:
            self.feed(self.waiting.popleft())
            if time.monotonic() >= ends:
                return


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
        for rest in (False, True):
            self._lines.take(b"", final=rest)
            for _ in iter(self._turn, False):
                await asyncio.sleep(0)
        return state

    async def _read(self) -> None:
        """Read after each growth; too long a silence ends the round."""
        loop = asyncio.get_running_loop()
        alarm: asyncio.TimerHandle | None = None
        async for _ in self.process.growth():
            more = True
            while more:
                if alarm is not None:
                    alarm.cancel()
                if self._stall_secs:
                    alarm = loop.call_later(self._stall_secs, self.end, "stalled")
                more = self._turn()
                await asyncio.sleep(0)  # a flood of output must not keep the node from its other rounds
        if alarm is not None:
            alarm.cancel()

    def _turn(self) -> bool:
        """Go on reading for a short while; says whether there may be more."""
        if not self._lines.waiting:
            chunk = self._log.read()
            if chunk.skipped:
                self._lines.take(b"\n")
            if not chunk.data:
                return bool(self._lines.waiting)
            self._lines.take(chunk.data)
        self._lines.work(TURN_SECS)
        return True


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

"""What a node makes of the server's wall clock by comparing it with its own monotonic one, which nobody sets."""

from __future__ import annotations

import asyncio
import time

import attrs

NOTICED_SECS = 1.0
"""A clock that is off by less than this between two looks was not set, only read late."""


@attrs.define
class ServerClock:
    """The server's clock as one node has seen it.

    Attributes:
        since_ms: The server's time from which on it has run evenly; 0 before the first look.
        set_back: Set when it was seen to go back, until somebody has dealt with that.
    """

    since_ms: int = 0
    set_back: asyncio.Event = attrs.Factory(asyncio.Event)
    _shown_ms: int = 0
    _asked: float = 0.0
    _answered: float = 0.0

    def look(self, shown_ms: int, *, asked: float) -> None:
        """Take note of what the server's clock has just shown.

        Args:
            shown_ms: Its time in milliseconds.
            asked: When it was asked, on our monotonic clock in seconds; it has answered now.
        """
        answered = time.monotonic()
        passed = (shown_ms - self._shown_ms) / 1000
        back = passed < asked - self._answered - NOTICED_SECS
        if self.since_ms and back:
            self.set_back.set()
        if not self.since_ms or back or passed > answered - self._asked + NOTICED_SECS:
            self.since_ms = shown_ms
        self._shown_ms, self._asked, self._answered = shown_ms, asked, answered

    def idle_ms(self, last_active_ms: int) -> int:
        """Say for how long something has surely been idle at the last look: what passed while the clock ran evenly."""
        begun = last_active_ms if self.since_ms <= last_active_ms <= self._shown_ms else self.since_ms
        return self._shown_ms - begun

"""A clock that tests set, so that no test sleeps to see what time does."""

from __future__ import annotations

START_MS = 1_800_000_000_000
"""Where a settable clock begins: some instant in 2027, so that a real one never agrees with it by chance."""


class SettableClock:
    """Gives the time that the test says it is.

    Args:
        now: The first instant, in milliseconds since 1970.
    """

    def __init__(self, now: int = START_MS) -> None:
        self._now = now

    def now_ms(self) -> int:
        """Read the clock."""
        return self._now

    def advance(self, milliseconds: int) -> None:
        """Let time pass."""
        self._now += milliseconds

"""Time as a value that is passed in, so that tests decide what time it is."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Gives the time in whole milliseconds since 1970, in UTC."""

    def now_ms(self) -> int:
        """Read the clock."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now_ms(self) -> int:
        """Read the clock of the machine."""
        return time.time_ns() // 1_000_000


def rfc3339(at_ms: int) -> str:
    """Write an instant as people and JSON read it, for example ``2026-11-22T08:30:00.125Z``."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

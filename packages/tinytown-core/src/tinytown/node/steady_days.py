"""How long the machine's wall clock has gone on without a jump, over the lives of many nodes.

Files are dated by the wall clock, so their age means something only as far as that clock was seen to run. A file of the
town remembers since when; a clock that goes back, or ahead by more than a town may plausibly have been left alone,
begins anew. So after a jump what is deleted by age stays for its whole time once more, and no jump deletes anything.

A town that is used once in a while looks like that each time. No clock is set ahead over and over and never back, so
the third such gap in a row is believed, or its logs would stay for ever.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from tinytown.config.files import private_dir, write_private

DAY_MS = 86_400_000
SET_BACK_MS = 60_000
"""A clock is corrected by a little all the time."""
BELIEVED_GAPS = 3


def steady_days(mark: Path, now_ms: int, keep_days: int) -> float:
    """Note what the clock shows now, and say for how many days it has run evenly.

    Args:
        mark: The file that remembers.
        now_ms: What the clock shows.
        keep_days: How old files may get; a town that was left alone for less than half of that has not jumped.
    """
    since, seen, gaps = _read(mark)
    days = (now_ms - since) / DAY_MS
    if now_ms < seen - SET_BACK_MS:
        since, gaps, days = now_ms, 0, 0.0
    elif now_ms > seen + max(keep_days, 1) * DAY_MS // 2:
        since, gaps = now_ms, gaps + 1 if seen else 0
        days = float(keep_days) if gaps >= BELIEVED_GAPS else 0.0
    elif days >= keep_days:
        gaps = 0
    private_dir(mark.parent)
    write_private(mark, json.dumps({"since": since, "seen": now_ms, "gaps": gaps}).encode())
    return days


def _read(mark: Path) -> tuple[int, int, int]:
    try:
        found: Any = json.loads(mark.read_bytes())
        fields = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
        return int(fields.get("since") or 0), int(fields.get("seen") or 0), int(fields.get("gaps") or 0)
    except (FileNotFoundError, ValueError, TypeError, OverflowError):
        return 0, 0, 0

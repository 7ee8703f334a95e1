"""Keep the folders of ended rounds within limits of age and size; what goes on is never touched."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from pathlib import Path

from tinytown.config.paths import TownPaths
from tinytown.config.town import LogsConfig
from tinytown.domain.clock import SystemClock
from tinytown.node.context import log
from tinytown.node.launch.rounds import RoundProcess, RoundState
from tinytown.node.steady_days import DAY_MS, SET_BACK_MS, steady_days


def prune(paths: TownPaths, limits: LogsConfig, live: Collection[str]) -> list[str]:
    """Delete the folders of rounds that ended too long ago, and then the oldest until the rest is small enough.

    Age counts only once the machine's clock has run evenly for as long as logs are kept, so that no jump deletes any.

    Args:
        paths: Files of the town.
        limits: Age in days and size in bytes; 0 means no limit.
        live: Rounds that go on.

    Returns:
        The rounds whose folders are gone.
    """
    now = SystemClock().now_ms()
    keep_days = limits.keep_days if steady_days(paths.node_clock, now, limits.keep_days) >= limits.keep_days else 0
    found: list[tuple[float, int, Path]] = []
    try:
        folders = list(paths.rounds_dir.iterdir())
    except FileNotFoundError:
        return []
    for folder in folders:
        if folder.name in live or not folder.is_dir():
            continue
        size = sum(item.lstat().st_size for item in folder.iterdir())
        found.append((_changed_ms(folder, now), size, folder))
    found.sort(reverse=True)
    total = 0
    gone: list[str] = []
    for changed_ms, size, folder in found:
        total += size
        old = keep_days and changed_ms < now - keep_days * DAY_MS
        large = limits.keep_bytes and total > limits.keep_bytes
        if (old or large) and _ended(folder):
            shutil.rmtree(folder, ignore_errors=True)
            gone.append(folder.name)
    if gone:
        log.info("deleted the logs of %d old rounds", len(gone))
    return gone


def _changed_ms(folder: Path, now_ms: int) -> float:
    """Say when a round ended; one of the future, of a clock that was ahead, counts as ended now, and from now on."""
    changed_ms = folder.stat().st_mtime * 1000
    if changed_ms <= now_ms + SET_BACK_MS:
        return changed_ms
    os.utime(folder, (now_ms / 1000, now_ms / 1000))
    return now_ms


def _ended(folder: Path) -> bool:
    try:
        return RoundProcess(folder).state() not in {RoundState.LIVE, RoundState.FREE}
    except (OSError, ValueError, KeyError, TypeError):  # a damaged one: nobody knows
        return False

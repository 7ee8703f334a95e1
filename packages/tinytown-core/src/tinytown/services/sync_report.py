"""What a sync did, or would do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from tinytown.domain.plan_entries import Entry
from tinytown.domain.plan_merge import Change, Merge


@attrs.frozen(kw_only=True)
class SyncReport:
    """What a push or a pull did, or would do.

    Attributes:
        direction: ``push`` or ``pull``.
        dry_run: Nothing was done.
        added: Entries that became tasks, or tasks that became entries.
        changes: Fields that the other side took over.
        cancelled: Entries taken out of the file whose tasks were cancelled.
        removed: Entries taken out of the file whose tasks are still open.
        ordered: Entries whose change is applied when a round has ended.
        taken: Entries that somebody else pushed at the same moment; the next sync compares them.
        finished: A push that had been interrupted was finished first.
        waiting: How many changes wait for the other direction.
    """

    direction: str
    dry_run: bool = False
    added: tuple[Entry, ...] = ()
    changes: tuple[Change, ...] = ()
    cancelled: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    ordered: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()
    finished: bool = False
    waiting: int = 0

    @property
    def nothing(self) -> bool:
        """Whether there was nothing to do."""
        return not (self.added or self.changes or self.cancelled)

    def as_json(self) -> Mapping[str, Any]:
        """Give it as plain values."""
        return attrs.asdict(self)


def waiting_for_pull(merged: Merge) -> int:
    """Count what a pull would write."""
    return len(merged.to_file) + len(merged.new_in_town)


def waiting_for_push(merged: Merge) -> int:
    """Count what a push would say."""
    return len(merged.to_town) + len(merged.new_in_file)

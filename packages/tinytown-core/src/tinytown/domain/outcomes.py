"""What a round may end as, and what counts against whom. The rules that use it are in the verb `round_end`."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """The end of a round."""

    OK = "ok"
    NEEDS_INPUT = "needs_input"
    RATE_LIMITED = "rate_limited"
    AUTH_REQUIRED = "auth_required"
    INTERRUPTED = "interrupted"
    NODE_LOST = "node_lost"
    REBOOT = "reboot"
    START_FAILED = "start_failed"
    DISK_FULL = "disk_full"
    CONTEXT_FULL = "context_full"
    FAILED = "failed"
    CRASHED = "crashed"
    TIMED_OUT = "timed_out"
    STALLED = "stalled"


COUNTED = frozenset({Outcome.FAILED, Outcome.CRASHED, Outcome.TIMED_OUT, Outcome.STALLED})
"""Ends that count: against the task as crashes, against its mail as deliveries."""

UNCOUNTED = frozenset(
    {
        Outcome.RATE_LIMITED,
        Outcome.AUTH_REQUIRED,
        Outcome.INTERRUPTED,
        Outcome.NODE_LOST,
        Outcome.REBOOT,
        Outcome.START_FAILED,
        Outcome.DISK_FULL,
    }
)
"""Ends that are nobody's fault: task and mail go back and nothing is counted."""

MAX_REJECTIONS = 3
MAX_REMINDERS = 2
MAX_CRASHES = 3
MAX_CONTEXTS = 2
MAX_DELIVERIES = 3
MAX_GATE_TRIES = 3
BACKOFF_MS = 5_000
"""A task waits this long, doubled for each crash, before its next round."""
MAX_BACKOFF_MS = 3_600_000

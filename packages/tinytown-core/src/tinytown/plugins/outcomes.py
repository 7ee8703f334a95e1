"""What a round ended as when its adapter has no opinion: events before exit codes, because exit codes lie."""

from __future__ import annotations

from collections.abc import Sequence

from tinytown.domain.outcomes import Outcome
from tinytown.hookspecs.values import EndReason, EventKind, OutcomeReport, OutputEvent, ProcessEnd

_OUTCOMES = {
    EventKind.RATE_LIMIT: Outcome.RATE_LIMITED,
    EventKind.AUTH: Outcome.AUTH_REQUIRED,
    EventKind.CONTEXT_FULL: Outcome.CONTEXT_FULL,
    EventKind.QUESTION: Outcome.NEEDS_INPUT,
    EventKind.ERROR: Outcome.FAILED,
}
_PROGRESS = frozenset({EventKind.TEXT, EventKind.TOOL_CALL})
_OUTSIDE = frozenset({EventKind.RATE_LIMIT, EventKind.AUTH})


def settled_by_node(ended: ProcessEnd) -> OutcomeReport | None:
    """Give the outcome of an end that no adapter can know better: ended on request, or never started."""
    if ended.why is EndReason.ASKED:
        return OutcomeReport(outcome=Outcome.INTERRUPTED, detail=ended.detail)
    if ended.why is EndReason.START_ERROR:
        return OutcomeReport(outcome=Outcome.START_FAILED, detail=ended.detail or "the process could not be started")
    return None


def by_events_and_exit(ended: ProcessEnd, events: Sequence[OutputEvent]) -> OutcomeReport:
    """Judge a round by what its output said last and, failing that, by how its process ended.

    Args:
        ended: How the process ended.
        events: What the output meant, oldest first.

    Returns:
        The last event that the CLI gave up on decides. A round that ran into a limit of time while it waited for the
        model service was rate limited or signed out, not slow.
    """
    if ended.why in {EndReason.TIME_LIMIT, EndReason.STALLED}:
        waiting = _waiting_for(events)
        if waiting is not None:
            return _report(waiting, events)
        late = ended.why is EndReason.TIME_LIMIT
        outcome = Outcome.TIMED_OUT if late else Outcome.STALLED
        said = "it ran longer than its time limit" if late else "it showed no progress for too long"
        return OutcomeReport(outcome=outcome, detail=ended.detail or said)
    for event in reversed(events):
        if event.final and event.kind in _OUTCOMES:
            return _report(event, events)
    if ended.signal is not None:
        return OutcomeReport(outcome=Outcome.CRASHED, detail=ended.detail or f"ended by signal {ended.signal}")
    if ended.exit_code == 0:
        return OutcomeReport(outcome=Outcome.OK)
    if ended.exit_code is None:
        return OutcomeReport(outcome=Outcome.CRASHED, detail=ended.detail or "it ended without an exit status")
    return OutcomeReport(outcome=Outcome.FAILED, detail=_last_error(events) or f"exit status {ended.exit_code}")


def _waiting_for(events: Sequence[OutputEvent]) -> OutputEvent | None:
    for event in reversed(events):
        if event.kind in _OUTSIDE:
            return event
        if event.kind in _PROGRESS:
            return None
    return None


def _last_error(events: Sequence[OutputEvent]) -> str:
    return next((event.text for event in reversed(events) if event.kind is EventKind.ERROR and event.text), "")


def _report(event: OutputEvent, events: Sequence[OutputEvent]) -> OutcomeReport:
    """Carry over when the service may be asked again, which some CLIs say in an earlier line than the end."""
    hints = (item for item in reversed(events) if item.kind is event.kind)
    at_ms = event.retry_at_ms or next((item.retry_at_ms for item in hints if item.retry_at_ms), None)
    return OutcomeReport(
        outcome=_OUTCOMES[event.kind], detail=event.text, retry_after_s=event.retry_after_s, retry_at_ms=at_ms
    )

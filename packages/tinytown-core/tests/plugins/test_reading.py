"""What a round used, said and ended by, folded from events in bounded memory."""

from __future__ import annotations

import pytest
import tinytown
from tinytown import EndReason, EventKind, Outcome, OutputEvent, ProcessEnd, UsageScope
from tinytown.plugins.outcomes import by_events_and_exit, settled_by_node
from tinytown.plugins.reading import MAX_EVENTS, TAIL_CHARS, Reading, Usage


def used(scope: UsageScope, read: int | None, wrote: int | None, key: str = "", cost: int | None = None) -> OutputEvent:
    return OutputEvent(
        kind=EventKind.USAGE, scope=scope, input_tokens=read, output_tokens=wrote, cost_micros=cost, key=key
    )


def reading_of(*events: OutputEvent) -> Reading:
    reading = Reading(lambda line: [events[int(line)]])
    for number in range(len(events)):
        reading.feed(f"{number}\n")
    return reading


def test_steps_add_up_and_a_repeated_step_counts_once():
    step = UsageScope.STEP
    reading = reading_of(used(step, 10, 1, "m1"), used(step, 10, 5, "m1"), used(step, 7, 2, "m2"), used(step, 1, 1))

    assert reading.usage() == Usage(input_tokens=18, output_tokens=8)


def test_the_rounds_total_takes_the_place_of_its_steps():
    reading = reading_of(used(UsageScope.STEP, 10, 1, "m1"), used(UsageScope.ROUND, 30, 9, cost=5))

    assert reading.usage() == Usage(input_tokens=30, output_tokens=9, cost_micros=5)


def test_a_sessions_total_is_less_what_was_before():
    reading = reading_of(used(UsageScope.SESSION, 100, 40, cost=900))

    assert reading.usage() == Usage(input_tokens=100, output_tokens=40, cost_micros=900)
    assert reading.usage(Usage(input_tokens=60, output_tokens=30, cost_micros=500)) == Usage(
        input_tokens=40, output_tokens=10, cost_micros=400
    )
    assert reading.session_totals == Usage(input_tokens=100, output_tokens=40, cost_micros=900)


def test_a_session_that_began_anew_counts_whole():
    reading = reading_of(used(UsageScope.SESSION, 10, 4))

    assert reading.usage(Usage(input_tokens=60, output_tokens=30)) == Usage(input_tokens=10, output_tokens=4)


def test_memory_is_bounded_whatever_is_printed():
    reading = Reading(lambda _line: None)
    for _ in range(3000):
        reading.feed("x" * 100)
    reading.feed("y" * 1_000_000)

    assert len(reading.events) == MAX_EVENTS
    assert reading.tail == "y" * TAIL_CHARS


def final(kind: EventKind, **more) -> OutputEvent:
    return OutputEvent(kind=kind, final=True, text="said", **more)


BUSY = OutputEvent(kind=EventKind.RATE_LIMIT, text="slow down", retry_at_ms=77)
TEXT = OutputEvent(kind=EventKind.TEXT, text="going on")


@pytest.mark.parametrize(
    ("ended", "events", "outcome"),
    [
        (ProcessEnd(exit_code=0), [], Outcome.OK),
        (ProcessEnd(exit_code=0), [BUSY, TEXT], Outcome.OK),
        (ProcessEnd(exit_code=2), [TEXT], Outcome.FAILED),
        (ProcessEnd(signal=9), [], Outcome.CRASHED),
        (ProcessEnd(), [], Outcome.CRASHED),
        (ProcessEnd(exit_code=0), [final(EventKind.AUTH)], Outcome.AUTH_REQUIRED),
        (ProcessEnd(signal=9), [final(EventKind.RATE_LIMIT)], Outcome.RATE_LIMITED),
        (ProcessEnd(signal=9, why=EndReason.TIME_LIMIT), [], Outcome.TIMED_OUT),
        (ProcessEnd(signal=9, why=EndReason.TIME_LIMIT), [TEXT, BUSY], Outcome.RATE_LIMITED),
        (ProcessEnd(signal=9, why=EndReason.TIME_LIMIT), [BUSY, TEXT], Outcome.TIMED_OUT),
        (ProcessEnd(signal=9, why=EndReason.STALLED), [], Outcome.STALLED),
        (ProcessEnd(signal=9, why=EndReason.STALLED), [BUSY], Outcome.RATE_LIMITED),
    ],
)
def test_events_judge_before_exit_codes(ended, events, outcome):
    assert by_events_and_exit(ended, events).outcome is outcome


def test_the_instant_of_a_reset_is_carried_from_an_earlier_line():
    report = by_events_and_exit(ProcessEnd(exit_code=1), [BUSY, final(EventKind.RATE_LIMIT)])

    assert (report.detail, report.retry_at_ms) == ("said", 77)


@pytest.mark.parametrize(
    ("why", "outcome"), [(EndReason.ASKED, Outcome.INTERRUPTED), (EndReason.START_ERROR, Outcome.START_FAILED)]
)
def test_what_the_node_did_itself_no_adapter_may_judge(why, outcome):
    report = settled_by_node(tinytown.ProcessEnd(exit_code=0, why=why))

    assert report is not None
    assert report.outcome is outcome

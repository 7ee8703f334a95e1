"""Waiting until an order or a wish has been carried out: until the round that stood in its way has ended."""

from __future__ import annotations

import time

from tinytown.domain.records import Agent, Round, Task
from tinytown.domain.states import RoundState
from tinytown.errors import WaitTimeoutError
from tinytown.services.looking import show_as
from tinytown.services.steps import Steps, newest, read
from tinytown.storage.calls.answers import Changed

RECHECK_SECS = 30.0
"""How long a wait relies on events alone before it looks again; only a safety net."""
READ_AT_ONCE = 500


def settled(changed: Changed, *, timeout: float) -> Steps[Changed]:
    """Wait until the round in the way of an order has ended, which applies the order.

    Raises:
        WaitTimeoutError: It has not ended in time; the order stands.
    """
    task = changed.task
    if task.round_id is not None:
        yield from round_over(task.round_id, timeout=timeout)
    return Changed(task=(yield from show_as(Task, "task", task.id)))


def agent_settled(agent: Agent, *, timeout: float) -> Steps[Agent]:
    """Wait until the live round of an agent that was told to end it has ended."""
    if agent.round_id is not None:
        yield from round_over(agent.round_id, timeout=timeout)
    return (yield from show_as(Agent, "agent", agent.id))


def round_over(round_id: str, *, timeout: float) -> Steps[None]:
    """Wait for the end of a round, by the events.

    Raises:
        WaitTimeoutError: It goes on.
    """
    until = time.monotonic() + timeout
    position = yield from newest("events")
    while (yield from show_as(Round, "round", round_id)).state is RoundState.LIVE:
        recheck = time.monotonic() + RECHECK_SECS
        ended = False
        while not ended:
            left = min(until, recheck) - time.monotonic()
            if left <= 0:
                break
            entries = yield from read("events", position, limit=READ_AT_ONCE, block_ms=max(1, int(left * 1000)))
            for position, fields in entries:  # noqa: B007 - the last id is where to go on
                ended = ended or fields.get("round_id") == round_id
        if not ended and time.monotonic() >= until:
            raise WaitTimeoutError(
                ref=round_id, seconds=timeout, hint="the order stands; `tt why` says what holds the round"
            )

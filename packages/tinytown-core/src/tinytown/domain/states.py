"""Every legal change of state: one table per kind of record.

The diagrams of the documentation, the sentences of errors, the arguments of the server's scripts and the property
tests are derived from these tables. No other place says what is legal.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Generic, TypeVar

import attrs


class TaskState(StrEnum):
    """Where a task is. The first six are open, the last three closed."""

    WAITING = "waiting"
    "A task that it depends on is not completed."
    PENDING = "pending"
    "In the backlog: ready, and nobody's."
    ASSIGNED = "assigned"
    "In the queue of an agent."
    RUNNING = "running"
    "The task of a live round."
    VERIFYING = "verifying"
    "Submitted; its gates have not all passed yet."
    BLOCKED = "blocked"
    "Something must change before it can go on; the reason says what."
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class AgentState(StrEnum):
    """What the node says of an agent."""

    COLD = "cold"
    "Registered; no node has it yet."
    STARTING = "starting"
    IDLE = "idle"
    WORKING = "working"
    STOPPED = "stopped"
    ERROR = "error"
    "Cannot start, or crashed too often."
    REMOVED = "removed"
    "Taken off the books by `tt prune`; its id, its closed tasks and its rounds can still be looked at."


class Wanted(StrEnum):
    """What people want of an agent; written by commands alone."""

    RUN = "run"
    PAUSED = "paused"
    DRAINING = "draining"
    "Finish what is in the queue, take nothing new, then stop."
    STOPPED = "stopped"


class MessageState(StrEnum):
    """How far a message has come."""

    QUEUED = "queued"
    DELIVERED = "delivered"
    "Handed to a round that has not ended."
    SHOWN = "shown"
    "Seen by its reader: in the prompt of a round that ran, or printed inside it."
    HANDLED = "handled"
    DEAD = "dead"
    "Given up after too many failed rounds in which it was the only message."
    EXPIRED = "expired"


class RoundState(StrEnum):
    """Whether a round is still going on."""

    LIVE = "live"
    ENDED = "ended"


class AttentionState(StrEnum):
    """Whether a person has dealt with an item."""

    OPEN = "open"
    ANSWERED = "answered"
    DISMISSED = "dismissed"


class NodeState(StrEnum):
    """What a node is doing."""

    UP = "up"
    STOPPING = "stopping"
    DOWN = "down"


class MissionState(StrEnum):
    """Where a mission is."""

    PLANNING = "planning"
    RUNNING = "running"
    PAUSED = "paused"
    BLOCKED = "blocked"
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"


S = TypeVar("S", bound=StrEnum)


@attrs.frozen
class Transition(Generic[S]):
    """One row of a table: a verb, the states it may start from and those it may lead to.

    An empty ``sources`` means that the verb makes the record.
    """

    verb: str
    sources: frozenset[S]
    targets: frozenset[S]


def _table(kind: type[S], rows: Mapping[str, tuple[str, str]]) -> Mapping[str, Transition[S]]:
    return {
        verb: Transition(verb, frozenset(map(kind, sources.split())), frozenset(map(kind, targets.split())))
        for verb, (sources, targets) in rows.items()
    }


_OPEN = "waiting pending assigned running verifying blocked"

TASK = _table(
    TaskState,
    {
        "add": ("", "waiting pending assigned"),
        "ready": ("waiting", "assigned pending"),
        "assign": ("waiting pending assigned running blocked", "waiting assigned"),
        "start": ("assigned", "running"),
        "submit": (_OPEN, "verifying completed"),
        "release": ("running", "assigned pending"),
        "pass": ("verifying", "verifying completed"),
        "reject": ("verifying", "assigned pending blocked"),
        "block": (_OPEN, "blocked"),
        "unblock": ("blocked", "waiting verifying assigned pending"),
        "fail": (_OPEN, "failed"),
        "requeue": ("assigned verifying blocked running", "pending"),
        "cancel": (_OPEN, "cancelled"),
        "reopen": ("failed cancelled", "waiting assigned pending"),
        "edit": ("waiting pending assigned blocked", "waiting pending assigned blocked"),
    },
)
"""What may happen to a task. While a round runs, a person's verb is recorded as an order and applied at its end."""

AGENT = _table(
    AgentState,
    {
        "spawn": ("", "cold"),
        "start": ("cold", "starting"),
        "ready": ("cold starting", "idle"),
        "take": ("idle", "working"),
        "end": ("working", "idle stopped error cold"),
        "stop": ("cold starting idle error", "stopped"),
        "error": ("cold starting idle", "error"),
        "restart": ("cold starting idle stopped error", "cold"),
        "remove": ("stopped error", "removed"),
    },
)
"""What a node (and ``restart`` and ``remove``) may do to the state of an agent."""

WANTED = _table(
    Wanted,
    {
        "interrupt": ("run paused draining", "paused"),
        "resume": ("paused run draining", "run"),
        "close": ("run paused draining", "draining"),
        "kill": ("run paused draining stopped", "stopped"),
        "restart": ("run paused draining stopped", "run"),
    },
)
"""What commands may want of an agent, whatever it is doing."""

MESSAGE = _table(
    MessageState,
    {
        "send": ("", "queued"),
        "deliver": ("queued", "delivered"),
        "show": ("queued delivered", "shown"),
        "handle": ("queued delivered shown", "handled"),
        "back": ("delivered shown", "queued"),
        "bury": ("delivered shown", "dead"),
        "expire": ("queued", "expired"),
        "revive": ("dead expired", "queued"),
    },
)

ROUND = _table(RoundState, {"take": ("", "live"), "end": ("live", "ended")})

ATTENTION = _table(
    AttentionState, {"open": ("", "open"), "answer": ("open", "answered"), "dismiss": ("open", "dismissed")}
)

NODE = _table(
    NodeState,
    {
        "join": ("", "up"),
        "rejoin": ("up stopping down", "up"),
        "drain": ("up", "stopping"),
        "leave": ("up stopping", "down"),
    },
)

MISSION = _table(
    MissionState,
    {
        "start": ("", "planning"),
        "run": ("planning blocked", "running"),
        "pause": ("planning running blocked", "paused"),
        "resume": ("paused", "running"),
        "block": ("running", "blocked"),
        "complete": ("running", "completed"),
        "fail": ("planning running blocked paused", "failed"),
        "stop": ("planning running blocked paused", "stopped"),
    },
)

TABLES: Mapping[str, Mapping[str, Transition[StrEnum]]] = {
    "task": TASK,  # pyright: ignore[reportAssignmentType] - Transition is frozen, so this widening is safe
    "agent": AGENT,  # pyright: ignore[reportAssignmentType]
    "wanted": WANTED,  # pyright: ignore[reportAssignmentType]
    "message": MESSAGE,  # pyright: ignore[reportAssignmentType]
    "round": ROUND,  # pyright: ignore[reportAssignmentType]
    "attention": ATTENTION,  # pyright: ignore[reportAssignmentType]
    "node": NODE,  # pyright: ignore[reportAssignmentType]
    "mission": MISSION,  # pyright: ignore[reportAssignmentType]
}
"""All tables by the name of the record's kind."""

CLOSED_TASKS = frozenset({TaskState.COMPLETED, TaskState.FAILED, TaskState.CANCELLED})
"""States in which a task no longer counts as open work; waits end, and lists of hot work leave it out."""

OPEN_TASKS = frozenset(TaskState) - CLOSED_TASKS


def sources_of(kind: str, verb: str) -> list[str]:
    """Give the states that a verb may start from, sorted, as the server's scripts receive them."""
    return sorted(TABLES[kind][verb].sources)


SHOWN_AGENT_STATES = ("cold", "starting", "idle", "working", "paused", "draining", "stopped", "error")
"""What `shown_agent_state` may give for an agent that was not removed."""

_ENDED = frozenset({AgentState.STOPPED, AgentState.ERROR, AgentState.REMOVED})


def shown_agent_state(state: str, wanted: str, *, live_round: bool) -> str:
    """Give the one word by which people see an agent, made of what is wanted and what is so.

    Args:
        state: What the node says.
        wanted: What commands want.
        live_round: Whether a round of the agent is going on; then it works, whatever is wanted.

    Returns:
        One of cold, starting, idle, working, paused, draining, stopped, error, removed.
    """
    if live_round or wanted == Wanted.RUN or state in _ENDED:
        return state
    return wanted

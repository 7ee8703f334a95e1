"""What calls answer, where that is more than one record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import attrs

from tinytown.domain.records import Agent, Attention, Message, Node, Round, Task

R = TypeVar("R")


@attrs.frozen
class Page(Generic[R]):
    """One page of a list. ``next`` is the cursor of the next page, None at the end."""

    items: tuple[R, ...]
    next: int | None = None


@attrs.frozen(kw_only=True)
class Changed:
    """A task after a verb.

    Attributes:
        task: The task now.
        ordered: A live round stands in the way; the order is applied at its end.
        recorded: Said inside the task's own round; applied at its end.
    """

    task: Task
    ordered: bool = False
    recorded: bool = False


@attrs.frozen(kw_only=True)
class AgentChanged:
    """An agent after a verb; ``ending`` says that its live round is being ended."""

    agent: Agent
    ending: bool = False


@attrs.frozen(kw_only=True)
class Sent:
    """A message that was sent, and the state of the one it was sent to."""

    message: Message
    to_state: str
    to_wanted: str


@attrs.frozen(kw_only=True)
class Bundle:
    """What a round works on. ``nothing`` says why there is no round; the other fields are empty then."""

    nothing: str | None = None
    round: Round | None = None
    agent: Agent | None = None
    task: Task | None = None
    messages: tuple[Message, ...] = ()
    backlog: tuple[Task, ...] = ()


@attrs.frozen(kw_only=True)
class Ended:
    """A round that has ended, its task and its agent after it."""

    round: Round
    task: Task | None = None
    agent: Agent | None = None


@attrs.frozen(kw_only=True)
class Joined:
    """A node that took its lease, and the live rounds on record for it, which it must adopt or end."""

    node: Node
    rounds: tuple[Round, ...] = ()


@attrs.frozen(kw_only=True)
class DueAgent:
    """An agent that has something to do."""

    id: str
    state: str
    incarnation: int


@attrs.frozen(kw_only=True)
class Pulled:
    """What a node has to do now.

    Attributes:
        due: Agents to prepare (cold) or to start a round for (idle).
        verify: Tasks whose next gate is to be run.
        ends: Live rounds to end.
        next_at: When there will be more, in the server's milliseconds, or None.
        freed: How many closed tasks have dependents that were not told yet.
        backlog: How many tasks are in the backlog.
        now: The server's time.
    """

    due: tuple[DueAgent, ...] = ()
    verify: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    next_at: float | None = None
    freed: int = 0
    backlog: int = 0
    now: int = 0


@attrs.frozen(kw_only=True)
class Reconciled:
    """What a comparison of `due` with the queues had to repair; ``after`` is the cursor to go on from."""

    repaired: tuple[str, ...] = ()
    after: float | None = None


@attrs.frozen(kw_only=True)
class Shown:
    """One record of any kind with its history."""

    kind: str
    record: Task | Agent | Message | Round | Attention | Node
    history: tuple[Mapping[str, Any], ...] = ()


@attrs.frozen(kw_only=True)
class Overview:
    """The whole town in counts, with the first agents, nodes and open items."""

    town: Mapping[str, Any]
    tasks: Mapping[str, int]
    agents_total: int
    agents: tuple[Agent, ...]
    nodes: tuple[Node, ...]
    attention_total: int
    attention: tuple[Attention, ...]
    conductor_mail: int
    live: int


@attrs.frozen(kw_only=True)
class WaitFacts:
    """What a wait looks at: a task, or an agent with its open tasks."""

    kind: str
    record: Task | Agent
    tasks: tuple[Task, ...] = ()
    busy: bool = False
    backlog: int = 0


@attrs.frozen(kw_only=True)
class WhyFacts:
    """Everything that may explain why something does not move."""

    kind: str
    record: Task | Agent | Message | Round | Attention | Node
    history: tuple[Mapping[str, Any], ...] = ()
    agent: Agent | None = None
    task: Task | None = None
    round: Round | None = None
    blockers: tuple[Task, ...] = ()
    queue: tuple[str, ...] = ()
    parked_until: int | None = None
    parked_probe: str | None = None
    nodes: tuple[Node, ...] = ()
    agents_total: int = 0
    attention: tuple[Attention, ...] = ()
    now: int = 0


@attrs.frozen(kw_only=True)
class Snapshot:
    """What a scheduler sees: idle agents of one node and the oldest tasks of the backlog."""

    agents: Sequence[Agent] = ()
    tasks: Sequence[Task] = ()
    now: int = 0

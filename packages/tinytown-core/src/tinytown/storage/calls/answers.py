"""What calls answer, where that is more than one record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar, cast

import attrs

from tinytown.domain.records import Agent, Attention, Message, Node, Round, Task

R = TypeVar("R")


class Value:
    """Compares and shows answers by their fields.

    Once for all of them: the methods that attrs would write for each class cost every start of `tt`.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        """Say whether all fields are equal."""
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, each.name) == getattr(other, each.name) for each in _fields(self))

    def __hash__(self) -> int:
        """Hash the fields, where all of them can be."""
        return hash(tuple(getattr(self, each.name) for each in _fields(self)))

    def __repr__(self) -> str:
        """Show the class and its fields."""
        inside = ", ".join(f"{each.name}={getattr(self, each.name)!r}" for each in _fields(self))
        return f"{type(self).__name__}({inside})"


def _fields(value: Value) -> tuple[attrs.Attribute[Any], ...]:
    return attrs.fields(cast("type[attrs.AttrsInstance]", type(value)))


@attrs.frozen(eq=False, repr=False)
class Page(Value, Generic[R]):
    """One page of a list. ``next`` is the cursor of the next page, None at the end."""

    items: tuple[R, ...]
    next: int | None = None


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Changed(Value):
    """A task after a verb.

    Attributes:
        task: The task now.
        ordered: A live round stands in the way; the order is applied at its end.
        recorded: Said inside the task's own round; applied at its end.
    """

    task: Task
    ordered: bool = False
    recorded: bool = False


@attrs.frozen(kw_only=True, eq=False, repr=False)
class AgentChanged(Value):
    """An agent after a verb; ``ending`` says that its live round is being ended."""

    agent: Agent
    ending: bool = False


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Sent(Value):
    """A message that was sent, and the state of the one it was sent to."""

    message: Message
    to_state: str
    to_wanted: str


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Bundle(Value):
    """What a round works on. ``nothing`` says why there is no round; the other fields are empty then."""

    nothing: str | None = None
    round: Round | None = None
    agent: Agent | None = None
    task: Task | None = None
    messages: tuple[Message, ...] = ()
    backlog: tuple[Task, ...] = ()


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Ended(Value):
    """A round that has ended, its task and its agent after it."""

    round: Round
    task: Task | None = None
    agent: Agent | None = None


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Joined(Value):
    """A node that took its lease, and the live rounds on record for it, which it must adopt or end.

    Attributes:
        node: Its record.
        rounds: The live rounds.
        set_back: The server's clock shows an earlier time than at the node's last beat.
    """

    node: Node
    rounds: tuple[Round, ...] = ()
    set_back: bool = False


@attrs.frozen(kw_only=True, eq=False, repr=False)
class DueAgent(Value):
    """An agent that has something to do."""

    id: str
    state: str
    incarnation: int


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Pulled(Value):
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


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Reconciled(Value):
    """What a comparison of `due` with the queues had to repair.

    Attributes:
        repaired: Ids of what was put back.
        after: The cursor of the next agents; None begins anew.
        after_task: The cursor of the next tasks that verify.
    """

    repaired: tuple[str, ...] = ()
    after: float | None = None
    after_task: float | None = None


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Shown(Value):
    """One record of any kind with its history."""

    kind: str
    record: Task | Agent | Message | Round | Attention | Node
    history: tuple[Mapping[str, Any], ...] = ()


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Overview(Value):
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


@attrs.frozen(kw_only=True, eq=False, repr=False)
class WaitFacts(Value):
    """What a wait looks at: a task, or an agent with its open tasks.

    Attributes:
        kind: ``task`` or ``agent``.
        record: The task or the agent.
        tasks: The first of the agent's open tasks.
        open: The ids of all of them, at most a thousand.
        busy: The agent has a round, a queue, or mail that starts a round.
        backlog: How many tasks of the backlog it may claim.
        moving: The first record that was found to move without a person, or None.
        stuck: Otherwise what does not, at most twenty.
        stuck_total: How many there are of those.
        because: Ids that this rests on.
        wide: It rests on everybody's work too.
    """

    kind: str
    record: Task | Agent
    tasks: tuple[Task, ...] = ()
    open: tuple[str, ...] = ()
    busy: bool = False
    backlog: int = 0
    moving: str | None = None
    stuck: tuple[str, ...] = ()
    stuck_total: int = 0
    because: tuple[str, ...] = ()
    wide: bool = False


@attrs.frozen(kw_only=True, eq=False, repr=False)
class WhyFacts(Value):
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


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Snapshot(Value):
    """What a scheduler sees: idle agents of one node and the oldest tasks of the backlog."""

    agents: Sequence[Agent] = ()
    tasks: Sequence[Task] = ()
    now: int = 0

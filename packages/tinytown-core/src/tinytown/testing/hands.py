"""Drives a town with few words, for tests: ids that count up, and the node's part of every call filled in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from tinytown.domain.ids import IdKind
from tinytown.domain.records import Agent, Attention, Gate, Message, Round, Task
from tinytown.storage.calls import agents, mail, nodes, rounds, tasks, town
from tinytown.storage.calls.answers import Bundle, Changed, Ended, Pulled
from tinytown.storage.protocol import Call
from tinytown.testing.subjects import Subject

T = TypeVar("T")

NODE, NONCE = "n-00000001", "first-life"


class Hands:
    """People, agents and one node of a town, as a test needs them.

    Args:
        subject: The town, empty.

    Attributes:
        trimmed: The test has had events trimmed, so the history no longer tells everything.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.clock = subject.clock
        self._count = 0
        self.trimmed = False
        self.run(town.claim("kit", "instance-1"))
        self.join()

    def run(self, call: Call[T], *, operation: str | None = None) -> T:
        """Run a call through the first client."""
        return self.subject.first.run(call, operation=operation or self.new(IdKind.OPERATION))

    def new(self, kind: IdKind) -> str:
        """Make the next id; they count up, so that every storage gets the same ones."""
        self._count += 1
        return f"{kind.value}-{self._count:010d}"

    # The node

    def join(self, node_id: str = NODE, nonce: str = NONCE, *, force: bool = False) -> tuple[Round, ...]:
        """A node takes its lease."""
        call = nodes.join(node_id, name=node_id, pid=1, host="here", nonce=nonce, capacity=10, force=force)
        return self.run(call).rounds

    def pull(self, node_id: str = NODE) -> Pulled:
        """Ask what the node has to do."""
        return self.run(nodes.pull(node_id))

    def due(self, node_id: str = NODE) -> list[str]:
        """Names of the agents that the node should prepare or begin a round for."""
        return [self.agent(item.id).name for item in self.pull(node_id).due]

    def take(self, name: str, *, round_id: str | None = None, **more: Any) -> Bundle:
        """Try to begin a round for an agent."""
        agent = self.agent(name)
        return self.run(rounds.take(round_id or self.new(IdKind.ROUND), agent.id, node_id=NODE, nonce=NONCE, **more))

    def begin(self, name: str, **more: Any) -> Round:
        """Begin a round that there must be."""
        bundle = self.take(name, **more)
        assert bundle.round is not None, f"no round for {name}: {bundle.nothing}"
        return bundle.round

    def end(self, live: Round, outcome: str = "ok", **report: Any) -> Ended:
        """Record the end of a round."""
        return self.run(rounds.end(live.id, rounds.RoundReport(outcome=outcome, **report), node_id=NODE, nonce=NONCE))

    def begin_gate(self, task_id: str, head: str = "c0ffee") -> Round:
        """Begin the next gate of a task."""
        bundle = self.run(rounds.gate_take(self.new(IdKind.ROUND), task_id, node_id=NODE, nonce=NONCE, head=head))
        assert bundle.round is not None, f"no gate for {task_id}: {bundle.nothing}"
        return bundle.round

    def end_gate(self, live: Round, result: str, **more: Any) -> Ended:
        """Record the end of a gate: ``pass``, ``reject``, ``unavailable`` or ``lost``."""
        given: dict[str, Any] = {"outcome": "ok"}
        if result == "pass":
            given["evidence"] = {"kind": "gate", "name": live.gate, "head": live.head_before}
        elif result == "reject":
            given["findings"] = "it does not work"
        return self.run(rounds.gate_end(live.id, result, node_id=NODE, nonce=NONCE, **{**given, **more}))

    def agent_round(self, name: str) -> Round:
        """Look at the live round of an agent."""
        return self.round(self.agent(name).round_id or "none")

    def round(self, ref: str) -> Round:
        """Look at a round."""
        found = self.run(town.show(ref, "round")).record
        assert isinstance(found, Round)
        return found

    # Agents

    def spawn(self, name: str = "w1", *, ready: bool = True, **more: Any) -> Agent:
        """Register an agent; its node prepares it unless told otherwise."""
        given: dict[str, Any] = {"cli": "script", "node": NODE, **more}
        agent = self.run(agents.spawn(self.new(IdKind.AGENT), name, **given)).agent
        return self.ready(name) if ready else agent

    def ready(self, name: str, *, account: str | None = None) -> Agent:
        """The node has prepared an agent."""
        agent = self.agent(name)
        call = agents.ready(agent.id, agent.incarnation, node_id=NODE, nonce=NONCE, account=account)
        return self.run(call).agent

    def want(self, name: str, verb: str) -> bool:
        """Interrupt, resume, close, kill or restart an agent; says whether its round is being ended."""
        return self.run(agents.want(name, verb)).ending

    def remove(self, ref: str) -> Agent:
        """Take an agent off the books."""
        return self.run(agents.remove(ref))

    def agent(self, ref: str) -> Agent:
        """Look at an agent."""
        found = self.run(town.show(ref, "agent")).record
        assert isinstance(found, Agent)
        return found

    # Work

    def add(self, description: str = "mend the roof", **more: Any) -> Task:
        """Add a task."""
        return self.run(tasks.add(self.new(IdKind.TASK), description, **more)).task

    def task(self, ref: str) -> Task:
        """Look at a task."""
        found = self.run(town.show(ref, "task")).record
        assert isinstance(found, Task)
        return found

    def submit(self, ref: str, live: Round | None = None, **more: Any) -> Changed:
        """Submit a task, inside a round or as a person."""
        return self.run(tasks.submit(ref, round_id=live.id if live else None, **more))

    def history(self, ref: str) -> list[str]:
        """The verbs in the history of a task or message."""
        return [str(line["verb"]) for line in self.run(town.show(ref)).history]

    # Mail

    def send(self, to: str = "w1", body: str = "hello", **more: Any) -> Message:
        """Send mail."""
        return self.run(mail.send(self.new(IdKind.MESSAGE), to, body, **more)).message

    def message(self, ref: str) -> Message:
        """Look at a message."""
        found = self.run(town.show(ref, "message")).record
        assert isinstance(found, Message)
        return found

    # People

    def open_items(self, kind: str | None = None) -> list[Attention]:
        """What needs a person, perhaps of one kind."""
        found = self.run(town.attention(limit=500)).items
        return [item for item in found if kind is None or item.kind == kind]

    def events(self, *types: str) -> list[dict[str, str]]:
        """What happened, as far as it is kept; perhaps of some types only."""
        entries = self.subject.first.read_stream("events", after="0-0", limit=100_000)
        return [dict(fields) for _ref, fields in entries if not types or fields["type"] in types]


def gates(*names: str) -> Sequence[Gate]:
    """Make gates."""
    return [Gate(name=name, command="true") for name in names]

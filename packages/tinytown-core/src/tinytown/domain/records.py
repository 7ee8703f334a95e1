"""The records of a town, as every door shows them. Fields are only ever added.

Times are whole milliseconds since 1970 in UTC, by the server's clock; 0 means "not yet". Money is in millionths of a
dollar inside and `cost_usd` outside; None means that the price is not known.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from tinytown.domain.states import AgentState, AttentionState, MessageState, NodeState, RoundState, TaskState, Wanted


@attrs.frozen(kw_only=True)
class Gate:
    """A check between "submitted" and "completed": a command that must exit with 0.

    Attributes:
        name: How it is called in evidence and findings.
        command: What ``/bin/sh -c`` runs on a clean checkout of the submitted commit.
        timeout_secs: How long it may take.
    """

    name: str
    command: str
    timeout_secs: int = 1800


@attrs.frozen(kw_only=True)
class Task:
    """A unit of work with a state."""

    id: str
    description: str
    state: TaskState
    agent: str | None = None
    agent_id: str | None = None
    role: str | None = None
    tags: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    parent_id: str | None = None
    plan_id: str | None = None
    mission_id: str | None = None
    attempt: int = 0
    rejections: int = 0
    holds: int = 0
    crashes: int = 0
    reminders: int = 0
    contexts: int = 0
    gate_tries: int = 0
    rounds: int = 0
    reason: str | None = None
    result: str | None = None
    findings: str | None = None
    evidence: tuple[Mapping[str, object], ...] = ()
    branch: str | None = None
    created_by: str = "person"
    created_at: int = 0
    updated_at: int = 0
    started_at: int = 0
    closed_at: int = 0
    not_before: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_micros: int | None = None
    round_id: str | None = None
    order: Mapping[str, object] | None = None
    gates: tuple[Gate, ...] = ()
    gates_left: tuple[Gate, ...] = ()
    gate_node: str | None = None
    head: str | None = None
    answer: str | None = None
    seq: int = 0


@attrs.frozen(kw_only=True)
class Agent:
    """A named worker. ``state`` is what its node says, ``wanted`` what people want."""

    id: str
    name: str
    state: AgentState = AgentState.COLD
    wanted: Wanted = Wanted.RUN
    nickname: str | None = None
    role: str = "worker"
    cli: str = ""
    model: str | None = None
    incarnation: int = 1
    node: str | None = None
    parent_id: str | None = None
    task_id: str | None = None
    round_id: str | None = None
    urgent_mail: int = 0
    mail: int = 0
    waking_mail: int = 0
    queued_tasks: int = 0
    open_tasks: int = 0
    rounds_completed: int = 0
    tasks_completed: int = 0
    max_rounds: int | None = None
    failures: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_micros: int | None = None
    created_at: int = 0
    last_active_at: int = 0
    not_before: int = 0
    reason: str | None = None
    session_id: str | None = None
    session_task: str | None = None
    session_usage: Mapping[str, object] | None = None
    account: str | None = None
    restarting: bool = False
    workspace: str | None = None
    base: str | None = None
    mail_limit: int = 0
    mail_rounds: tuple[int, ...] = ()
    round_number: int = 0
    seq: int = 0

    @property
    def label(self) -> str:
        """Nickname or name, with the role in brackets, as people see the agent."""
        return f"{self.nickname or self.name} [{self.role}]"


@attrs.frozen(kw_only=True)
class Message:
    """Mail between agents. ``to_id`` and ``from_id`` are agents' ids; None as sender is a person.

    ``quiet``: it came so late in a chain of replies that it starts no round.
    """

    id: str
    sender: str = "person"
    from_id: str | None = None
    to: str = ""
    to_id: str = ""
    kind: str = "task"
    urgent: bool = False
    body: str = ""
    state: MessageState = MessageState.QUEUED
    deliveries: int = 0
    hops: int = 0
    quiet: bool = False
    reply_to: str | None = None
    shown_in: str | None = None
    expires_at: int = 0
    created_at: int = 0
    shown_at: int = 0
    handled_at: int = 0
    seq: int = 0


@attrs.frozen(kw_only=True)
class Round:
    """One run of an agent CLI for one prompt, or of one gate."""

    id: str
    agent: str | None = None
    agent_id: str | None = None
    incarnation: int = 0
    number: int = 0
    kind: str = "work"
    state: RoundState = RoundState.LIVE
    task_id: str | None = None
    attempt: int = 0
    node: str | None = None
    gate: str | None = None
    messages: tuple[str, ...] = ()
    verdict: Mapping[str, object] | None = None
    end_requested: str | None = None
    workspace: str | None = None
    started_at: int = 0
    ended_at: int = 0
    exit_code: int | None = None
    outcome: str | None = None
    detail: str | None = None
    session_id: str | None = None
    head_before: str | None = None
    head_after: str | None = None
    log: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_micros: int | None = None
    reserve_tokens: int = 0
    reserve_micros: int = 0
    seq: int = 0


@attrs.frozen(kw_only=True)
class Attention:
    """Something that only a person can settle; lists of open items say how many tasks and messages wait for each."""

    id: str
    kind: str
    ref: str = ""
    text: str = ""
    suggestions: tuple[str, ...] = ()
    state: AttentionState = AttentionState.OPEN
    answer: str | None = None
    blocks: int | None = None
    created_at: int = 0
    closed_at: int = 0
    seq: int = 0


@attrs.frozen(kw_only=True)
class Node:
    """The one process per machine and town that runs agents' rounds."""

    id: str
    name: str = ""
    pid: int = 0
    host: str = ""
    state: NodeState = NodeState.UP
    capacity: int = 0
    running: int = 0
    agents: int = 0
    beat: int = 0
    nonce: str = ""
    started_at: int = 0
    beat_at: int = 0


@attrs.frozen(kw_only=True)
class Event:
    """A fact in the past tense. ``id`` is the stream's: milliseconds, a dash and a counter.

    ``agent`` is not written down with it: who reads an event looks up the name that its agent has now.
    """

    id: str
    type: str
    at: int = 0
    task_id: str | None = None
    agent: str | None = None
    agent_id: str | None = None
    message_id: str | None = None
    round_id: str | None = None
    mission_id: str | None = None
    node_id: str | None = None
    attention_id: str | None = None
    old: str | None = None
    new: str | None = None
    detail: str | None = None


Record = Task | Agent | Message | Round | Attention | Node | Event

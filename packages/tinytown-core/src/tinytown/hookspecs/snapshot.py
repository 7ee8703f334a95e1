"""What a scheduler sees of a town and what it answers. Bounded values, no handle to anything that could change."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class IdleAgent:
    """An agent of this node that has nothing to do.

    Attributes:
        id: The agent's id.
        name: The agent's name.
        role: Its role.
        tags: Words that describe what it is good at.
    """

    id: str
    name: str
    role: str = "worker"
    tags: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class ReadyTask:
    """A task of the backlog that may start.

    Attributes:
        id: The task's id.
        role: Role that it asks for, or None.
        tags: Words that describe it.
        seq: Place in the backlog; smaller is older.
        mission_id: Mission that it belongs to, or None.
    """

    id: str
    role: str | None = None
    tags: tuple[str, ...] = ()
    seq: int = 0
    mission_id: str | None = None


@attrs.frozen(kw_only=True)
class TownSnapshot:
    """A bounded picture of one moment.

    Attributes:
        agents: Idle agents of this node, in the order in which they became idle.
        tasks: At most the first 200 ready tasks of each role, oldest first.
    """

    agents: tuple[IdleAgent, ...] = ()
    tasks: tuple[ReadyTask, ...] = ()


@attrs.frozen(kw_only=True)
class Decision:
    """An assignment that the scheduler wants. It may lose a race and is then simply dropped.

    Attributes:
        task_id: The task.
        agent_id: The agent that shall do it.
        reason: One short sentence that `tt why` can show.
    """

    task_id: str
    agent_id: str
    reason: str = ""

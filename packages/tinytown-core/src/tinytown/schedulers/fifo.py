"""The oldest ready task goes to the agent that has been idle longest, whatever their roles."""

from __future__ import annotations

from collections.abc import Sequence

from tinytown.hookspecs.markers import hookimpl
from tinytown.hookspecs.snapshot import Decision, TownSnapshot


@hookimpl
def tinytown_schedule(snapshot: TownSnapshot) -> Sequence[Decision]:
    """Pair tasks by age with agents in the order in which they became idle."""
    tasks = sorted(snapshot.tasks, key=lambda task: task.seq)
    return tuple(
        Decision(task_id=task.id, agent_id=agent.id, reason=f"oldest ready task; `{agent.name}` is idle")
        for task, agent in zip(tasks, snapshot.agents, strict=False)
    )

"""The default: a task goes to an agent of the role that it asks for.

Words are compared whole. Guessing a role from a part of a word (``ui`` in "builder") sends work to the wrong agent.
"""

from __future__ import annotations

from collections.abc import Sequence

from tinytown.hookspecs.markers import hookimpl
from tinytown.hookspecs.snapshot import Decision, IdleAgent, ReadyTask, TownSnapshot

APART = frozenset({"reviewer", "conductor", "supervisor"})
"""Roles that take only work that asks for them: who reviews must not be the author of everything."""


@hookimpl
def tinytown_schedule(snapshot: TownSnapshot) -> Sequence[Decision]:
    """Give each task, oldest first, the agent that fits it best.

    Equal fit goes to the agent that has been idle longest. An agent whose role some other ready task asks for is
    kept for that task as long as another agent can do the one at hand.
    """
    idle = list(snapshot.agents)
    tasks = sorted(snapshot.tasks, key=lambda task: task.seq)
    asked_for = {task.role.casefold() for task in tasks if task.role}
    decisions: list[Decision] = []
    for task in tasks:
        if not idle:
            break
        fitting = [(_fit(task, agent), agent.role.casefold() in asked_for, place) for place, agent in enumerate(idle)]
        possible = [(-fit, wanted and not task.role, place) for fit, wanted, place in fitting if fit]
        if possible:
            agent = idle.pop(min(possible)[2])
            decisions.append(Decision(task_id=task.id, agent_id=agent.id, reason=_reason(task, agent)))
    return tuple(decisions)


def _fit(task: ReadyTask, agent: IdleAgent) -> int:
    """0: never; 1: nothing speaks against it; 2: a word in common; 3: the role that the task asks for."""
    role = agent.role.casefold()
    if task.role:
        return 3 if task.role.casefold() == role else 0
    if _common(task, agent):
        return 2
    return 0 if role in APART else 1


def _common(task: ReadyTask, agent: IdleAgent) -> list[str]:
    words = {agent.role.casefold(), *(tag.casefold() for tag in agent.tags)}
    return [tag for tag in task.tags if tag.casefold() in words]


def _reason(task: ReadyTask, agent: IdleAgent) -> str:
    if task.role:
        return f"it asks for the role `{task.role}`, which `{agent.name}` has"
    if common := _common(task, agent):
        return f"it carries the tag `{common[0]}`, which fits `{agent.name}`"
    return f"it asks for no role and `{agent.name}` is idle"

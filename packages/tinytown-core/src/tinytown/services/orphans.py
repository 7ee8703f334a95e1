"""Reading what ended agents hold: their open tasks and mail, and tasks of agents that are not on record."""

from __future__ import annotations

from collections.abc import Mapping

from tinytown.domain.records import Message, Task
from tinytown.domain.states import TaskState
from tinytown.services.ended_agents import all_agents
from tinytown.services.pages import every
from tinytown.services.steps import Steps
from tinytown.storage.calls import mail, tasks

LETTERS_AT_ONCE = 100


def open_tasks(agent_id: str) -> Steps[list[Task]]:
    """List the open tasks of an agent, by creation."""
    return (yield from _all_tasks(state="open", agent=agent_id))


def waiting_mail(agent_id: str) -> Steps[list[Message]]:
    """List the mail that waits for an agent, urgent first, both lanes in their order."""
    return (
        yield from every(lambda after, limit: mail.peek(agent_id, after=after, limit=limit), at_once=LETTERS_AT_ONCE)
    )


def orphans_of_nobody() -> Steps[list[Task]]:
    """List the open tasks whose agent is not on record, which only a damaged town has."""
    known = {agent.id for agent in (yield from all_agents())}
    found: list[Task] = []
    for state in (TaskState.ASSIGNED, TaskState.WAITING, TaskState.BLOCKED):
        some = yield from _all_tasks(state=state)
        found += [task for task in some if task.agent_id is not None and task.agent_id not in known]
    return found


def needing() -> Steps[Mapping[str, list[str]]]:
    """Give for each task the open ones that wait for it, or are blocked and depend on it."""
    found: dict[str, list[str]] = {}
    for state in (TaskState.WAITING, TaskState.BLOCKED):
        for task in (yield from _all_tasks(state=state)):
            for needed in task.depends_on:
                found.setdefault(needed, []).append(task.id)
    return found


def _all_tasks(*, state: str, agent: str | None = None) -> Steps[list[Task]]:
    return (yield from every(lambda after, limit: tasks.listing(state=state, agent=agent, after=after, limit=limit)))

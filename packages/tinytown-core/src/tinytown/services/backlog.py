"""The backlog: giving all of it that fits to one agent, and taking a task off it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs

from tinytown.domain.ids import CONDUCTOR_ID
from tinytown.domain.records import Agent, Task
from tinytown.domain.states import TaskState
from tinytown.errors import NotFoundError, RefusedError, WrongStateError
from tinytown.services import checks
from tinytown.services.context import TownContext
from tinytown.services.looking import show_as
from tinytown.services.pages import READ_AT_ONCE, matching
from tinytown.services.steps import Steps, ask
from tinytown.services.tasks import own_agent, wanted_tasks
from tinytown.services.working import see_to_it
from tinytown.storage.calls import tasks
from tinytown.storage.calls.answers import Changed
from tinytown.storage.calls.seen import starting_from

MOST = 1000
"""How many tasks are given at once."""


@attrs.frozen(kw_only=True)
class Given:
    """What became of the backlog.

    Attributes:
        agent: Who has the tasks now.
        tasks: The tasks, oldest first: as they are on record, or in a dry run as they would have been taken.
        lost: Ids of those that somebody else took, or that were closed, in the meantime; they are left alone.
        more: There are further ones; giving them out takes another call.
        dry_run: Nothing was changed.
    """

    agent: Agent
    tasks: tuple[Task, ...]
    lost: tuple[str, ...] = ()
    more: bool = False
    dry_run: bool = False


def assign_all(
    context: TownContext,
    agent: str,
    *,
    role: str | None = None,
    tags: Iterable[str] = (),
    limit: int = MOST,
    dry_run: bool = False,
) -> Steps[Given]:
    """Give an agent every task of the backlog that fits, oldest first.

    Each is taken by itself, as `claim` does, so nothing is taken from anybody: who is faster has the task. What is cut
    short can be called again and goes on.

    Args:
        context: The town.
        agent: Who shall do them.
        role: Only those of this role.
        tags: Only those that have all of these tags.
        limit: At most so many.
        dry_run: Only say which.

    Raises:
        InvalidValueError: An argument is of the wrong form; nothing was changed.
        NotFoundError: There is no such agent.
        RefusedError: The agent takes no work; nothing was changed.
    """
    most = checks.limit(limit, most=MOST)
    wants = wanted_tasks(role=role, tags=tags)
    taker = yield from show_as(Agent, "agent", own_agent(context, agent))
    _check_taker(taker)
    chosen, more = yield from _backlog(wants, most)
    if dry_run:
        return Given(agent=taker, tasks=chosen, more=more, dry_run=True)
    given: list[Task] = []
    lost: list[str] = []
    for task in chosen:
        try:
            call = tasks.assign(task.id, taker.id, only_pending=True, **context.actor.fields)
            given.append((yield from ask(call)).task)
        except (WrongStateError, NotFoundError):
            lost.append(task.id)
    if given:
        yield from see_to_it(context)
        taker = yield from show_as(Agent, "agent", taker.id)
    return Given(agent=taker, tasks=tuple(given), lost=tuple(lost), more=more)


def remove(context: TownContext, task: str) -> Steps[Changed]:
    """Cancel a task of the backlog; one that somebody has taken, even a moment ago, is left alone.

    Args:
        context: The town.
        task: Its id.

    Raises:
        WrongStateError: It is not in the backlog, or no longer.
    """
    found = yield from show_as(Task, "task", checks.ref(task, what="task"))
    if found.state not in {TaskState.PENDING, TaskState.WAITING} or found.agent is not None:
        raise WrongStateError(
            kind="task",
            id=found.id,
            state=found.state,
            verb="backlog remove",
            allowed="a task of the backlog",
            hint=f"`tt task cancel {found.id}` closes it wherever it is",
        )
    return (yield from ask(starting_from(tasks.cancel(found.id, **context.actor.fields), "cancel", found.state)))


def _backlog(wants: Callable[[Task], bool] | None, most: int) -> Steps[tuple[tuple[Task, ...], bool]]:
    """Read the whole of what is wanted before the first is given, so that what comes in meanwhile is not for now."""
    found: list[Task] = []
    after: int | None = None
    while len(found) <= most:
        page = yield from matching(
            lambda place, size: tasks.listing(state=TaskState.PENDING, after=place, limit=size),
            wants,
            after=after,
            limit=READ_AT_ONCE,
        )
        found += page.items
        after = page.next
        if after is None:
            break
    return tuple(found[:most]), len(found) > most


def _check_taker(agent: Agent) -> None:
    """Refuse an agent to whom the server would give nothing, in a dry run too."""
    if agent.id == CONDUCTOR_ID:
        raise RefusedError(
            refusal="not_assignable",
            detail="the conductor takes no tasks",
            hint="`tt list` shows the agents that do",
        )
    if agent.wanted in {"stopped", "draining"} or agent.state == "stopped":
        raise RefusedError(
            refusal="agent_ends",
            detail=f"agent `{agent.name}` is {'draining' if agent.wanted == 'draining' else 'stopped'}",
            hint=f"start it again with `tt restart {agent.name}`, or choose another agent",
        )

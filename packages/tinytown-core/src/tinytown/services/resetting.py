"""`reset`: a town, or its agents alone, is taken away after all of it was saved under `.tt/trash`.

The node and its rounds are ended first, and nobody can start one meanwhile. A reset that was cut off is given again:
the town says so to whoever opens it.
"""

from __future__ import annotations

import os

import attrs

from tinytown.domain.records import Agent
from tinytown.domain.states import TaskState
from tinytown.errors import NotFoundError, RefusedError, WrongStateError
from tinytown.services import checks, saving
from tinytown.services.clearing import claim_anew, instance_of, new_token
from tinytown.services.context import TownContext
from tinytown.services.ended_agents import all_agents, people_only
from tinytown.services.keeping import is_empty, keep, keep_and_clear, trash_file, what_is_there
from tinytown.services.nodes import STOP_SECS
from tinytown.services.orphans import open_tasks, waiting_mail
from tinytown.services.quiet import demand_quiet
from tinytown.services.steps import Steps, ask, local
from tinytown.storage.calls import agents as agent_calls
from tinytown.storage.calls import mail as mail_calls
from tinytown.storage.calls import reclaim as reclaim_calls
from tinytown.storage.calls import tasks as task_calls


@attrs.frozen(kw_only=True)
class Reset:
    """What `reset` did, or would do.

    Attributes:
        dry_run: Nothing was done; the rest says what would be.
        agents_only: Tasks, history and what needs a person stay.
        node_stopped: Whether a node ran here, which was, or would be, stopped.
        kept: Where everything was saved first; None in a rehearsal, and where there was nothing.
        counts: How many records of each kind there were, and events.
        agents: Names of the agents that go.
        requeued: Open tasks of theirs that go back to the backlog, or are nobody's while they wait.
        mail: Ids of messages of theirs that nobody reads any more; they are in the save.
    """

    dry_run: bool
    agents_only: bool
    node_stopped: bool
    kept: str | None = None
    counts: dict[str, int] = attrs.field(factory=dict[str, int])
    agents: tuple[str, ...] = ()
    requeued: tuple[str, ...] = ()
    mail: tuple[str, ...] = ()


def reset(
    context: TownContext, *, agents_only: bool = False, dry_run: bool = False, timeout: float = STOP_SECS
) -> Steps[Reset]:
    """Take everything in a town away, or its agents alone; all of it is kept as a save in ``.tt/trash`` first.

    Args:
        context: The town.
        agents_only: Remove the agents; their open tasks go back to the backlog, their mail is only in the save.
        dry_run: Only say what would be done.
        timeout: How many seconds live rounds have to end, as with `stop`.

    Returns:
        What was, or would be, done.

    Raises:
        RefusedError: Another machine works in the town, a round goes on that no node has ended, or a round asks.
    """
    people_only(context, "take the town away")
    secs = checks.secs(timeout, what="timeout") or 0.0
    node = context.node_control
    runs = yield from local(lambda: node.node_runs(context.paths))
    if dry_run:
        return (yield from _look(context, agents_only=agents_only, runs=runs))
    if runs:
        yield from local(lambda: node.stop_node(context.paths, timeout=secs, now=False))
    lock = yield from demand_quiet(context)
    try:
        plan = yield from _look(context, agents_only=agents_only, runs=runs)
        path, kept = trash_file(context, "reset"), None
        if agents_only:
            kept = yield from keep(context, (yield from saving.collect(context)), path)
            for agent in (yield from all_agents()):
                yield from _take_away(context, agent)
        elif plan.counts or (yield from what_is_there(context)) is None:
            instance = yield from instance_of(context)
            kept = yield from keep_and_clear(context, "reset", new_token(), path, lambda: what_is_there(context))
            yield from claim_anew(context, instance)
        if not agents_only:  # also where nothing is left: a reset that was killed may have left them behind
            yield from local(lambda: _forget_variables(context))
        return attrs.evolve(plan, dry_run=False, kept=None if kept is None else str(kept))
    finally:
        os.close(lock)


def _look(context: TownContext, *, agents_only: bool, runs: bool) -> Steps[Reset]:
    """Say what there is and what goes."""
    found = Reset(dry_run=True, agents_only=agents_only, node_stopped=runs)
    town = yield from what_is_there(context)
    if town is None:
        return found
    counts = {} if is_empty(town) else town.counts()
    present = yield from all_agents()
    requeued: list[str] = []
    letters: list[str] = []
    for agent in present if agents_only else ():
        requeued += [task.id for task in (yield from open_tasks(agent.id))]
        letters += [message.id for message in (yield from waiting_mail(agent.id))]
    return attrs.evolve(
        found,
        counts=counts,
        agents=tuple(agent.name for agent in present),
        requeued=tuple(requeued),
        mail=tuple(letters),
    )


def _forget_variables(context: TownContext) -> None:
    """Remove the variables that agents were given: they hold secrets, and nobody needs them any more."""
    for file in context.paths.agents_env_dir.glob("*.json"):
        file.unlink(missing_ok=True)


def _take_away(context: TownContext, agent: Agent) -> Steps[None]:
    """Remove an agent: its tasks are nobody's, its mail is done with. What was done before is passed over."""
    who = context.actor.fields
    if agent.round_id is not None:
        raise RefusedError(
            refusal="rounds_live",
            detail=f"round `{agent.round_id}` of `{agent.name}` has not ended, because its node died",
            hint="run `tt recover`, which sees to it, then repeat the command",
        )
    yield from ask(agent_calls.want(agent.id, "kill", **who))
    for task in (yield from open_tasks(agent.id)):
        try:
            if task.state is TaskState.VERIFYING:
                yield from ask(task_calls.requeue(task.id, **who))
            else:
                yield from ask(reclaim_calls.reclaim_task(task.id, agent.id, "requeue", **who))
        except (NotFoundError, WrongStateError):
            continue
    for message in (yield from waiting_mail(agent.id)):
        try:
            yield from ask(mail_calls.handle(message.id, **who))
        except (NotFoundError, WrongStateError):
            continue
    yield from ask(agent_calls.remove(agent.id, **who))
    variables = context.paths.agent_env(agent.id)
    yield from local(lambda: variables.unlink(missing_ok=True))

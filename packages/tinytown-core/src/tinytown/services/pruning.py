"""`prune`: agents that have ended and hold nothing go off the books. No message and no task ever goes with one."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import attrs

from tinytown.crash import point
from tinytown.domain.records import Agent
from tinytown.domain.states import AgentState
from tinytown.errors import NotFoundError, RefusedError, WaitTimeoutError, WrongStateError
from tinytown.services.agents import ROUND_SECS, kill
from tinytown.services.clearing_worktrees import Cleared, clear_workspaces
from tinytown.services.context import TownContext
from tinytown.services.ended_agents import all_agents, chosen, has_ended, holdings, people_only, shown_state
from tinytown.services.looking import show_as
from tinytown.services.settling import agent_settled
from tinytown.services.steps import Steps, ask, local
from tinytown.storage.calls import agents as agent_calls


@attrs.frozen(kw_only=True)
class KeptAgent:
    """An agent that stays.

    Attributes:
        agent: The agent.
        why: One clause: what keeps it.
        command: What would change that.
    """

    agent: Agent
    why: str
    command: str


@attrs.frozen(kw_only=True)
class Pruned:
    """What `prune` did, or would do.

    Attributes:
        dry_run: Nothing was done; the rest says what would be.
        killed: Living agents that were stopped first.
        removed: Agents that are off the books, as they were before.
        kept: Agents that were looked at and stay.
        workspaces: Worktrees of agents that are off the books, and what lies in the trash.
    """

    dry_run: bool
    killed: tuple[Agent, ...] = ()
    removed: tuple[Agent, ...] = ()
    kept: tuple[KeptAgent, ...] = ()
    workspaces: tuple[Cleared, ...] = ()


def prune(
    context: TownContext,
    agents: Iterable[str] = (),
    *,
    all: bool = False,  # noqa: A002 - as the command calls it
    dry_run: bool = False,
    timeout: float = ROUND_SECS,
) -> Steps[Pruned]:
    """Remove agents that have stopped or cannot work, if they hold no open task and no mail.

    An agent that holds something stays and is listed with the command that would move it. What an agent has done
    stays on record under its id.

    Args:
        context: The town.
        agents: Only these; all that have ended when left out.
        all: Stop living agents first, and wait until their rounds are over.
        dry_run: Only say what would be done.
        timeout: How many seconds each living agent's round is given to end, with ``all``.

    Returns:
        What was, or would be, done.

    Raises:
        NotFoundError: There is no such agent.
        RefusedError: A round asks; only people may.
    """
    people_only(context, "remove agents")
    refs = tuple(agents)
    if not dry_run:
        yield from _tidy_up(context)
    found = [agent for agent in (yield from chosen(refs)) if agent.cli or refs]
    living = [agent for agent in found if agent.cli and not has_ended(agent) and agent.state is not AgentState.REMOVED]
    late: dict[str, KeptAgent] = {}
    if all and not dry_run:
        for agent in living:
            yield from kill(context, agent.id, wait=False)
        for agent in living:
            late |= yield from _gone(agent, timeout)
    removed: list[Agent] = []
    kept: list[KeptAgent] = []
    for agent in found:
        now = agent if dry_run else (yield from show_as(Agent, "agent", agent.id))
        if agent not in living or all:
            stays = late.get(agent.id) or _kept(now, will_end=all)
        else:
            stays = _kept(now) if refs else None
            if stays is None:
                continue
        if stays is None and not dry_run:
            stays = yield from _remove(context, now)
        if stays is None:
            removed.append(agent)
        else:
            kept.append(stays)
    cleared = yield from clear_workspaces(context, removed, only=bool(refs), dry_run=dry_run)
    return Pruned(
        dry_run=dry_run,
        killed=tuple(living) if all else (),
        removed=tuple(removed),
        kept=tuple(kept),
        workspaces=cleared,
    )


def _gone(agent: Agent, timeout: float) -> Steps[dict[str, KeptAgent]]:
    """Wait until the process of an agent that was killed is gone; who takes too long stays."""
    try:
        yield from agent_settled(agent, timeout=timeout)
    except WaitTimeoutError:
        why = f"its round `{agent.round_id}` has not ended within {timeout:g} s"
        return {agent.id: KeptAgent(agent=agent, why=why, command=f"tt why {agent.name}")}
    return {}


def _kept(agent: Agent, *, will_end: bool = False) -> KeptAgent | None:
    """Say what keeps an agent, or None. What a live round works on comes back to its agent when it is ended."""
    name = agent.name
    if not agent.cli:
        return KeptAgent(agent=agent, why="it is a mailbox, and no agent", command="tt inbox conductor")
    if agent.state is AgentState.REMOVED:
        return None
    if not has_ended(agent) and not will_end:
        return KeptAgent(agent=agent, why=f"it is {shown_state(agent)}", command=f"tt kill {name}")
    held = holdings(agent) or (f"what its round `{agent.round_id}` hands back" if agent.round_id else "")
    if held:
        return KeptAgent(agent=agent, why=f"it holds {held}", command=f"tt reclaim --from {name} --to-backlog")
    return None


def _remove(context: TownContext, agent: Agent) -> Steps[KeptAgent | None]:
    """Remove an agent; one that was given work or a new life in the meantime stays."""
    try:
        yield from ask(agent_calls.remove(agent.id, **context.actor.fields))
    except (RefusedError, WrongStateError) as error:
        return KeptAgent(agent=agent, why=error.message, command=f"tt why {agent.name}")
    point("verb.agent_removed")
    yield from local(lambda: _drop_variables(context, agent.id))
    return None


def _tidy_up(context: TownContext) -> Steps[None]:
    """Drop the variables of removed agents, which a `prune` that was killed had no time for."""
    kept = yield from local(lambda: {file.stem for file in context.paths.agents_env_dir.glob("*.json")})
    on_the_books = {agent.id for agent in (yield from all_agents())}
    for agent_id in sorted(kept - on_the_books):
        try:
            agent = yield from show_as(Agent, "agent", agent_id)
        except NotFoundError:  # it is being spawned just now
            continue
        if agent.state is AgentState.REMOVED:
            yield from local(partial(_drop_variables, context, agent.id))


def _drop_variables(context: TownContext, agent_id: str) -> None:
    context.paths.agent_env(agent_id).unlink(missing_ok=True)
    point("verb.variables_removed")

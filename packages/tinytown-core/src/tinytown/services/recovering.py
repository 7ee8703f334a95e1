"""`recover`: brings back what should run and does not, and says of everything else what it waits for.

Nothing is judged by how long it has been silent: whether the node runs is told by its lock, and an agent with a live
round works. What an earlier life of the node left behind, the node itself adopts or ends when it starts.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from tinytown.domain.records import Agent
from tinytown.domain.states import AgentState, Wanted
from tinytown.errors import StorageUnavailableError, TinytownError
from tinytown.services.agents import hand_over
from tinytown.services.causes import Cause, Mover
from tinytown.services.context import TownContext
from tinytown.services.ended_agents import chosen, people_only
from tinytown.services.nodes import start_node
from tinytown.services.steps import Steps, ask, local
from tinytown.services.why import why
from tinytown.services.working import see_to_it
from tinytown.storage.calls import agents as agent_calls

_OF_NODE = frozenset({"no_node", "node_stopping", "node_down", "node_lost"})


@attrs.frozen(kw_only=True)
class RecoveredAgent:
    """What was found out about an agent.

    Attributes:
        agent: The agent as it was.
        cause: Why it was as it was: what keeps it, or what it does.
        restarted: Whether it was, or would be, restarted.
        failed: Why it could not be restarted.
    """

    agent: Agent
    cause: Cause
    restarted: bool = False
    failed: str | None = None


@attrs.frozen(kw_only=True)
class Recovered:
    """What `recover` did, or would do.

    Attributes:
        dry_run: Nothing was done; the rest says what would be.
        node_started: Whether no node ran here, so that one was, or would be, started.
        agents: All agents that were looked at.
    """

    dry_run: bool
    node_started: bool
    agents: tuple[RecoveredAgent, ...] = ()


def recover(context: TownContext, agents: Iterable[str] = (), *, dry_run: bool = False) -> Steps[Recovered]:
    """Start the node of this machine if it does not run, and restart agents that could not work.

    Agents that people have stopped or paused stay so, and one that works is left alone, however long it is silent.

    Args:
        context: The town.
        agents: Only these; all when left out.
        dry_run: Only say what would be done.

    Returns:
        What was, or would be, done, with the cause for each agent.

    Raises:
        NotFoundError: There is no such agent.
        NodeStartError: The node could not be started.
        RefusedError: A round asks; only people may.
    """
    people_only(context, "bring back others")
    found = yield from chosen(agents)
    runs = yield from local(lambda: context.node_control.node_runs(context.paths))
    results: list[RecoveredAgent] = []
    for agent in found:  # before the node starts, so that a rehearsal finds the same
        restarts = agent.state is AgentState.ERROR and agent.wanted is Wanted.RUN and agent.round_id is None
        cause = yield from _cause(context, agent)
        results.append(RecoveredAgent(agent=agent, cause=cause, restarted=restarts))
    if not runs and not dry_run:
        yield from start_node(context)
    if not dry_run and any(each.restarted for each in results):
        for place, result in enumerate(results):
            if result.restarted:
                results[place] = yield from _restart(context, result)
        yield from see_to_it(context, restart=True)
    return Recovered(dry_run=dry_run, node_started=not runs, agents=tuple(results))


def _cause(context: TownContext, agent: Agent) -> Steps[Cause]:
    """Say what keeps an agent besides the node of this machine, which is started anyway."""
    causes = (yield from why(context, agent.id)).causes
    own = [each for each in causes if each.code not in _OF_NODE] or list(causes)
    return next((each for each in own if each.mover is Mover.PERSON), own[-1])


def _restart(context: TownContext, result: RecoveredAgent) -> Steps[RecoveredAgent]:
    """Begin a new life of an agent that still cannot work; another's restart is not undone."""
    agent = result.agent
    try:
        yield from local(lambda: hand_over(context, agent.id, agent.cli))
        yield from ask(agent_calls.want(agent.id, "restart", only_error=True, **context.actor.fields))
    except StorageUnavailableError:
        raise
    except TinytownError as error:
        return attrs.evolve(result, restarted=False, failed=error.message)
    return result

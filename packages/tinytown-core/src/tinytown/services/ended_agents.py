"""Which agents have ended, and what they hold: what `prune`, `reclaim` and `recover` have in common."""

from __future__ import annotations

from collections.abc import Iterable

from tinytown.domain.records import Agent
from tinytown.domain.states import AgentState, shown_agent_state
from tinytown.errors import RefusedError
from tinytown.services import checks
from tinytown.services.context import TownContext
from tinytown.services.looking import show_as
from tinytown.services.pages import every
from tinytown.services.steps import Steps
from tinytown.storage.calls import agents


def people_only(context: TownContext, what: str) -> None:
    """Refuse a round: what happens to the work of others is decided by people.

    Raises:
        RefusedError: A round asks.
    """
    if context.in_round:
        raise RefusedError(
            refusal="people_only", detail=f"a round may not {what}", hint="say what you need with `tt send conductor`"
        )


def all_agents() -> Steps[list[Agent]]:
    """List every agent that was not removed, by creation."""
    return (yield from every(lambda after, limit: agents.listing(after=after, limit=limit)))


def chosen(refs: Iterable[str]) -> Steps[list[Agent]]:
    """Give the agents that are named, each once, or all of them.

    Raises:
        NotFoundError: One of them does not exist.
    """
    named = checks.refs(refs, what="agents")
    if not named:
        return (yield from all_agents())
    found: dict[str, Agent] = {}
    for ref in named:
        agent = yield from show_as(Agent, "agent", ref)
        found[agent.id] = agent
    return list(found.values())


def has_ended(agent: Agent) -> bool:
    """Say whether an agent does nothing more by itself: it was stopped or cannot work, and its last round is over.

    One that is cold is only about to begin, and a busy one works, however long it has been silent.
    """
    return agent.round_id is None and agent.state in {AgentState.STOPPED, AgentState.ERROR}


def shown_state(agent: Agent) -> str:
    """Give the one word by which people see an agent."""
    return shown_agent_state(agent.state, agent.wanted, live_round=agent.round_id is not None)


def holdings(agent: Agent) -> str:
    """Say what an agent holds, in words; empty when it holds nothing."""
    counts = ((agent.open_tasks, "open task", "open tasks"), (agent.mail, "message", "messages"))
    return " and ".join(f"{count} {one if count == 1 else many}" for count, one, many in counts if count)

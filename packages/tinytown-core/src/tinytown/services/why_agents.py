"""Why an agent does not begin with something, and why an agent is as it is."""

from __future__ import annotations

import attrs

from tinytown.domain.ids import CONDUCTOR_ID
from tinytown.domain.outcomes import MAX_BACKOFF_MS
from tinytown.domain.records import Agent, Attention, Round, Task
from tinytown.domain.states import AgentState, Wanted
from tinytown.errors import UnknownCauseError
from tinytown.services.causes import Cause, cause, one_line, span
from tinytown.services.why_nodes import NodesView
from tinytown.storage.calls.answers import WhyFacts

ABOUT_LOGIN = ("auth_required", "start_failed")


@attrs.frozen(kw_only=True)
class AgentFacts:
    """What is known of an agent at one moment."""

    agent: Agent
    view: NodesView
    live: Round | None = None
    queue: tuple[str, ...] = ()
    parked_until: int | None = None
    parked_probe: str | None = None
    attention: tuple[Attention, ...] = ()

    def asked(self, *kinds: str) -> Attention | None:
        """Give the open item of one of some kinds that concerns the agent."""
        return next((item for item in self.attention if item.kind in kinds and item.ref == self.agent.id), None)


def facts_of(facts: WhyFacts, view: NodesView) -> AgentFacts | None:
    """Take what concerns the agent out of the facts, or None where there is no agent."""
    if facts.agent is None:
        return None
    own = facts.round if facts.round is not None and facts.round.id == facts.agent.round_id else None
    return AgentFacts(
        agent=facts.agent,
        view=view,
        live=own,
        queue=facts.queue,
        parked_until=facts.parked_until,
        parked_probe=facts.parked_probe,
        attention=facts.attention,
    )


def hindrances(facts: AgentFacts, *, task: Task | None = None) -> list[Cause]:
    """Say what keeps an agent from the next thing in its queue, or from a task of it.

    Args:
        facts: The agent.
        task: The task that waits for it; None for its mail.

    Returns:
        At least one cause; the last one says what to act on, or that the round is about to begin.
    """
    agent, name = facts.agent, facts.agent.name
    if agent.state is AgentState.REMOVED:
        return [cause("agent_removed", agent.id, agent=name)]
    if agent.round_id is None and (agent.state is AgentState.STOPPED or agent.wanted is Wanted.STOPPED):
        code = "agent_max_rounds" if agent.reason == "max_rounds" else "agent_stopped"
        return [cause(code, agent.id, agent=name)]
    nothing = facts.view.hindrance(agent.node)
    first = [nothing] if nothing else []
    if agent.state is AgentState.ERROR:
        return [*first, cause("agent_error", agent.id, agent=name, detail=one_line(agent.reason))]
    if agent.round_id is not None:
        return [*first, at_work(facts)]
    if agent.wanted is Wanted.PAUSED:
        return [*first, cause("agent_paused", agent.id, agent=name)]
    if first:
        return first
    if agent.state in {AgentState.COLD, AgentState.STARTING}:
        return [cause("agent_cold", agent.id, agent=name)]
    if agent.state is not AgentState.IDLE:
        raise UnknownCauseError(kind="agent", ref=agent.id, state=agent.state, detail="it has no live round")
    return _of_idle(facts, task)


def at_work(facts: AgentFacts) -> Cause:
    """Say what an agent with a live round does."""
    agent, live = facts.agent, facts.live
    if live is not None and live.end_requested:
        return cause("round_ending", live.id, round=live.id, agent=agent.name, reason=live.end_requested)
    ago = span(facts.view.now - agent.last_active_at if live is None else facts.view.age_ms(live))
    if agent.task_id:
        return cause("agent_busy", agent.task_id, agent=agent.name, other=agent.task_id, ago=ago)
    return cause("agent_reading", agent.round_id or agent.id, agent=agent.name, ago=ago)


def _of_idle(facts: AgentFacts, task: Task | None) -> list[Cause]:
    agent, now = facts.agent, facts.view.now
    held = _parked(facts)
    if held is not None:
        return [held]
    if now < agent.not_before <= now + MAX_BACKOFF_MS:
        left = span(agent.not_before - now)
        return [cause("agent_backoff", agent.id, agent=agent.name, left=left, count=agent.failures or 1)]
    if task is not None and now < task.not_before <= now + MAX_BACKOFF_MS:
        return [cause("task_backoff", task.id, left=span(task.not_before - now), crashes=task.crashes)]
    spent = next((item for item in facts.attention if item.kind == "budget_spent"), None)
    if spent is not None and (task is not None or agent.queued_tasks or agent.waking_mail):
        change = spent.suggestions[0] if spent.suggestions else "tt config budget.max_tokens"
        return [cause("budget_spent", spent.id, detail=one_line(spent.text), change=change)]
    chain: list[Cause] = []
    if task is not None and facts.queue and facts.queue[0] != task.id:
        place = facts.queue.index(task.id) if task.id in facts.queue else len(facts.queue)
        chain.append(cause("behind", facts.queue[0], count=place, agent=agent.name, other=facts.queue[0]))
    if task is None and not agent.queued_tasks:
        loop = facts.asked("mail_loop")
        if loop is not None:
            return [_loop(agent, loop)]
    full = facts.view.full(agent.node)
    return [*chain, full or cause("starts_soon", agent.id, agent=agent.name)]


def _parked(facts: AgentFacts) -> Cause | None:
    agent, until, now = facts.agent, facts.parked_until, facts.view.now
    if until is None:
        return None
    if until == 0:
        item = facts.asked(*ABOUT_LOGIN)
        detail = one_line(item.text) if item is not None else "it cannot sign in or start"
        return cause("parked_login", agent.id, agent=agent.name, detail=detail)
    if until > now:
        return cause("parked", agent.id, agent=agent.name, left=span(until - now))
    if facts.parked_probe:
        return cause("parked_probe", facts.parked_probe, agent=agent.name, round=facts.parked_probe)
    return None


def _loop(agent: Agent, item: Attention) -> Cause:
    answer = f'tt attention answer {item.id} "TEXT"'
    return cause("mail_loop", item.id, agent=agent.name, detail=one_line(item.text), answer=answer)


def explain_agent(facts: AgentFacts, *, waiting: Task | None = None) -> list[Cause]:
    """Say what an agent does, or why it does nothing.

    Args:
        facts: The agent.
        waiting: The first task of its queue.
    """
    agent = facts.agent
    if agent.id == CONDUCTOR_ID:
        return [cause("mail_for_person" if agent.waking_mail else "conductor", agent.id)]
    chain = [cause("agent_draining", agent.id, agent=agent.name)] if _drains(agent) else []
    held = agent.wanted is not Wanted.RUN and not _drains(agent)
    if agent.round_id or held or agent.state is not AgentState.IDLE or agent.queued_tasks or agent.waking_mail:
        return [*chain, *hindrances(facts, task=waiting)]
    nothing = facts.view.hindrance(agent.node)
    held_by = nothing or _parked(facts)
    return [*chain, held_by or cause("agent_idle", agent.id, agent=agent.name)]


def _drains(agent: Agent) -> bool:
    return agent.wanted is Wanted.DRAINING and agent.state is not AgentState.STOPPED

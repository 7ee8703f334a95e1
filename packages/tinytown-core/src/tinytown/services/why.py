"""`why`: what does it wait for? The chain of causes for anything that has an id or a name, and for the town."""

from __future__ import annotations

from tinytown.domain.ids import CONDUCTOR_ID
from tinytown.domain.records import Agent, Attention, Message, Node, Round, Task
from tinytown.domain.states import AgentState, NodeState, shown_agent_state
from tinytown.services import checks
from tinytown.services.causes import Cause, Why, cause
from tinytown.services.context import TownContext
from tinytown.services.steps import Steps, ask
from tinytown.services.why_agents import explain_agent, facts_of
from tinytown.services.why_nodes import NodesView, view_nodes
from tinytown.services.why_rest import explain_item, explain_message, explain_node, explain_round, explain_town
from tinytown.services.why_tasks import Budget, explain_task
from tinytown.storage.calls import town as town_calls
from tinytown.storage.calls.answers import WhyFacts

TASKS_SHOWN = 5


def why(context: TownContext, ref: str | None = None) -> Steps[Why]:
    """Say why something does not move, or what it does: the causes down to what can be acted on.

    Args:
        context: The town.
        ref: A task, agent, message, round, node or item; the town itself when left out.

    Raises:
        NotFoundError: There is no such record.
        UnknownCauseError: No known cause explains it; a mistake of ours.
    """
    if ref is None:
        return (yield from _why_town(context))
    facts = yield from ask(town_calls.why_facts(checks.ref(ref)))
    return (yield from explain(context, facts))


def explain(context: TownContext, facts: WhyFacts, budget: Budget | None = None) -> Steps[Why]:
    """Explain facts that were read already."""
    record = facts.record
    if isinstance(record, Task):
        causes = yield from explain_task(context, facts, budget)
        return Why(ref=record.id, kind="task", state=str(record.state), causes=tuple(causes))
    view = yield from view_nodes(context, facts.nodes, facts.now, record, facts.round)
    causes = yield from _explain_other(context, facts, view)
    return Why(ref=record.id, kind=facts.kind, state=_shown_state(record, view), causes=tuple(causes))


def _explain_other(context: TownContext, facts: WhyFacts, view: NodesView) -> Steps[list[Cause]]:
    record, agent = facts.record, facts_of(facts, view)
    if isinstance(record, Message):
        return (yield from explain_message(record, agent, facts.now))
    if isinstance(record, Round):
        return (yield from explain_round(context, record, view))
    if isinstance(record, Node):
        return explain_node(record, view)
    if isinstance(record, Attention) or agent is None:
        return explain_item(record) if isinstance(record, Attention) else []
    waiting: Task | None = None
    if agent.queue and agent.agent.round_id is None and agent.agent.state is AgentState.IDLE:
        found = (yield from ask(town_calls.why_facts(agent.queue[0]))).record
        waiting = found if isinstance(found, Task) else None
    found = explain_agent(agent, waiting=waiting)
    if found[-1].code == "agent_idle":
        return (yield from _open_tasks(context, agent.agent)) or found
    return found


def _open_tasks(context: TownContext, agent: Agent) -> Steps[list[Cause]]:
    """Explain the tasks of an agent that can begin nothing itself: those that are blocked, wait, or are verified."""
    chain: list[Cause] = []
    budget = Budget()
    for task in (yield from ask(town_calls.wait_facts(agent.id))).tasks[:TASKS_SHOWN]:
        facts = yield from ask(town_calls.why_facts(task.id))
        chain.append(cause("agent_task", task.id, other=task.id, agent=agent.name, state=str(task.state)))
        chain += yield from explain_task(context, facts, budget)
    return chain


def _shown_state(record: Task | Agent | Message | Round | Attention | Node, view: NodesView) -> str:
    if isinstance(record, Agent):
        return str(shown_agent_state(record.state, record.wanted, live_round=record.round_id is not None))
    if isinstance(record, Node) and record.state is not NodeState.DOWN:
        held = view.hindrance(record.id)
        return "lost" if held is not None and held.code in {"node_lost", "no_node"} else str(record.state)
    return str(record.state)


def _why_town(context: TownContext) -> Steps[Why]:
    overview = yield from ask(town_calls.status())
    facts = yield from ask(town_calls.why_facts(CONDUCTOR_ID))
    view = yield from view_nodes(context, overview.nodes, facts.now)
    causes = explain_town(overview, view)
    return Why(ref="town", kind="town", state=causes[0].code, causes=tuple(causes))

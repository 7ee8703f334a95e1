"""Why a task is where it is, down to what can be acted on."""

from __future__ import annotations

from tinytown.domain.clock import SystemClock
from tinytown.domain.outcomes import MAX_BACKOFF_MS
from tinytown.domain.records import Agent, Round, Task
from tinytown.domain.states import AgentState, TaskState, Wanted, shown_agent_state
from tinytown.errors import UnknownCauseError
from tinytown.services.causes import CAUSES, Cause, Mover, cause, one_line, span
from tinytown.services.context import TownContext
from tinytown.services.steps import Steps, ask, local
from tinytown.services.why_agents import facts_of, hindrances
from tinytown.services.why_nodes import NodesView, view_nodes
from tinytown.storage.calls import agents
from tinytown.storage.calls import town as town_calls
from tinytown.storage.calls.answers import WhyFacts

LOOKED_AT = 100
"""Tasks that one explanation reads at most; dependencies have no cycles, but may be very many."""
AGENTS_LOOKED_AT = 1000
CLOCK_SET_MS = 5000
"""A log that is younger than now, or older than its round, by more than this tells of a clock that was set."""

APART = frozenset({"reviewer", "conductor", "supervisor"})
"""Roles to which the default scheduler gives only what asks for them; a test compares this with the scheduler."""

BLOCKED = frozenset(
    {
        "needs_input",
        "on_hold",
        "not_closed",
        "crashes",
        "rejected",
        "context_full",
        "too_many_rounds",
        "gate_unavailable",
        "uncommitted",
        "budget",
        "dependency_failed",
    }
)
"""Codes of the reasons that tasks are blocked with."""


class Budget:
    """How many more tasks may be read, and which have been."""

    def __init__(self) -> None:
        self.left = LOOKED_AT
        self.seen: dict[str, list[Cause]] = {}


def explain_task(context: TownContext, facts: WhyFacts, budget: Budget | None = None) -> Steps[list[Cause]]:
    """Say why a task is in its state.

    Args:
        context: The town.
        facts: What `why_facts` answered for the task.
        budget: How much may still be read, for dependencies.
    """
    task = facts.record
    if not isinstance(task, Task):
        raise UnknownCauseError(kind=facts.kind, ref=facts.record.id, state="?", detail="it is no task")
    budget = budget or Budget()
    view = yield from view_nodes(context, facts.nodes, facts.now, facts.round)
    match task.state:
        case TaskState.COMPLETED | TaskState.FAILED | TaskState.CANCELLED:
            return [_closed(task, facts.now)]
        case TaskState.BLOCKED:
            return [_blocked(task, facts)]
        case TaskState.WAITING:
            return (yield from _waiting(context, task, facts, budget))
        case TaskState.PENDING:
            return (yield from _pending(context, task, view))
        case TaskState.ASSIGNED:
            return _assigned(task, facts, view)
        case TaskState.RUNNING:
            return (yield from _running(context, task, facts, view))
        case TaskState.VERIFYING:
            return _verifying(task, facts, view)


def _closed(task: Task, now: int) -> Cause:
    if task.state is TaskState.COMPLETED:
        return cause("completed", task.id, ago=span(now - task.closed_at), count=len(task.evidence))
    return cause(str(task.state), task.id, detail=one_line(task.reason))


def _blocked(task: Task, facts: WhyFacts) -> Cause:
    code, _colon, detail = (task.reason or "").partition(":")
    if code not in BLOCKED:
        raise UnknownCauseError(kind="task", ref=task.id, state="blocked", detail=f"for the reason `{code}`")
    asked = next((item for item in facts.attention if item.ref == task.id and item.kind == code), None)
    found = cause(
        code, task.id, detail=one_line(detail), item=asked.id if asked else task.id, repair=f"tt why {detail.strip()}"
    )
    if code == "needs_input" and asked is None:
        return Cause(
            code=code, text=found.text, ref=task.id, command=f"tt task unblock {task.id}", mover=CAUSES[code].mover
        )
    return found


def _waiting(context: TownContext, task: Task, facts: WhyFacts, budget: Budget) -> Steps[list[Cause]]:
    """Follow the dependencies to one that a person must move, else to one that moves by itself."""
    if task.id in budget.seen:
        return budget.seen[task.id]
    blockers = [other for other in facts.blockers if other.state is not TaskState.COMPLETED]
    if not blockers:  # very many dependents are told one hundred at a time
        nothing = (yield from view_nodes(context, facts.nodes, facts.now)).any_hindrance()
        return [nothing, cause("released_soon", task.id)] if nothing else [cause("released_soon", task.id)]
    best: list[Cause] = []
    for other in blockers:
        link = cause("waits_for", other.id, other=other.id, state=str(other.state))
        if budget.left <= 0:
            best = best or [link]
            break
        budget.left -= 1
        further = yield from ask(town_calls.why_facts(other.id))
        chain = [link, *(yield from explain_task(context, further, budget))]
        stuck = any(each.mover is Mover.PERSON for each in chain)
        if stuck or not best:
            best = chain
        if stuck:
            break
    budget.seen[task.id] = best
    return best


def _pending(context: TownContext, task: Task, view: NodesView) -> Steps[list[Cause]]:
    nothing = view.any_hindrance()
    first = [nothing] if nothing else []
    page = yield from ask(agents.listing(limit=AGENTS_LOOKED_AT))
    fitting = [agent for agent in page.items if fits(agent, task)]
    if not fitting:
        if task.role is not None:
            return [*first, cause("no_agent", task.id, role=task.role)]
        return [*first, cause("no_agents", task.id)]
    if not context.config.auto_claim:
        return [*first, cause("auto_claim_off", task.id, agent=fitting[0].name)]
    able = [agent for agent in fitting if claims(agent)]
    if not able:
        shown = fitting[0]
        state = shown_agent_state(shown.state, shown.wanted, live_round=shown.round_id is not None)
        return [*first, cause("agents_unable", shown.id, count=len(fitting), agent=shown.name, state=state)]
    idle = [agent for agent in able if agent.state is AgentState.IDLE and not agent.round_id and not _has_work(agent)]
    if idle:
        agent = idle[0]
        held = view.hindrance(agent.node) or view.full(agent.node)
        if held is not None:
            return [*first, *([held] if held not in first else [])]
        return [*first, cause("claimed_soon", agent.id, agent=agent.name)]
    return [*first, cause("agents_busy", task.id, count=len(able))]


def fits(agent: Agent, task: Task) -> bool:
    """Say whether the default scheduler may give a task of the backlog to an agent."""
    if not agent.cli or task.role is not None:
        return bool(agent.cli) and task.role == agent.role
    return agent.role not in APART or agent.role in task.tags


def claims(agent: Agent) -> bool:
    """Say whether an agent takes work from the backlog by itself, now or when it is idle."""
    return agent.wanted is Wanted.RUN and agent.state not in {AgentState.STOPPED, AgentState.ERROR}


def _has_work(agent: Agent) -> bool:
    return bool(agent.queued_tasks or agent.waking_mail)


def _assigned(task: Task, facts: WhyFacts, view: NodesView) -> list[Cause]:
    agent = facts_of(facts, view)
    if agent is None:
        raise UnknownCauseError(kind="task", ref=task.id, state="assigned", detail="its agent is not on record")
    return hindrances(agent, task=task)


def _running(context: TownContext, task: Task, facts: WhyFacts, view: NodesView) -> Steps[list[Cause]]:
    live = facts.round
    if live is None or live.id != task.round_id:
        raise UnknownCauseError(kind="task", ref=task.id, state="running", detail="its round is not on record")
    nothing = view.hindrance(live.node)
    chain = [nothing] if nothing else []
    output = yield from last_output(context, live, view)
    ago = span(view.age_ms(live))
    chain.append(cause("running", live.id, agent=task.agent or "?", ago=ago, output=output))
    if task.order:
        chain.append(cause("order", task.id, order=task.order.get("verb", "?")))
    elif live.verdict:
        chain.append(cause("said", task.id, verdict=live.verdict.get("verb", "?")))
    return chain


def last_output(context: TownContext, live: Round, view: NodesView) -> Steps[str]:
    """Say when a live round last printed something, by the log on this machine.

    The log's date is compared with this machine's clock; where that was set meanwhile, all that is known is that it
    was during the round.
    """
    path, age = context.paths.round_dir(live.id) / "log", view.age_ms(live)

    def look() -> str:
        try:
            found = path.stat()
        except OSError:
            return "unknown here"
        if not found.st_size:
            return "none so far"
        ago = SystemClock().now_ms() - found.st_mtime * 1000
        fits = -CLOCK_SET_MS <= ago <= age + CLOCK_SET_MS
        return f"{span(ago)} ago" if fits else f"within the last {span(age)}"

    return (yield from local(look))


def _verifying(task: Task, facts: WhyFacts, view: NodesView) -> list[Cause]:
    nothing = view.hindrance(task.gate_node)
    first = [nothing] if nothing else []
    live = facts.round
    if task.order:
        return [*first, cause("order", task.id, order=task.order.get("verb", "?"))]
    if live is not None and live.id == task.round_id:
        gate = live.gate or "?"
        return [*first, cause("gate_running", live.id, gate=gate, ago=span(view.age_ms(live)))]
    if not task.gates_left:
        raise UnknownCauseError(kind="task", ref=task.id, state="verifying", detail="no gate is left to run")
    gate = task.gates_left[0].name
    if facts.now < task.not_before <= facts.now + MAX_BACKOFF_MS:
        return [*first, cause("gate_retry", task.id, gate=gate, left=span(task.not_before - facts.now))]
    node = view.named(task.gate_node)
    return [*first, cause("gate_soon", task.id, gate=gate, node=node.name if node else task.gate_node)]

"""`wait`: until a task or all work of an agent is done, or only people can move the rest."""

from __future__ import annotations

import time

import attrs

from tinytown.domain.ids import IdKind, kind_of, looks_like_id
from tinytown.domain.records import Agent, Task
from tinytown.domain.states import CLOSED_TASKS, AgentState, TaskState
from tinytown.errors import EndedBadlyError, EventsTrimmedError, NeedsAttentionError, NotFoundError, WaitTimeoutError
from tinytown.services import checks
from tinytown.services.causes import Cause, Mover, Why
from tinytown.services.context import TownContext
from tinytown.services.looking import show_as
from tinytown.services.settling import READ_AT_ONCE, RECHECK_SECS
from tinytown.services.steps import Steps, ask, newest, read
from tinytown.services.watching import before
from tinytown.services.why import explain
from tinytown.services.why_nodes import LOST_AFTER_MS, own_node
from tinytown.services.why_tasks import APART, Budget, claims
from tinytown.storage.calls import town as town_calls
from tinytown.storage.calls.answers import WaitFacts

_NODE_CODES = frozenset({"no_node", "node_stopping", "node_down", "node_lost"})
SHOWN = 10


def wait(context: TownContext, ref: str | Task | Agent, *, timeout: float | None = None) -> Steps[Task | Agent]:
    """Wait for a task to be completed, or for an agent to have nothing left to do.

    An agent is done when it has no open task, no mail that starts a round and no backlog that it may claim, or when
    it is stopped.

    Args:
        context: The town.
        ref: The task or agent: its id, its name, or the record itself.
        timeout: At most so many seconds; without an end when left out.

    Returns:
        The task or agent as it is then.

    Raises:
        WaitTimeoutError: The time ran out.
        EndedBadlyError: The task, or one of the agent's, failed or was cancelled.
        NeedsAttentionError: Only a person can move the rest; the sentence lists what.
    """
    limit = checks.secs(timeout, what="timeout")
    started = time.monotonic()
    watch = _Watch(context=context)
    position = yield from newest("events")
    ref = ref if isinstance(ref, str) else ref.id
    if looks_like_id(ref) and ref.startswith("mission-"):
        raise NotFoundError(kind="mission", ref=ref, hint="wait for a task or an agent: there are no missions yet")
    named = checks.ref(ref)
    while True:
        facts = yield from watch.look(named)
        done = yield from watch.judge(facts)
        if done:
            return facts.record
        named = facts.record.id
        until = [time.monotonic() + (context.node_grace_secs if watch.grace_until else RECHECK_SECS)]
        if limit is not None:
            until.append(started + limit)
        if limit is not None and time.monotonic() >= started + limit:
            raise WaitTimeoutError(ref=ref, seconds=limit)
        position = yield from _listen(position, min(until), watch)


def _listen(position: str, until: float, watch: _Watch) -> Steps[str]:
    """Read events until one may matter, or the time is up; give the place to go on from."""
    while (left := until - time.monotonic()) > 0:
        try:
            entries = yield from read("events", position, limit=READ_AT_ONCE, block_ms=max(1, int(left * 1000)))
        except EventsTrimmedError as error:
            return before(error.oldest)  # there is a gap, so look again
        matters = False
        for _ref, fields in entries:
            matters = matters or watch.matters(fields.get("type", ""), set(fields.values()))
        position = entries[-1][0] if entries else position
        if matters:
            break
    return position


@attrs.define(kw_only=True)
class _Watch:
    """What a wait watches.

    Attributes:
        context: The town.
        ids: Records whose events may change the judgement.
        tasks: Open tasks of the agent that were seen.
        wide: Whether any event may change it, because it waits for others' work.
        grace_until: Until when a node may come up.
    """

    context: TownContext
    ids: set[str] = attrs.field(factory=set[str])
    tasks: set[str] = attrs.field(factory=set[str])
    wide: bool = False
    grace_until: float = 0.0

    def matters(self, kind: str, named: set[str]) -> bool:
        """Say whether an event may change the judgement."""
        return self.wide or bool(self.ids & named) or kind.startswith("node.")

    def look(self, ref: str) -> Steps[WaitFacts]:
        """Ask once, with what only this machine knows of its own node."""
        context = self.context
        local_id, runs = yield from own_node(context)
        call = town_calls.wait_facts(
            ref,
            local=local_id,
            runs=runs,
            lost_ms=LOST_AFTER_MS,
            apart=sorted(APART),
            auto_claim=context.config.auto_claim,
        )
        return (yield from ask(call))

    def judge(self, facts: WaitFacts) -> Steps[bool]:
        """Say whether it is done; raise when it will not be without people."""
        record = facts.record
        self.ids.add(record.id)
        if isinstance(record, Task):
            if record.state in CLOSED_TASKS:
                if record.state is not TaskState.COMPLETED:
                    raise EndedBadlyError(detail=_ending(record))
                return True
            self.wide = facts.wide
        else:
            yield from self._refuse_if_bad(facts)
            if self._agent_done(record, facts):
                return True
            self.wide = facts.wide or not facts.open
        self.ids.update(facts.open, facts.because)
        if facts.moving is not None:
            self.grace_until = 0.0
        else:
            yield from self._refuse_if_stuck(facts)
        return False

    def _agent_done(self, agent: Agent, facts: WaitFacts) -> bool:
        """Say whether an agent is stopped, or has nothing to do and nothing that it takes by itself."""
        if agent.state in {AgentState.STOPPED, AgentState.REMOVED} and agent.round_id is None:
            return True
        claims_some = facts.backlog and self.context.config.auto_claim and claims(agent)
        return not (facts.open or facts.busy or claims_some)

    def _refuse_if_bad(self, facts: WaitFacts) -> Steps[None]:
        """Look at the tasks that the agent had and has no more."""
        now = set(facts.open)
        gone, self.tasks = self.tasks - now, self.tasks | now
        for task_id in sorted(gone):
            self.tasks.discard(task_id)
            task = yield from show_as(Task, "task", task_id)
            if task.state in {TaskState.FAILED, TaskState.CANCELLED} and task.agent_id == facts.record.id:
                raise EndedBadlyError(detail=_ending(task), hint=f"`tt trace {task.id}` tells how")

    def _refuse_if_stuck(self, facts: WaitFacts) -> Steps[None]:
        """Raise when nothing moves but by a person's hand; the sentences are made only now."""
        stuck: list[Why] = []
        budget = Budget()
        for ref in facts.stuck:
            found = yield from explain(self.context, (yield from ask(town_calls.why_facts(ref))), budget)
            self.ids.update(each.ref for each in found.causes)
            if not found.needs_person:
                self.grace_until = 0.0
                return
            stuck.append(found)
        last = [_to_act_on(each) for each in stuck]
        if any(each.code in _NODE_CODES for each in last):
            self.grace_until = self.grace_until or time.monotonic() + self.context.node_grace_secs
            if time.monotonic() < self.grace_until:
                return
        raise NeedsAttentionError(detail=_list(stuck, last, facts.stuck_total))


def _to_act_on(found: Why) -> Cause:
    return next(each for each in found.causes if each.mover is Mover.PERSON)


def _list(stuck: list[Why], last: list[Cause], total: int) -> str:
    lines = [
        f"{found.kind} `{found.ref}` is {found.state}"
        + (f", because of task `{each.ref}`" if each.ref != found.ref and kind_of(each.ref) is IdKind.TASK else "")
        + f" ({each.code}): {each.text}"
        + (f" [{each.command}]" if each.command else "")
        for found, each in zip(stuck[:SHOWN], last[:SHOWN], strict=True)
    ]
    if total > SHOWN:
        lines.append(f"and {total - SHOWN} more")
    return "; ".join(lines)


def _ending(task: Task) -> str:
    return f"task `{task.id}` {'failed' if task.state is TaskState.FAILED else 'was cancelled'}" + (
        f": {task.reason}" if task.reason else ""
    )

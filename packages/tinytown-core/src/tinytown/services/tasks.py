"""Operations on tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tinytown.domain.gates import gates_for
from tinytown.domain.ids import IdKind, kind_of, looks_like_id, new_id
from tinytown.domain.records import Gate, Task
from tinytown.domain.states import TaskState
from tinytown.errors import UsageError
from tinytown.services import checks
from tinytown.services.context import TownContext
from tinytown.services.pages import matching
from tinytown.services.settling import settled
from tinytown.services.steps import Steps, ask
from tinytown.services.working import see_to_it
from tinytown.storage.calls import tasks
from tinytown.storage.calls.answers import Changed, Page
from tinytown.storage.protocol import Call

ORDER_SECS = 90.0
"""How long a verb waits by default until the round that stood in its way has ended."""


def add_task(
    context: TownContext,
    text: str,
    *,
    agent: str | None = None,
    role: str | None = None,
    tags: Iterable[str] = (),
    depends_on: Iterable[str] = (),
    parent: str | None = None,
    gates: Iterable[Gate | str] = (),
) -> Steps[Task]:
    """Add a task: for an agent if one is named, else to the backlog; it waits while a dependency is open.

    Args:
        context: The town.
        text: What is to be done, whole; up to 256 KiB of UTF-8.
        agent: Who shall do it.
        role: Which role should do it, where no agent is named.
        tags: Words to find it by.
        depends_on: Tasks that must be completed first.
        parent: The task that it is a part of.
        gates: Its own gates besides the town's: `Gate`, the name of one of the town's, or ``NAME=COMMAND``.

    Returns:
        The task as it is on record.

    Raises:
        InvalidValueError: An argument is of the wrong form; nothing was changed.
        NotFoundError: A dependency, the parent or the agent does not exist.
        RefusedError: The agent takes no work, or a dependency has failed.
    """
    call = tasks.add(
        new_id(IdKind.TASK),
        checks.body(text, what="task"),
        agent=None if agent is None else checks.ref(agent, what="agent"),
        role=None if role is None else checks.plain_name(role, what="role"),
        tags=checks.tags(tags),
        depends_on=checks.refs(depends_on, what="dependencies"),
        parent=None if parent is None else checks.ref(parent, what="parent"),
        gates=checks.gates(gates, context.config.gates),
        **context.actor.fields,
    )
    changed = yield from ask(call)
    yield from see_to_it(context)
    return changed.task


def assign(
    context: TownContext,
    agent: str,
    work: str,
    *,
    wait: bool = True,
    timeout: float = ORDER_SECS,
    role: str | None = None,
    tags: Iterable[str] = (),
    depends_on: Iterable[str] = (),
    parent: str | None = None,
    gates: Iterable[Gate | str] = (),
) -> Steps[Task]:
    """Give an agent work: the text of a new task, or the id of one that exists.

    A task whose round goes on is handed over when the round has ended; that is waited for unless ``wait`` is False.

    Args:
        context: The town.
        agent: Who shall do it.
        work: A text, or a whole id such as ``t-9k3fq2xa7m``.
        wait: Whether to wait for the round in the way.
        timeout: For how many seconds.
        role: Of a new task; see `add_task`.
        tags: Of a new task.
        depends_on: Of a new task.
        parent: Of a new task.
        gates: Of a new task.

    Returns:
        The task.

    Raises:
        InvalidValueError: An argument is of the wrong form; nothing was changed.
        NotFoundError: The agent or the task does not exist.
        RefusedError: The agent takes no work.
        WaitTimeoutError: The round has not ended in time; the order stands.
    """
    if not _is_task_id(work):
        return (
            yield from add_task(
                context, work, agent=agent, role=role, tags=tags, depends_on=depends_on, parent=parent, gates=gates
            )
        )
    if role is not None or any((*tags, *depends_on, *gates)) or parent is not None:
        raise UsageError(
            detail="role, tags, dependencies, parent and gates belong to a new task",
            hint="leave them out when you assign a task that exists",
        )
    call = tasks.assign(work.strip().lower(), checks.ref(agent, what="agent"), **context.actor.fields)
    changed = yield from _carry_out(context, call, wait=wait, timeout=timeout)
    yield from see_to_it(context)
    return changed.task


def _is_task_id(work: str) -> bool:
    text = work.strip().lower()
    return looks_like_id(text) and kind_of(text) is IdKind.TASK


def claim(context: TownContext, task: str, agent: str | None = None) -> Steps[Task]:
    """Take a task from the backlog; in a race one agent gets it.

    Args:
        context: The town.
        task: The task.
        agent: For whom; the agent of the round when left out.

    Raises:
        WrongStateError: It is not in the backlog any more.
    """
    taker = own_agent(context, agent)
    call = tasks.assign(checks.ref(task, what="task"), taker, only_pending=True, **context.actor.fields)
    changed = yield from ask(call)
    yield from see_to_it(context)
    return changed.task


def tasks_page(
    context: TownContext,
    *,
    state: str | None = None,
    agent: str | None = None,
    role: str | None = None,
    tags: Iterable[str] = (),
    after: int | None = None,
    limit: int = 100,
) -> Steps[Page[Task]]:
    """List tasks by creation, one page.

    Args:
        context: The town.
        state: Only those in this state.
        agent: Only those of this agent.
        role: Only those of this role.
        tags: Only those that have all of these tags.
        after: ``next`` of the page before.
        limit: How many at most; a page without ``next`` is the last.
    """
    _ = context
    found = checks.one_of(TaskState, state, what="state")
    who = None if agent is None else checks.ref(agent, what="agent")
    return (
        yield from matching(
            lambda place, size: tasks.listing(state=found, agent=who, after=place, limit=size),
            wanted_tasks(role=role, tags=tags),
            after=checks.cursor(after),
            limit=checks.limit(limit),
        )
    )


def wanted_tasks(*, role: str | None, tags: Iterable[str]) -> Callable[[Task], bool] | None:
    """Give the test of tasks by role and tags; None where neither is asked for."""
    of_role = None if role is None else checks.plain_name(role, what="role")
    having = frozenset(checks.tags(tags))
    if of_role is None and not having:
        return None
    return lambda task: (of_role is None or task.role == of_role) and having.issubset(task.tags)


def current(context: TownContext, agent: str | None = None) -> Steps[Task | None]:
    """Give the task that an agent works on, or None.

    Args:
        context: The town.
        agent: Whose; that of the round when left out.
    """
    return (yield from ask(tasks.current(own_agent(context, agent))))


def complete(
    context: TownContext,
    ref: str,
    *,
    result: str | None = None,
    no_gates: bool = False,
    wait: bool = True,
    timeout: float = ORDER_SECS,
) -> Steps[Changed]:
    """Submit a task: say that it is done. Its gates then turn the claim into a fact.

    Inside a round it is recorded and applied when the round has ended.

    Args:
        context: The town.
        ref: The task.
        result: What came of it.
        no_gates: Complete it without gates, which is kept in the evidence; only people may.
        wait: Whether to wait for a round that stands in the way.
        timeout: For how many seconds.

    Returns:
        The task; ``recorded`` when said inside its round, ``ordered`` when a round still stands in the way.

    Raises:
        WrongStateError: The task is closed.
        StaleRoundError: The round is over, or the task is not its own.
        UsageError: A round may not leave the gates out.
        WaitTimeoutError: The round has not ended in time; the order stands.
    """
    if no_gates and context.in_round:
        raise UsageError(detail="only a person may leave the gates out", hint="submit it and let the gates decide")
    task = checks.ref(ref, what="task")
    gate_node = None
    gates: tuple[Gate, ...] = ()
    if not context.in_round and not no_gates:
        gates = yield from _gates_of(context, task)
        if gates:
            gate_node = context.node_control.node_identity(context.paths)
    call = tasks.submit(
        task,
        result=None if result is None else checks.body(result, what="result", allow_empty=True),
        gates=gates,
        gate_node=gate_node,
        no_gates=no_gates,
        **context.actor.fields,
    )
    changed = yield from _carry_out(context, call, wait=wait, timeout=timeout)
    if gates:
        yield from see_to_it(context)
    return changed


def _gates_of(context: TownContext, task: str) -> Steps[tuple[Gate, ...]]:
    """Give the gates that a person's submit must pass."""
    from tinytown.services.looking import show_as

    found = yield from show_as(Task, "task", task)
    return gates_for(context.config.gates, found.gates)


def fail(
    context: TownContext, ref: str, reason: str, *, wait: bool = True, timeout: float = ORDER_SECS
) -> Steps[Changed]:
    """Close a task as failed, with the reason. Inside a round it is recorded and applied at the round's end."""
    call = tasks.fail(checks.ref(ref, what="task"), checks.body(reason, what="reason"), **context.actor.fields)
    return (yield from _carry_out(context, call, wait=wait, timeout=timeout))


def block(
    context: TownContext,
    ref: str,
    reason: str,
    *,
    code: str = "needs_input",
    wait: bool = True,
    timeout: float = ORDER_SECS,
) -> Steps[Changed]:
    """Block a task until a person has answered.

    Args:
        context: The town.
        ref: The task.
        reason: The question, or what is missing.
        code: ``needs_input`` for a question, ``on_hold`` for what shall simply wait.
        wait: Whether to wait for a round that stands in the way.
        timeout: For how many seconds.
    """
    checks.word(code, BLOCK_CODES, what="code")
    text = checks.body(reason, what="reason")
    call = tasks.block(checks.ref(ref, what="task"), f"{code}: {text}", **context.actor.fields)
    return (yield from _carry_out(context, call, wait=wait, timeout=timeout))


BLOCK_CODES = ("needs_input", "on_hold")
"""Reasons that people and agents may block a task with; the others come from the town itself."""


def unblock(context: TownContext, ref: str, *, answer: str | None = None) -> Steps[Changed]:
    """Let a blocked task go on, with an answer for its agent if there is one."""
    said = None if answer is None else checks.body(answer, what="answer")
    changed = yield from ask(tasks.unblock(checks.ref(ref, what="task"), answer=said, **context.actor.fields))
    yield from see_to_it(context)
    return changed


def cancel(
    context: TownContext,
    ref: str,
    *,
    reason: str | None = None,
    wait: bool = True,
    timeout: float = ORDER_SECS,
) -> Steps[Changed]:
    """Close a task without a result. A round that works on it is ended first."""
    said = None if reason is None else checks.body(reason, what="reason")
    call = tasks.cancel(checks.ref(ref, what="task"), reason=said, **context.actor.fields)
    return (yield from _carry_out(context, call, wait=wait, timeout=timeout))


def requeue(context: TownContext, ref: str, *, wait: bool = True, timeout: float = ORDER_SECS) -> Steps[Changed]:
    """Put a task back into the backlog. A round that works on it is ended first."""
    call = tasks.requeue(checks.ref(ref, what="task"), **context.actor.fields)
    changed = yield from _carry_out(context, call, wait=wait, timeout=timeout)
    yield from see_to_it(context)
    return changed


def reopen(context: TownContext, ref: str) -> Steps[Changed]:
    """Take up a failed or cancelled task again; what it had blocked goes back to waiting."""
    changed = yield from ask(tasks.reopen(checks.ref(ref, what="task"), **context.actor.fields))
    yield from see_to_it(context)
    return changed


def _carry_out(context: TownContext, call: Call[Changed], *, wait: bool, timeout: float) -> Steps[Changed]:
    """Run a verb; where it became an order, see that somebody carries it out, and wait for that."""
    checks.secs(timeout, what="timeout")
    changed = yield from ask(call)
    if not changed.ordered:
        return changed
    yield from see_to_it(context)
    return (yield from settled(changed, timeout=timeout)) if wait else changed


def own_agent(context: TownContext, agent: str | None) -> str:
    """Check a reference to an agent; left out, or as ``me``, it is the agent of the round that speaks."""
    if agent is not None and agent.strip().lower() != "me":
        return checks.ref(agent, what="agent")
    if context.actor.agent_id:
        return context.actor.agent_id
    raise UsageError(detail="no agent was named", hint="name one; only inside a round it can be left out")

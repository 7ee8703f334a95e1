"""Calls about tasks."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from tinytown.domain.records import Gate, Task
from tinytown.storage import codec
from tinytown.storage.calls._make import SETTLING, change, page, query, rows, strings
from tinytown.storage.calls.answers import Changed, Page
from tinytown.storage.protocol import Answer, Call


def _changed(answer: Answer) -> Changed:
    return Changed(
        task=codec.record(Task, answer["task"]),
        ordered=bool(answer.get("ordered")),
        recorded=bool(answer.get("recorded")),
    )


def _gates(gates: Sequence[Gate] | None) -> list[dict[str, object]] | None:
    return [attrs.asdict(gate) for gate in gates] if gates else None


def add(
    task_id: str,
    description: str,
    *,
    agent: str | None = None,
    role: str | None = None,
    tags: Sequence[str] = (),
    depends_on: Sequence[str] = (),
    parent: str | None = None,
    plan_id: str | None = None,
    gates: Sequence[Gate] = (),
    round_id: str | None = None,
    by: str | None = None,
) -> Call[Changed]:
    """Add a task: waiting, assigned or in the backlog.

    Args:
        task_id: A new id.
        description: What is to be done.
        agent: Who does it; nobody means the backlog.
        role: Which role should do it.
        tags: Words to find it by.
        depends_on: Tasks that must be completed first.
        parent: The task it is a part of.
        plan_id: The entry of a plan that it is made from; where that has a task, the task is answered as it is.
        gates: Its own gates, besides those of the town.
        round_id: The live round that adds it.
        by: Who adds it, where no round does.
    """
    args = {
        "id": task_id,
        "description": description,
        "agent": agent,
        "role": role,
        "tags": list(tags) or None,
        "depends_on": list(depends_on) or None,
        "parent": parent,
        "plan_id": plan_id,
        "gates": _gates(gates),
        "round_id": round_id,
        "by": by,
    }
    return change("task_add", args, _changed)


def assign(
    task: str, agent: str, *, round_id: str | None = None, by: str | None = None, only_pending: bool = False
) -> Call[Changed]:
    """Give a task to an agent; from a live round on, as an order. ``only_pending`` is for claims, which may lose."""
    args = {"task": task, "agent": agent, "round_id": round_id, "by": by, "only_pending": only_pending or None}
    return change("task_assign", args, _changed, allowed=rows("task", "assign"))


def submit(
    task: str,
    *,
    result: str | None = None,
    gates: Sequence[Gate] = (),
    gate_node: str | None = None,
    no_gates: bool = False,
    round_id: str | None = None,
    by: str | None = None,
) -> Call[Changed]:
    """Claim that a task is done.

    Args:
        task: The task.
        result: What came of it.
        gates: The gates that apply, where a person submits; inside a round the node knows them.
        gate_node: The node that runs them.
        no_gates: Complete it without them; that is kept in the evidence. Only people may.
        round_id: The live round that submits its own task.
        by: Who submits it, where no round does.
    """
    args = {
        "task": task,
        "result": result,
        "gates": _gates(gates),
        "gate_node": gate_node,
        "no_gates": no_gates or None,
        "round_id": round_id,
        "by": by,
    }
    return change("task_submit", args, _changed, allowed={**rows("task", "submit"), **SETTLING})


def fail(task: str, reason: str, *, round_id: str | None = None, by: str | None = None) -> Call[Changed]:
    """Close a task as failed."""
    args = {"task": task, "reason": reason, "round_id": round_id, "by": by}
    return change("task_fail", args, _changed, allowed={**rows("task", "fail"), **SETTLING})


def block(task: str, reason: str, *, round_id: str | None = None, by: str | None = None) -> Call[Changed]:
    """Block a task. The reason is a code, a colon and a text."""
    args = {"task": task, "reason": reason, "round_id": round_id, "by": by}
    return change("task_block", args, _changed, allowed=rows("task", "block"))


def unblock(
    task: str, *, answer: str | None = None, round_id: str | None = None, by: str | None = None
) -> Call[Changed]:
    """Let a blocked task go on, with an answer for its agent."""
    args = {"task": task, "answer": answer, "round_id": round_id, "by": by}
    return change("task_unblock", args, _changed, allowed=rows("task", "unblock"))


def requeue(task: str, *, round_id: str | None = None, by: str | None = None) -> Call[Changed]:
    """Put a task back into the backlog."""
    return change(
        "task_requeue", {"task": task, "round_id": round_id, "by": by}, _changed, allowed=rows("task", "requeue")
    )


def cancel(
    task: str, *, reason: str | None = None, round_id: str | None = None, by: str | None = None
) -> Call[Changed]:
    """Close a task without a result."""
    args = {"task": task, "reason": reason, "round_id": round_id, "by": by}
    return change("task_cancel", args, _changed, allowed={**rows("task", "cancel"), **SETTLING})


def reopen(task: str, *, round_id: str | None = None, by: str | None = None) -> Call[Changed]:
    """Take up a failed or cancelled task again."""
    args = {"task": task, "round_id": round_id, "by": by}
    return change("task_reopen", args, _changed, allowed={**rows("task", "reopen"), **SETTLING})


def drain() -> Call[tuple[str, ...]]:
    """Go on with the dependents of one closed task that has very many."""
    return change("task_drain", {}, lambda answer: strings(answer.get("tasks")), allowed=SETTLING)


def listing(
    *, state: str | None = None, agent: str | None = None, after: int | None = None, limit: int = 100
) -> Call[Page[Task]]:
    """List tasks by creation, one page of at most ``limit``. An agent's open ones are those in the state ``open``."""
    return query("list_tasks", {"state": state, "agent": agent, "after": after, "limit": limit}, page(Task))


def current(agent: str) -> Call[Task | None]:
    """Give the task of an agent's live round."""
    return query("current", {"agent": agent}, lambda answer: codec.optional(Task, answer.get("task")))

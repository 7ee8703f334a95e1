"""What a person or an agent can do to a task, as it is applied: at once, or by the script that ends a round."""

from __future__ import annotations

from tinytown.storage.memory.moves import block, fresh_start, move
from tinytown.storage.memory.rules import Args, has_work, present
from tinytown.storage.memory.tx import Fields, Tx, items


def assign(tx: Tx, a: Args, task: Fields, want: Fields, by: str) -> None:
    """Give a task to an agent; one that waits only gets the name."""
    agent = working_agent(tx, want["agent"])
    if tx.scard(f"blockers:{task['id']}") > 0:
        move(tx, a, task, "assign", "waiting", by=by, agent=agent)
        return
    counters = fresh_start() if task["state"] in {"blocked", "running"} else {}
    move(tx, a, task, "assign", "assigned", by=by, agent=agent, **counters)


def working_agent(tx: Tx, ref: str) -> Fields:
    """Find an agent that may be given work; one that ends or has ended may not."""
    agent = present(tx, ref)
    if agent["role"] == "conductor" and not agent.get("node"):
        tx.refuse(
            "not_assignable", detail="the conductor takes no tasks", hint="use `tt send conductor` to tell a person"
        )
    if agent["wanted"] in {"stopped", "draining"} or agent["state"] == "stopped":
        wanted = "stopped" if agent["wanted"] == "run" else agent["wanted"]
        tx.refuse(
            "agent_ends",
            detail=f"agent `{agent['name']}` is {wanted} and takes no new work",
            hint=f"start it again with `tt restart {agent['name']}`, or choose another agent",
        )
    return agent


def requeue(tx: Tx, a: Args, task: Fields, _want: Fields, by: str) -> None:
    """Put a task back into the backlog, where it is nobody's."""
    if tx.scard(f"blockers:{task['id']}") > 0:
        tx.refuse(
            "dependency_open",
            detail=f"task `{task['id']}` depends on a task that is not completed",
            hint=f"`tt why {task['id']}` names it",
        )
    move(tx, a, task, "requeue", "pending", by=by, agent=None, gates_left=None, **fresh_start())


def cancel(tx: Tx, a: Args, task: Fields, want: Fields, by: str) -> None:
    """Close a task without a result."""
    move(tx, a, task, "cancel", "cancelled", by=by, reason=want.get("reason"), gates_left=None)


def fail(tx: Tx, a: Args, task: Fields, want: Fields, by: str) -> None:
    """Close a task as failed."""
    move(tx, a, task, "fail", "failed", by=by, reason=want.get("reason"), gates_left=None)


def block_(tx: Tx, a: Args, task: Fields, want: Fields, by: str) -> None:
    """Block a task with a reason."""
    block(tx, a, task, want["reason"], by=by)


def submit(tx: Tx, a: Args, task: Fields, want: Fields, by: str) -> None:
    """Claim that a task is done: to its gates, or completed where none applies."""
    for needed in tx.smembers(f"blockers:{task['id']}"):  # what is done waits for nothing any more
        tx.srem(f"blockers:{task['id']}", needed)
        tx.zrem(f"dependents:{needed}", task["id"])
    gates = items(want.get("gates"))
    evidence = items(task.get("evidence"))
    if want.get("no_gates"):
        evidence.append({"kind": "no_gates", "by": by, "at": tx.now})
    done = {"result": want.get("result"), "evidence": evidence, "findings": None, "head": want.get("head")}
    if gates and not want.get("no_gates"):
        node = want.get("gate_node")
        move(
            tx,
            a,
            task,
            "submit",
            "verifying",
            by=by,
            gates_left=gates,
            gate_node=node,
            gate_tries=0,
            not_before=0,
            **done,
        )
        return
    move(tx, a, task, "submit", "completed", by=by, gates_left=None, **done)
    count_completed(tx, task)


def count_completed(tx: Tx, task: Fields) -> None:
    """Count a completed task for its agent."""
    agent = tx.load("agent", task.get("agent_id"))
    if agent is not None:
        agent["tasks_completed"] = (agent.get("tasks_completed") or 0) + 1


def back_to_author(tx: Tx, task: Fields) -> Fields | None:
    """Give the agent that goes on with a rejected task, or None if it has stopped."""
    agent = tx.load("agent", task.get("agent_id"))
    if agent is None or agent["wanted"] == "stopped" or (agent["state"] == "stopped" and not has_work(tx, agent)):
        return None
    return agent


CHANGES = {"assign": assign, "requeue": requeue, "cancel": cancel, "fail": fail, "block": block_, "submit": submit}
"""By the verb's name, for orders and verdicts."""

"""The verbs of tasks that people and agents say."""

from __future__ import annotations

from tinytown.storage.memory import changes
from tinytown.storage.memory.moves import fresh_start, index, move, note, order, ring_all, settle_dependents
from tinytown.storage.memory.rules import (
    Args,
    acting_round,
    actor,
    find,
    own_task,
    person,
    request_end,
    resolve,
    wake,
)
from tinytown.storage.memory.tx import Fields, Tx, items


def task_add(tx: Tx, a: Args) -> Fields:
    """Add a task: waiting if a dependency is open, else assigned if an agent is named, else in the backlog."""
    by = actor(acting_round(tx, a), a)
    planned = tx.load("task", tx.hget("plan", a["plan_id"])) if a.get("plan_id") else None
    if planned is not None:
        return {"task": planned}  # the entry of a plan is one task, whoever adds it, and however often
    agent = changes.working_agent(tx, a["agent"]) if a.get("agent") else None
    needs: list[str] = []
    waits_for: list[str] = []
    for ref in items(a.get("depends_on")):
        needed = find(tx, "task", ref)
        if needed["id"] in needs:
            continue
        if needed["state"] in {"failed", "cancelled"}:
            detail = f"task `{needed['id']}` is {needed['state']}, so nothing can depend on it"
            tx.refuse("dependency_failed", detail=detail, hint=f"`tt task reopen {needed['id']}` first")
        needs.append(needed["id"])
        if needed["state"] != "completed":
            waits_for.append(needed["id"])
    parent = resolve(tx, "task", a["parent"]) if a.get("parent") else None
    state = "waiting" if waits_for else "assigned" if agent else "pending"
    task = tx.make(
        "task",
        a["id"],
        {
            "description": a["description"],
            "state": state,
            "agent": agent["name"] if agent else None,
            "agent_id": agent["id"] if agent else None,
            "role": a.get("role"),
            "tags": a.get("tags") or None,
            "depends_on": needs or None,
            "parent_id": parent,
            "plan_id": a.get("plan_id"),
            "mission_id": a.get("mission_id"),
            "branch": a.get("branch"),
            "gates": a.get("gates") or None,
            "created_by": by,
            "created_at": tx.now,
            "updated_at": tx.now,
        },
    )
    tx.zadd("tasks", task["seq"], task["id"])
    if a.get("plan_id"):
        tx.hset("plan", a["plan_id"], task["id"])
    for ref in waits_for:
        tx.sadd(f"blockers:{task['id']}", ref)
        tx.zadd(f"dependents:{ref}", task["seq"], task["id"])
    index(tx, task)
    note(tx, task, "add", None, by)
    if state == "assigned" and agent:
        wake(tx, agent)
    elif state == "pending":
        ring_all(tx)
    return {"task": task}


def task_assign(tx: Tx, a: Args) -> Fields:
    """Give a task to an agent."""
    acting = acting_round(tx, a)
    by = actor(acting, a)
    task = find(tx, "task", a["task"])
    agent = changes.working_agent(tx, a["agent"])
    if acting is not None and not (a.get("only_pending") and agent["id"] == acting["agent_id"]):
        person(tx, a, "assign")  # an agent may claim for itself; to others it gives new tasks
    if a.get("only_pending") and task["state"] != "pending":
        tx.refuse("wrong_state", kind="task", id=task["id"], state=task["state"], verb="claim", allowed="pending")
    if task.get("agent_id") == agent["id"] and task["state"] in {"assigned", "running"} and not task.get("order"):
        return {"task": task}  # it is where it shall be; its round need not be ended for that
    if order(tx, a, task, "assign", by, agent=agent["id"]):
        return {"task": task, "ordered": True}
    changes.assign(tx, a, task, {"agent": agent["id"]}, by)
    return {"task": task}


def task_submit(tx: Tx, a: Args) -> Fields:
    """Claim that a task is done. Inside a round it is recorded, and applied at the round's end."""
    want = {key: a.get(key) for key in ("result", "gates", "no_gates", "gate_node", "head")}
    return _say(tx, a, "submit", want)


def task_fail(tx: Tx, a: Args) -> Fields:
    """Close a task as failed. Inside a round it is recorded, and applied at the round's end."""
    return _say(tx, a, "fail", {"reason": a.get("reason")})


def task_block(tx: Tx, a: Args) -> Fields:
    """Block a task with a reason. Inside a round it is recorded, and applied at the round's end."""
    return _say(tx, a, "block", {"reason": a["reason"]})


def _say(tx: Tx, a: Args, verb: str, want: Fields) -> Fields:
    task = find(tx, "task", a["task"])
    if _said_already(tx, a, verb, task):
        return {"task": task, "recorded": True}
    acting = acting_round(tx, a)
    by = actor(acting, a)
    if acting is None:
        if want.get("gates") and not want.get("no_gates") and not want.get("gate_node"):
            detail = f"no node runs the gates of task `{task['id']}`"
            tx.refuse("no_node", detail=detail, hint="start one with `tt start`, or say `--no-gates`")
        if order(tx, a, task, verb, by, **want):
            return {"task": task, "ordered": True}
        changes.CHANGES[verb](tx, a, task, want, by)
        return {"task": task}
    own_task(tx, acting, task)
    said = acting.get("verdict")
    if said and said["verb"] != verb:
        detail = f"round `{acting['id']}` has already said `{said['verb']}` of its task"
        tx.refuse("already_said", detail=detail, hint="end the round; a person can still change it")
    if not said:
        verdict = {"verb": verb, **{key: value for key, value in want.items() if value is not None}}
        acting["verdict"] = verdict
        if not acting.get("end_requested"):
            request_end(tx, acting["id"], "verdict")
        line = {"at": tx.now, "verb": f"say {verb}", "by": by, "by_id": acting["agent_id"], "round_id": acting["id"]}
        tx.push(f"history:{task['id']}", line)
        tx.event("round.verdict", round_id=acting["id"], task_id=task["id"], agent_id=acting["agent_id"], detail=verb)
    return {"task": task, "recorded": True}


def _said_already(tx: Tx, a: Args, verb: str, task: Fields) -> bool:
    """The same word said again by a round that is over is answered as the first was, whatever came after it."""
    acting = tx.load("round", a.get("round_id"))
    if acting is None or acting["state"] != "ended" or acting.get("task_id") != task["id"]:
        return False
    said = acting.get("verdict")
    return bool(said) and said["verb"] == verb


def task_unblock(tx: Tx, a: Args) -> Fields:
    """Let a blocked task go on, with an answer for its agent if there is one."""
    by = person(tx, a, "unblock")
    task = find(tx, "task", a["task"])
    unblock(tx, a, task, a.get("answer"), by)
    return {"task": task}


def unblock(tx: Tx, a: Args, task: Fields, answer: str | None, by: str) -> None:
    """Send a blocked task where it belongs: waiting, to its gate, to its agent, or to the backlog."""
    reason = task.get("reason") or ""
    if answer:
        task["answer"] = answer
    if tx.scard(f"blockers:{task['id']}") > 0:
        move(tx, a, task, "unblock", "waiting", by=by, **fresh_start())
    elif reason.startswith("gate_unavailable") and task.get("gates_left"):
        move(tx, a, task, "unblock", "verifying", by=by, **fresh_start())
    elif task.get("agent_id"):
        move(tx, a, task, "unblock", "assigned", by=by, **fresh_start())
    else:
        move(tx, a, task, "unblock", "pending", by=by, **fresh_start())


def task_requeue(tx: Tx, a: Args) -> Fields:
    """Put a task back into the backlog."""
    return _order_or_do(tx, a, "requeue", {})


def task_cancel(tx: Tx, a: Args) -> Fields:
    """Close a task without a result."""
    return _order_or_do(tx, a, "cancel", {"reason": a.get("reason")})


def _order_or_do(tx: Tx, a: Args, verb: str, want: Fields) -> Fields:
    by = person(tx, a, verb)
    task = find(tx, "task", a["task"])
    if order(tx, a, task, verb, by, **want):
        return {"task": task, "ordered": True}
    changes.CHANGES[verb](tx, a, task, want, by)
    return {"task": task}


def task_reopen(tx: Tx, a: Args) -> Fields:
    """Take up a failed or cancelled task again; what it had blocked goes back to waiting."""
    by = person(tx, a, "reopen")
    task = find(tx, "task", a["task"])
    reopen(tx, a, task, by)
    return {"task": task}


def reopen(tx: Tx, a: Args, task: Fields, by: str) -> None:
    """Send a closed task where it belongs: waiting, to its agent, or to the backlog."""
    agent = changes.back_to_author(tx, task)
    state = "waiting" if tx.scard(f"blockers:{task['id']}") > 0 else "assigned" if agent else "pending"
    move(tx, a, task, "reopen", state, by=by, agent=agent, result=None, findings=None, answer=None, **fresh_start())


def task_drain(tx: Tx, a: Args) -> Fields:
    """Go on with the dependents of closed tasks that did not fit into the script that closed them."""
    done: list[str] = []
    for ref in tx.zrange("freed", 1):
        task = tx.load("task", ref)
        if task is None:
            tx.zrem("freed", ref)
        else:
            settle_dependents(tx, a, task, after=tx.zscore("freed", ref))
        done.append(ref)
    return {"tasks": done, "left": tx.zcard("freed")}


VERBS = {
    "task_add": task_add,
    "task_assign": task_assign,
    "task_submit": task_submit,
    "task_fail": task_fail,
    "task_block": task_block,
    "task_unblock": task_unblock,
    "task_requeue": task_requeue,
    "task_cancel": task_cancel,
    "task_reopen": task_reopen,
    "task_drain": task_drain,
}

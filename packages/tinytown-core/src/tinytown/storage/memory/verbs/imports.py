"""Taking over records that lived elsewhere, with their own times and counters. What is there already stays as it is.

Ids are derived from where a record came from, so an import can be repeated, also after it was cut off.
"""

from __future__ import annotations

from tinytown.storage.memory.moves import CLOSED, block, index, move, note, ring_all
from tinytown.storage.memory.rules import Args, present, wake
from tinytown.storage.memory.tx import Fields, Tx, items
from tinytown.storage.memory.verbs.agents import view
from tinytown.storage.memory.verbs.mail import enqueue, trace, wakes

_ENDS = {"completed": "submit", "failed": "fail", "cancelled": "cancel"}


def import_known(tx: Tx, a: Args) -> Fields:
    """Say which of some ids are taken."""
    return {"known": [ref for ref in items(a.get("ids")) if tx.zscore("ids", ref) is not None]}


def agent_import(tx: Tx, a: Args) -> Fields:
    """Register an agent that has ended: it keeps what it is given until somebody restarts it."""
    agent = tx.load("agent", a["id"])
    if agent is not None:
        return {"agent": view(tx, agent)}
    for name in (a["name"], a.get("nickname")):
        if name and tx.hget("names", name):
            tx.refuse("name_taken", name=name)
    parent = tx.load("agent", a.get("parent"))
    given = {key: a.get(key) for key in ("nickname", "node", "tasks_completed", "rounds_completed")}
    given |= {"role": a["role"], "cli": a["cli"], "parent_id": parent["id"] if parent else None}
    given |= {"created_at": a["created_at"], "last_active_at": a["last_active_at"]}
    agent = tx.make("agent", a["id"], {"name": a["name"], "incarnation": 1, **given})
    tx.zadd("agents", agent["seq"], agent["id"])
    tx.zadd(f"hosted:{agent['node']}", agent["seq"], agent["id"])
    tx.hset("names", agent["name"], agent["id"])
    if agent.get("nickname"):
        tx.hset("names", agent["nickname"], agent["id"])
    agent["state"], agent["wanted"] = "stopped", "stopped"
    tx.event("agent.spawned", agent_id=agent["id"], new="cold", detail=a["by"])
    tx.event("agent.kill", agent_id=agent["id"], old="run", new="stopped")
    tx.event("agent.stopped", agent_id=agent["id"], old="cold", new="stopped")
    return {"agent": view(tx, agent), "made": True}


def task_import(tx: Tx, a: Args) -> Fields:
    """Add a task in the state it had; what it waited for must be there, its agent may be gone."""
    task = tx.load("task", a["id"])
    if task is not None:
        return {"task": task}
    agent = tx.load("agent", a.get("agent"))
    agent = None if agent is None or agent["state"] == "removed" else agent
    needs = [needed for ref in items(a.get("depends_on")) if (needed := tx.load("task", ref)) is not None]
    closed = a["state"] in CLOSED
    waits_for = [] if closed else [needed for needed in needs if needed["state"] != "completed"]
    parent = tx.load("task", a.get("parent"))
    task = tx.make(
        "task",
        a["id"],
        {
            "description": a["description"],
            "state": "waiting" if waits_for else "assigned" if agent else "pending",
            "agent": agent["name"] if agent else None,
            "agent_id": agent["id"] if agent else None,
            "role": a.get("role"),
            "tags": a.get("tags") or None,
            "depends_on": [needed["id"] for needed in needs] or None,
            "parent_id": parent["id"] if parent else None,
            "created_by": a["by"],
            "created_at": a["created_at"],
            "updated_at": a["updated_at"],
            "started_at": a.get("started_at"),
        },
    )
    tx.zadd("tasks", task["seq"], task["id"])
    for needed in waits_for:
        tx.sadd(f"blockers:{task['id']}", needed["id"])
        tx.zadd(f"dependents:{needed['id']}", task["seq"], task["id"])
    index(tx, task)
    note(tx, task, "add", None, a["by"])
    _bring_there(tx, a, task, [needed["id"] for needed in waits_for if needed["state"] in CLOSED])
    task["updated_at"] = a["updated_at"]
    if closed:
        task["closed_at"] = a["closed_at"]
    if task["state"] == "assigned" and agent:
        wake(tx, agent)
    elif task["state"] == "pending":
        ring_all(tx)
    return {"task": task, "made": True}


def _bring_there(tx: Tx, a: Args, task: Fields, broken: list[str]) -> None:
    """Close or block a task that was just added, as it was where it came from."""
    state = a["state"]
    if state == "completed":
        move(tx, a, task, "submit", state, by=a["by"], result=a.get("result"))
    elif state in CLOSED:
        move(tx, a, task, _ENDS[state], state, by=a["by"], reason=a.get("reason"))
    elif state == "blocked":
        block(tx, a, task, a["reason"], by=a["by"])
    elif broken:
        block(tx, a, task, f"dependency_failed: {broken[0]}", by="town", ask=False)


def message_import(tx: Tx, a: Args) -> Fields:
    """Put a message that nobody has read into the lane of its reader."""
    message = tx.load("message", a["id"])
    if message is not None:
        return {"message": message}
    to = present(tx, a["to"])
    message = tx.make(
        "message",
        a["id"],
        {
            "sender": a["sender"],
            "from_id": a.get("from_id"),
            "to": to["name"],
            "to_id": to["id"],
            "kind": a["kind"],
            "urgent": 1 if a.get("urgent") else None,
            "body": a["body"],
            "state": "queued",
            "hops": 0,
            "created_at": a["created_at"],
        },
    )
    enqueue(tx, message)
    trace(tx, message, "queued", a["by"])
    if wakes(message):
        wake(tx, to)
    return {"message": message, "made": True}


VERBS = {
    "import_known": import_known,
    "agent_import": agent_import,
    "task_import": task_import,
    "message_import": message_import,
}

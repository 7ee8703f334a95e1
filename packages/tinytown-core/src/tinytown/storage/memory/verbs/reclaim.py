"""Taking back what ended agents hold: mail, tasks that wait for them, and free text that was meant as a task.

Each verb names the holder that its caller saw. What has moved on since, or belongs to an agent that lives again, is
left alone and said to be so, because then somebody has already seen to it.
"""

from __future__ import annotations

from tinytown.domain.ids import CONDUCTOR_ID
from tinytown.storage.memory import changes
from tinytown.storage.memory.moves import CLOSED, index, note, ring_all, unindex
from tinytown.storage.memory.rules import Args, check, find, person, present, wake
from tinytown.storage.memory.tx import Fields, Tx
from tinytown.storage.memory.verbs.mail import dequeue, enqueue, handle, wakes

NEEDED_LOOKED_AT = 1000


def has_ended(agent: Fields | None) -> bool:
    """Say whether an agent does nothing more by itself; one that is not on record does not either."""
    return agent is None or agent["state"] in {"stopped", "error", "removed"}


def taker(tx: Tx, ref: str) -> Fields:
    """Find an agent that can do what another has left."""
    agent = changes.working_agent(tx, ref)
    if has_ended(agent):
        detail = f"agent `{agent['name']}` cannot work and takes nothing over"
        tx.refuse("agent_ends", detail=detail, hint=f"`tt recover {agent['name']}` says why and starts it again")
    return agent


def mail_move(tx: Tx, a: Args) -> Fields:
    """Give mail that waits for an ended agent to another one, or to the conductor; ids, order and history stay."""
    by = person(tx, a, "move", "the mail of others")
    holder = find(tx, "agent", a["holder"])
    to = present(tx, a["to"])
    if to["id"] != CONDUCTOR_ID:
        taker(tx, to["id"])
    moved: list[Fields] = []
    for ref in a["messages"] if has_ended(holder) else ():
        message = tx.load("message", ref)
        if message is None or message["state"] != "queued" or message["to_id"] != holder["id"]:
            continue
        dequeue(tx, message)
        message["to"], message["to_id"] = to["name"], to["id"]
        enqueue(tx, message)
        entry = {"at": tx.now, "verb": "moved", "new": "queued", "by": by, "from": holder["name"], "to": to["name"]}
        tx.push(f"history:{ref}", entry)
        tx.event("message.moved", message_id=ref, agent_id=to["id"], new="queued", detail=f"from {holder['name']}")
        moved.append(message)
    if any(wakes(message) for message in moved):
        wake(tx, to)
    if to.get("round_id") and any(message.get("urgent") for message in moved):
        tx.bell(to.get("node"))
    return {"messages": moved}


def message_to_task(tx: Tx, a: Args) -> Fields:
    """Make a task of the backlog out of a message that asked an ended agent for work; the message is handled by it."""
    by = person(tx, a, "move", "the mail of others")
    message = find(tx, "message", a["message"])
    task_id = "t-" + message["id"][2:]
    known = tx.load("task", task_id)
    if known is not None and message["state"] == "handled":
        return {"message": message, "task": known}
    if message["kind"] != "task":
        tx.refuse(
            "not_a_task", detail=f"message `{message['id']}` is of kind `{message['kind']}`, which asks for no work"
        )
    holder = tx.load("agent", message["to_id"])
    if message["state"] != "queued" or message["to_id"] != a["holder"] or not has_ended(holder):
        return {"message": message, "task": None}
    times = {"created_at": tx.now, "updated_at": tx.now}
    fields = {"description": message["body"], "state": "pending", "created_by": message["sender"], **times}
    task = tx.make("task", task_id, fields)
    tx.zadd("tasks", task["seq"], task_id)
    index(tx, task)
    note(tx, task, "add", None, by)
    ring_all(tx)
    handle(tx, message, by, task_id=task_id)
    return {"message": message, "task": task}


def _left_by(tx: Tx, a: Args, task: Fields) -> bool:
    """Say whether a task waits for an agent that has ended, as the caller saw it. What verifies needs no agent."""
    if task.get("agent_id") != a["holder"] or task["state"] not in {"assigned", "waiting", "blocked"}:
        return False
    return has_ended(tx.load("agent", a["holder"]))


def task_reclaim(tx: Tx, a: Args) -> Fields:
    """Take a task from an ended agent: for another one, for the backlog, or to cancel it.

    One that waits or is blocked stays so, with its reason and its question; only whose it is changes.
    """
    by = person(tx, a, "reclaim")
    task, verb = find(tx, "task", a["task"]), a["verb"]
    agent = taker(tx, a["agent"]) if verb == "assign" else None
    if not _left_by(tx, a, task):
        return {"task": task, "done": False}
    if verb == "cancel":
        changes.cancel(tx, a, task, {"reason": a.get("reason")}, by)
    elif task["state"] != "assigned":
        unindex(tx, task)
        task["agent"], task["agent_id"] = (agent["name"], agent["id"]) if agent else (None, None)
        task["updated_at"] = tx.now
        index(tx, task)
        state = task["state"]
        tx.push(f"history:{task['id']}", {"at": tx.now, "verb": "reclaim", "old": state, "new": state, "by": by})
        tx.event("task.reclaimed", task_id=task["id"], agent_id=task["agent_id"], old=state, new=state)
    elif agent:
        changes.assign(tx, a, task, {"agent": agent["id"]}, by)
    else:
        changes.requeue(tx, a, task, {}, by)
    return {"task": task, "done": True}


def task_delete(tx: Tx, a: Args) -> Fields:
    """Take a closed task off the books; with ``holder`` also one that an ended agent left, which is cancelled first."""
    by = person(tx, a, "delete")
    task = find(tx, "task", a["task"])
    ref = task["id"]
    if task["updated_at"] != a["seen"]:
        tx.refuse(
            "changed", detail=f"task `{ref}` has changed since it was looked at", hint=f"`tt trace {ref}` tells how"
        )
    if task["state"] not in CLOSED and not (a.get("holder") and _left_by(tx, a, task)):
        check(tx, {"from": {"task.delete": sorted(CLOSED)}}, "task", task, "delete")
    _forget_dependents(tx, task)
    if task["state"] not in CLOSED:
        changes.cancel(tx, a, task, {"reason": a.get("reason")}, by)
    for needed in tx.smembers(f"blockers:{ref}"):
        tx.srem(f"blockers:{ref}", needed)
        tx.zrem(f"dependents:{needed}", ref)
    unindex(tx, task)
    tx.zrem("tasks", ref)
    tx.zrem("ids", ref)
    if task.get("plan_id"):
        tx.hdel("plan", task["plan_id"])
    tx.event("task.deleted", task_id=ref, agent_id=task.get("agent_id"), old=task["state"], detail=by)
    tx.forget("task", ref)
    return {"id": ref}


def _forget_dependents(tx: Tx, task: Fields) -> None:
    """Refuse while an open task depends on this one; closed ones no longer do."""
    ref = task["id"]
    found = tx.zrange(f"dependents:{ref}", NEEDED_LOOKED_AT + 1)
    dependents = [other for each in found if (other := tx.load("task", each))]
    waiting = next((other["id"] for other in dependents if other["state"] not in CLOSED), None)
    if waiting is None and (len(found) > NEEDED_LOOKED_AT or tx.zscore("freed", ref) is not None):
        waiting = found[0] if found else ref
    if waiting is not None:
        tx.refuse(
            "task_needed",
            detail=f"task `{waiting}` depends on task `{ref}`",
            hint=f"`tt task cancel {waiting}` first, or `tt task cancel {ref}`, which keeps the record",
        )
    for each in found:
        tx.srem(f"blockers:{each}", ref)
        tx.zrem(f"dependents:{ref}", each)


VERBS = {
    "mail_move": mail_move,
    "message_to_task": message_to_task,
    "task_reclaim": task_reclaim,
    "task_delete": task_delete,
}

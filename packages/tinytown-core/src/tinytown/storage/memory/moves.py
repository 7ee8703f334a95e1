"""Moving a task from state to state: its indexes, its history, its dependents. Nothing else writes a task's state."""

from __future__ import annotations

from typing import Any

from tinytown.storage.memory.rules import Args, check, close_attention, open_attention, request_end, wake
from tinytown.storage.memory.tx import Fields, Tx

DEPENDENTS_AT_ONCE = 100
CLOSED = {"completed", "failed", "cancelled"}

_PAST = {
    "add": "task.added",
    "ready": "task.ready",
    "assign": "task.assigned",
    "start": "task.started",
    "submit": "task.submitted",
    "release": "task.released",
    "pass": "task.passed",
    "reject": "task.rejected",
    "block": "task.blocked",
    "unblock": "task.unblocked",
    "fail": "task.failed",
    "requeue": "task.requeued",
    "cancel": "task.cancelled",
    "reopen": "task.reopened",
    "edit": "task.edited",
}


def _of_agent(task: Fields) -> str:
    """Name the index of its agent that a task stands in: of open ones, or of closed ones of its state."""
    agent, state = task["agent_id"], task["state"]
    return f"done:{agent}:{state}" if state in CLOSED else f"mine:{agent}"


def index(tx: Tx, task: Fields) -> None:
    """Put a task into the indexes of its state."""
    state, seq, ref = task["state"], task["seq"], task["id"]
    tx.zadd(f"tasks:{state}", seq, ref)
    if task.get("agent_id"):
        tx.zadd(_of_agent(task), seq, ref)
    if state == "pending":
        tx.zadd(f"backlog:{task.get('role') or ''}", seq, ref)
    elif state == "assigned":
        tx.zadd(f"queue:{task['agent_id']}", seq, ref)
    elif state == "verifying":
        tx.zadd(f"verify:{task['gate_node']}", task.get("not_before") or seq, ref)
        tx.bell(task["gate_node"])


def unindex(tx: Tx, task: Fields) -> None:
    """Take a task out of the indexes of its state."""
    state, ref = task["state"], task["id"]
    tx.zrem(f"tasks:{state}", ref)
    if task.get("agent_id"):
        tx.zrem(_of_agent(task), ref)
    if state == "pending":
        tx.zrem(f"backlog:{task.get('role') or ''}", ref)
    elif state == "assigned":
        tx.zrem(f"queue:{task['agent_id']}", ref)
    elif state == "verifying":
        tx.zrem(f"verify:{task['gate_node']}", ref)


def note(tx: Tx, task: Fields, verb: str, old: str | None, by: str, **more: Any) -> None:
    """Write one line of a task's history and the event of it."""
    acting = tx.acting["agent_id"] if tx.acting is not None and tx.acting["agent"] == by else None
    entry = {"at": tx.now, "verb": verb, "old": old, "new": task["state"], "by": by, "by_id": acting, **more}
    tx.push(f"history:{task['id']}", {name: value for name, value in entry.items() if value is not None})
    kinds = [_PAST[verb]] if verb != "pass" or task["state"] != "completed" else []
    if task["state"] == "completed":
        kinds.append("task.completed")
    for kind in kinds:
        tx.event(
            kind,
            task_id=task["id"],
            agent_id=task.get("agent_id"),
            round_id=more.get("round_id"),
            mission_id=task.get("mission_id"),
            old=old,
            new=task["state"],
            detail=more.get("reason"),
        )


def ring_all(tx: Tx) -> None:
    """Wake every node that is not down: one of them has something new to do."""
    for ref in tx.smembers("nodes"):
        node = tx.load("node", ref)
        if node is not None and node["state"] != "down":
            tx.bell(ref)


def move(tx: Tx, a: Args, task: Fields, verb: str, state: str, *, by: str, **changes: Any) -> None:
    """Do one row of the task's table.

    Args:
        tx: The verb's view.
        a: The verb's arguments; ``from`` holds the allowed states.
        task: The task.
        verb: The row.
        state: Where it goes.
        by: Who does it.
        **changes: Fields to change with it. ``agent`` is a record or None; ``reason`` goes into the history too,
            unless ``history_said`` stands for it there.
    """
    check(tx, a, "task", task, verb)
    old = task["state"]
    unindex(tx, task)
    if "agent" in changes:
        agent = changes.pop("agent")
        task["agent"], task["agent_id"] = (agent["name"], agent["id"]) if agent else (None, None)
    _ask_no_more(tx, task, old, changes.get("reason") or "")
    task["reason"] = None
    task["state"], task["updated_at"] = state, tx.now
    round_id, said = changes.pop("history_round", None), changes.pop("history_said", None)
    task.update(changes)
    closed = state in CLOSED
    task["closed_at"] = tx.now if closed else None
    index(tx, task)
    note(tx, task, verb, old, by, reason=said or task.get("reason"), round_id=round_id)
    if state == "assigned":
        agent = tx.load("agent", task["agent_id"])
        if agent is not None:
            wake(tx, agent, at=task.get("not_before") or 0)
    elif state == "pending":
        ring_all(tx)
    if closed or (verb == "reopen" and old in {"failed", "cancelled"}):
        settle_dependents(tx, a, task, after=None)


def _ask_no_more(tx: Tx, task: Fields, old: str, reason: str) -> None:
    """Close the question about a task that is no longer blocked for its reason; that about a failure is of many."""
    before = task.get("reason") or ""
    asked, _colon, failed = before.partition(": ")
    if old == "blocked" and asked == "dependency_failed" and before != reason:
        cause = tx.load("task", failed)
        if cause is not None:
            cause["holds"] = max(0, (cause.get("holds") or 0) - 1)
            if not cause["holds"]:
                close_attention(tx, asked, failed, "answered", cause.get("answer"))
    elif old == "blocked" and asked.partition(":")[0] != reason.partition(":")[0]:
        close_attention(tx, asked.partition(":")[0], task["id"], "answered", task.get("answer"))
    now, _colon, failed = reason.partition(": ")
    if now == "dependency_failed" and before != reason:
        _ask_about_failure(tx, failed)


def _ask_about_failure(tx: Tx, ref: str) -> None:
    """One question for all tasks that a failed or cancelled one holds up."""
    cause = tx.load("task", ref)
    if cause is not None:
        cause["holds"] = (cause.get("holds") or 0) + 1
        text = f"task `{ref}` is {cause['state']}, and what depends on it cannot go on"
        open_attention(tx, "dependency_failed", ref, text, [f"tt task reopen {ref}", f"tt why {ref}"])


def settle_dependents(tx: Tx, a: Args, task: Fields, *, after: float | None) -> None:
    """Tell the tasks that wait for this one; the rest beyond a hundred stands in `freed` for any node to go on with."""
    found = tx.zrange(f"dependents:{task['id']}", DEPENDENTS_AT_ONCE + 1, after=after)
    last = after
    for ref in found[:DEPENDENTS_AT_ONCE]:
        last = tx.zscore(f"dependents:{task['id']}", ref)
        dependent = tx.load("task", ref)
        if dependent is None:
            continue
        if task["state"] == "completed":
            tx.srem(f"blockers:{ref}", task["id"])
            tx.zrem(f"dependents:{task['id']}", ref)
            if dependent["state"] == "waiting" and tx.scard(f"blockers:{ref}") == 0:
                make_ready(tx, a, dependent)
        elif task["state"] in {"failed", "cancelled"}:
            if dependent["state"] == "waiting":
                block(tx, a, dependent, f"dependency_failed: {task['id']}", by="town", ask=False)
        elif dependent["state"] == "blocked" and dependent.get("reason") == f"dependency_failed: {task['id']}":
            move(tx, a, dependent, "unblock", "waiting", by="town")
    if len(found) > DEPENDENTS_AT_ONCE:
        tx.zadd("freed", last or 0, task["id"])
        ring_all(tx)
    else:
        tx.zrem("freed", task["id"])


def make_ready(tx: Tx, a: Args, task: Fields) -> None:
    """A waiting task whose last dependency is completed goes to its agent, or to the backlog."""
    move(tx, a, task, "ready", "assigned" if task.get("agent_id") else "pending", by="town")


def block(
    tx: Tx, a: Args, task: Fields, reason: str, *, by: str, ask: bool = True, round_id: str | None = None
) -> None:
    """Block a task with a typed reason, and ask a person about it."""
    move(tx, a, task, "block", "blocked", by=by, reason=reason, history_round=round_id)
    if ask:
        kind, _colon, text = reason.partition(":")
        suggestions = [f"tt task unblock {task['id']}", f"tt task requeue {task['id']}", f"tt task cancel {task['id']}"]
        open_attention(tx, kind, task["id"], text.strip() or kind, suggestions)


def fresh_start() -> Fields:
    """Counters that a person's decision sets back."""
    return {"crashes": 0, "reminders": 0, "contexts": 0, "gate_tries": 0, "rejections": 0, "rounds": 0, "not_before": 0}


def order(tx: Tx, a: Args, task: Fields, verb: str, by: str, **args: Any) -> bool:
    """Record what a person wants of a task whose round goes on; says whether there is such a round.

    The node ends the round, and the script that records its end applies the order.
    """
    if not task.get("round_id") or not request_end(tx, task["round_id"], "order"):
        return False
    check(tx, a, "task", task, verb)
    task["order"] = {"verb": verb, "by": by, **{name: value for name, value in args.items() if value is not None}}
    task["updated_at"] = tx.now
    tx.push(f"history:{task['id']}", {"at": tx.now, "verb": f"order {verb}", "by": by})
    tx.event("task.ordered", task_id=task["id"], round_id=task["round_id"], detail=verb)
    return True

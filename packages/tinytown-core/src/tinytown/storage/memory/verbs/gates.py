"""The verbs of gate runs, which are rounds too."""

from __future__ import annotations

from tinytown.storage.memory.changes import count_completed
from tinytown.storage.memory.moves import block, index, move
from tinytown.storage.memory.rules import Args, find, owner
from tinytown.storage.memory.tx import Fields, Tx, items
from tinytown.storage.memory.verbs.round_end import apply_order, reject


def gate_take(tx: Tx, a: Args) -> Fields:
    """Begin the next gate of a task that verifies; the same round id gives the same answer again."""
    known = tx.load("round", a["round_id"])
    if known is not None:
        if known["kind"] != "gate" or known["task_id"] != a["task_id"]:
            tx.refuse("stale_round", round_id=known["id"], detail=f"it is not a gate of `{a['task_id']}`")
        return {"round": known, "task": tx.load("task", known["task_id"])}
    owner(tx, a)
    task = tx.load("task", a["task_id"])
    mine = task is not None and task["state"] == "verifying" and task.get("gate_node") == a["node_id"]
    if task is None or not mine or task.get("round_id") or not task.get("gates_left"):
        tx.zrem(f"verify:{a['node_id']}", a["task_id"])
        return {"nothing": "not_verifying"}
    wait_until = task.get("not_before") or 0
    if wait_until > tx.now and wait_until - tx.now <= a["max_backoff_ms"]:
        return {"nothing": "later"}
    task["head"] = a.get("head") or task.get("head")
    live = tx.make(
        "round",
        a["round_id"],
        {
            "agent": task.get("agent"),
            "agent_id": task.get("agent_id"),
            "kind": "gate",
            "state": "live",
            "gate": task["gates_left"][0]["name"],
            "task_id": task["id"],
            "attempt": task.get("attempt"),
            "node": a["node_id"],
            "workspace": a.get("workspace"),
            "head_before": task["head"],
            "started_at": tx.now,
        },
    )
    tx.sadd("live", live["id"])
    tx.zrem(f"verify:{a['node_id']}", task["id"])
    task["round_id"] = live["id"]
    tx.event("gate.started", round_id=live["id"], task_id=task["id"], detail=live["gate"], new="live")
    return {"round": live, "task": task}


def gate_end(tx: Tx, a: Args) -> Fields:
    """Record how a gate ended: pass, reject, unavailable or lost. The same end again changes nothing."""
    live = find(tx, "round", a["round_id"])
    if live["kind"] != "gate":
        tx.refuse("stale_round", round_id=live["id"], detail="it is not the round of a gate")
    task = tx.load("task", live.get("task_id"))
    if live["state"] == "ended":
        return {"round": live, "task": task}
    owner(tx, a)
    for key in ("outcome", "detail", "exit_code", "log", "workspace", "head_after"):
        if a.get(key) is not None:
            live[key] = a[key]
    live["state"], live["ended_at"] = "ended", tx.now
    tx.srem("live", live["id"])
    tx.srem(f"ends:{live['node']}", live["id"])
    result = a["result"]
    past = {"pass": "gate.passed", "reject": "gate.failed", "unavailable": "gate.unavailable", "lost": "gate.lost"}
    tx.event(past[result], round_id=live["id"], task_id=live["task_id"], detail=live["gate"], old="live", new="ended")
    if task is not None and task.get("round_id") == live["id"]:
        task["round_id"] = None
        ordered = task.get("order")
        if ordered:
            task["order"] = None
            apply_order(tx, a, task, ordered)
        else:
            _judge(tx, a, live, task)
    return {"round": live, "task": task}


def _judge(tx: Tx, a: Args, live: Fields, task: Fields) -> None:
    by, result = f"gate {live['gate']}", a["result"]
    if result == "pass":
        left = task["gates_left"][1:]
        evidence = [*items(task.get("evidence")), *([a["evidence"]] if a.get("evidence") else [])]
        if left:
            move(
                tx, a, task, "pass", "verifying", by=by, gates_left=left, evidence=evidence, gate_tries=0, not_before=0
            )
        else:
            move(tx, a, task, "pass", "completed", by=by, gates_left=None, evidence=evidence)
            count_completed(tx, task)
    elif result == "reject":
        reject(tx, a, task, a["findings"], by=by)
    elif result == "lost":
        index(tx, task)
    else:
        tries = (task.get("gate_tries") or 0) + 1
        task["gate_tries"] = tries
        if tries >= a["limits"]["gate_tries"]:
            block(tx, a, task, f"gate_unavailable: `{live['gate']}`: {a.get('detail') or 'it could not run'}", by=by)
        else:
            wait = a["limits"]["backoff_ms"] * 2 ** (tries - 1)
            task["not_before"] = tx.now + wait
            index(tx, task)


VERBS = {"gate_take": gate_take, "gate_end": gate_end}

"""The verbs of nodes: a lease with a nonce and a beat, and what the node has to do next."""

from __future__ import annotations

from tinytown.storage.memory.rules import LONGEST_WAIT_MS, Args, has_work, owner, wake
from tinytown.storage.memory.tx import Fields, Tx
from tinytown.storage.memory.verbs.mail import expire_due

PULLED_AT_ONCE = 64
TASKS_LOOKED_AT = 20


def node_join(tx: Tx, a: Args) -> Fields:
    """Take the node's lease. Another process's is taken only if it is known to be gone (``force``)."""
    node = tx.load("node", a["id"])
    if node is not None and node["state"] != "down" and node["nonce"] != a["nonce"] and not a.get("force"):
        tx.refuse(
            "node_taken",
            detail=f"node `{node['name']}` is run by process {node['pid']} on {node['host']}",
            hint="stop it with `tt stop`, or wait until it has not beaten for 45 seconds",
        )
    old = node["state"] if node else None
    set_back = node is not None and node["beat_at"] > tx.now
    if node is None:
        node = tx.make("node", a["id"], {})
        tx.sadd("nodes", a["id"])
    again = node.get("nonce") == a["nonce"]
    node.update({key: a[key] for key in ("name", "pid", "host", "nonce", "capacity")})
    node.update(state="up", beat=(node.get("beat") or 0) + 1, beat_at=tx.now)
    if not again:
        node["started_at"] = tx.now
        tx.event("node.joined", node_id=node["id"], old=old, new="up")
    return {"node": node, "rounds": _live_rounds(tx, node["id"]), "set_back": set_back or None}


def _live_rounds(tx: Tx, node_id: str) -> list[Fields]:
    rounds = [tx.load("round", ref) for ref in tx.smembers("live")]
    return [live for live in rounds if live is not None and live.get("node") == node_id]


def node_beat(tx: Tx, a: Args) -> Fields:
    """Show that the node lives."""
    node = owner(tx, a)
    node.update(beat=(node.get("beat") or 0) + 1, beat_at=tx.now, running=a["running"])
    return {"node": node}


def node_leave(tx: Tx, a: Args) -> Fields:
    """Say that the node ends its rounds (``stopping``), or has ended (``down``)."""
    node = owner(tx, a)
    if node["state"] != a["state"]:
        tx.event("node." + a["state"], node_id=node["id"], old=node["state"], new=a["state"])
        node.update(state=a["state"], running=None if a["state"] == "down" else node.get("running"))
    return {"node": node}


def node_pull(tx: Tx, a: Args) -> Fields:
    """List what the node has to do now, and when there will be more."""
    node_id, now = a["node_id"], tx.now + 1
    due = tx.zrange(f"due:{node_id}", PULLED_AT_ONCE, upto=now)
    verify = tx.zrange(f"verify:{node_id}", PULLED_AT_ONCE, upto=now)
    later = [*tx.zrange(f"due:{node_id}", 1, after=now), *tx.zrange(f"verify:{node_id}", 1, after=now)]
    when = [score for ref in later for key in ("due", "verify") if (score := tx.zscore(f"{key}:{node_id}", ref))]
    agents = [agent for ref in due if (agent := tx.load("agent", ref))]
    return {
        "due": [{"id": agent["id"], "state": agent["state"], "incarnation": agent["incarnation"]} for agent in agents],
        "verify": verify,
        "ends": tx.smembers(f"ends:{node_id}"),
        "next_at": min(when) if when else None,
        "freed": tx.zcard("freed"),
        "backlog": tx.zcard("tasks:pending"),
        "now": tx.now,
    }


def node_reconcile(tx: Tx, a: Args) -> Fields:
    """Compare what is due with the queues and mail of some agents, repair what was forgotten, and expire old mail.

    With ``set_back``, because the server's clock was, all that waits for a time goes on.
    """
    owner(tx, a)
    repaired: list[str] = []
    latest = tx.now if a.get("set_back") else tx.now + LONGEST_WAIT_MS
    page = tx.zrange("agents", a["limit"], after=a.get("after"))
    for ref in page:
        agent = tx.load("agent", ref)
        if agent is None or agent.get("node") != a["node_id"]:
            continue
        if a.get("set_back"):
            _forget_waits(tx, agent)
        if agent["state"] not in {"cold", "idle"}:
            continue
        wanted = agent["wanted"] in {"run", "draining"} and (agent["state"] == "cold" or has_work(tx, agent))
        if wanted and _misplaced(tx, agent, latest):
            wake(tx, agent)
            repaired.append(ref)
    verifying = tx.zrange("tasks:verifying", a["limit"], after=a.get("after_task"))
    for ref in verifying:
        task = tx.load("task", ref)
        if task is None or task.get("gate_node") != a["node_id"] or task.get("round_id"):
            continue
        score = tx.zscore(f"verify:{a['node_id']}", ref)
        if score is None or score > latest:
            _forget_wait(tx, task)
            tx.zadd(f"verify:{a['node_id']}", 0, ref)
            tx.bell(a["node_id"])
            repaired.append(ref)
    expire_due(tx, a["limit"])
    if repaired:
        tx.event("node.repaired", node_id=a["node_id"], detail=", ".join(repaired)[:500])
    return {
        "repaired": repaired,
        "after": _page_end(tx, "agents", page, a["limit"]),
        "after_task": _page_end(tx, "tasks:verifying", verifying, a["limit"]),
    }


def _page_end(tx: Tx, index: str, page: list[str], limit: int) -> float | None:
    """Say where the next page begins; None at the end, so that the walk begins anew."""
    return tx.zscore(index, page[-1]) if len(page) == limit else None


def _forget_waits(tx: Tx, agent: Fields) -> None:
    """After the clock was set back nobody knows how much of a wait is left, so what waited may go on.

    A parked account is probed by one round.
    """
    _forget_wait(tx, agent)
    for ref in tx.zrange(f"queue:{agent['id']}", TASKS_LOOKED_AT):
        task = tx.load("task", ref)
        if task is not None:
            _forget_wait(tx, task)
    account = f"parked:{agent.get('account') or agent['id']}"
    if (tx.hget(account, "until") or 0) > tx.now:
        tx.hset(account, "until", 1)


def _forget_wait(tx: Tx, record: Fields) -> None:
    if (record.get("not_before") or 0) > tx.now:
        record["not_before"] = None


def _misplaced(tx: Tx, agent: Fields, latest: int) -> bool:
    """An agent with something to do is missing, or stands there for a time of a clock that was wrong."""
    score = tx.zscore(f"due:{agent['node']}", agent["id"])
    parked = (tx.hget(f"parked:{agent.get('account') or agent['id']}", "until") or 0) > tx.now
    return score is None or (score > latest and not parked)


VERBS = {
    "node_join": node_join,
    "node_beat": node_beat,
    "node_leave": node_leave,
    "node_pull": node_pull,
    "node_reconcile": node_reconcile,
}

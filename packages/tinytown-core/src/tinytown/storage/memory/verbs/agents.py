"""The verbs of agents: what commands want of them, and what their node says of them."""

from __future__ import annotations

from tinytown.storage.memory.rules import (
    Args,
    acting_round,
    actor,
    check,
    close_attention,
    find,
    forget_parked,
    has_work,
    open_attention,
    owner,
    present,
    request_end,
    settle,
    unwake,
    wake,
)
from tinytown.storage.memory.tx import Fields, Tx

WOKEN_AT_ONCE = 1000
"""Agents of a node that are looked at when an account is free again; who is left out waits for an hour."""
SPREAD_MS = 2000
"""Within this time they begin, so that they do not run into the limit together."""


def agent_spawn(tx: Tx, a: Args) -> Fields:
    """Register an agent, or begin a new life of one that has stopped."""
    by = actor(acting_round(tx, a), a)
    parent = present(tx, a["parent"])["id"] if a.get("parent") else None
    known = tx.load("agent", tx.hget("names", a["name"]))
    if known is not None and (known["name"] != a["name"] or not _ended(known)):
        tx.refuse("name_taken", name=a["name"])
    nick_owner = tx.hget("names", a["nickname"]) if a.get("nickname") else None
    if nick_owner and (known is None or nick_owner != known["id"]):
        tx.refuse("name_taken", name=a["nickname"])
    given = {key: a.get(key) for key in ("nickname", "model", "max_rounds", "workspace", "base", "account", "node")}
    given |= {"role": a.get("role") or "worker", "cli": a["cli"], "parent_id": parent}
    if known is None:
        agent = tx.make("agent", a["id"], {"name": a["name"], "incarnation": 1, "created_at": tx.now, **given})
        tx.zadd("agents", agent["seq"], agent["id"])
    else:
        agent = known
        free_names(tx, agent)
        if agent.get("node"):
            tx.zrem(f"hosted:{agent['node']}", agent["id"])
        new_life(tx, agent)
        agent.update(given)
    tx.zadd(f"hosted:{agent['node']}", agent["seq"], agent["id"])
    tx.hset("names", agent["name"], agent["id"])
    if agent.get("nickname"):
        tx.hset("names", agent["nickname"], agent["id"])
    agent["state"], agent["wanted"], agent["last_active_at"] = "cold", "run", tx.now
    tx.event("agent.spawned", agent_id=agent["id"], new="cold", detail=by)
    wake(tx, agent)
    return {"agent": view(tx, agent)}


def free_names(tx: Tx, agent: Fields) -> None:
    """Let go of an agent's name and nickname."""
    for name in (agent["name"], agent.get("nickname")):
        if name:
            tx.hdel("names", name)


def _ended(agent: Fields) -> bool:
    return not agent.get("round_id") and agent["state"] in {"stopped", "error"}


def new_life(tx: Tx, agent: Fields) -> None:
    """Count a new incarnation; what the last one could not do is forgotten."""
    agent["incarnation"] += 1
    agent.update(failures=None, not_before=None, reason=None, mail_rounds=None, rounds_completed=None)
    agent.update(session_id=None, session_task=None, session_usage=None)
    unpark(tx, agent)
    for kind in ("agent_error", "auth_required", "start_failed", "mail_loop"):
        close_attention(tx, kind, agent["id"], "answered")


def unpark(tx: Tx, agent: Fields) -> None:
    """Let an agent's account be tried again by one round, and wake the others that share it."""
    account = f"parked:{agent.get('account') or agent['id']}"
    if tx.hget(account, "until") is None:
        return
    tx.hset(account, "until", 1)
    tx.hdel(account, "probe")
    tx.hdel(account, "tries")
    wake_parked(tx, agent)


def wake_parked(tx: Tx, agent: Fields, *, spread: bool = False) -> None:
    """Let the agents of an account that waited for it come, all at once or one after the other."""
    if agent.get("node"):
        for ref in tx.zrange(f"due:{agent['node']}", WOKEN_AT_ONCE, after=tx.now):
            waiting = tx.load("agent", ref)
            if waiting is not None and waiting.get("account") == agent.get("account") and has_work(tx, waiting):
                wake(tx, waiting, at=tx.now + _delay(ref) if spread else 0)


def _delay(ref: str) -> int:
    """Milliseconds that tell agents apart: of an id always the same, so that a repeated verb does the same."""
    value = 0
    for byte in ref.encode():
        value = (value * 31 + byte) % SPREAD_MS
    return value


def view(tx: Tx, agent: Fields) -> Fields:
    """An agent with the counts of its queue and mail."""
    ref = agent["id"]
    return {
        **agent,
        "urgent_mail": tx.zcard(f"lane:{ref}:urgent"),
        "mail": tx.zcard(f"lane:{ref}:normal") + tx.zcard(f"lane:{ref}:urgent"),
        "waking_mail": tx.scard(f"waking:{ref}"),
        "queued_tasks": tx.zcard(f"queue:{ref}"),
        "open_tasks": tx.zcard(f"mine:{ref}"),
    }


_WANTED = {"interrupt": "paused", "resume": "run", "close": "draining", "kill": "stopped", "restart": "run"}


def agent_want(tx: Tx, a: Args) -> Fields:
    """Change what people want of an agent: interrupt, resume, close, kill or restart it."""
    by = actor(acting_round(tx, a), a)
    agent, verb = present(tx, a["agent"]), a["verb"]
    if not agent.get("cli"):
        tx.refuse("not_an_agent", detail="the conductor is a mailbox; it has no process to change")
    check(tx, a, "wanted", agent, verb, field="wanted")
    if a.get("only_error") and agent["state"] != "error":
        return {"agent": view(tx, agent), "ending": False}
    if (
        verb in {"interrupt", "resume", "close"}
        and agent["state"] in {"stopped", "error"}
        and not agent.get("round_id")
    ):
        tx.refuse(
            "agent_ends",
            detail=f"agent `{agent['name']}` is {agent['state']}",
            hint=f"start it again with `tt restart {agent['name']}`",
        )
    old, agent["wanted"] = agent["wanted"], _WANTED[verb]
    tx.event(f"agent.{verb}", agent_id=agent["id"], old=old, new=agent["wanted"], detail=by)
    live = bool(agent.get("round_id"))
    if verb in {"interrupt", "kill", "restart"} and live:
        request_end(tx, agent["round_id"], verb)
    if verb == "restart" and live:
        agent["restarting"] = True
    elif verb == "restart":
        unwake(tx, agent)
        new_life(tx, agent)
        tx.event("agent.restarted", agent_id=agent["id"], old=agent["state"], new="cold")
        agent["state"] = "cold"
    elif verb == "kill":
        agent["restarting"] = None
    if not live:
        settle(tx, agent)
    return {"agent": view(tx, agent), "ending": live and verb in {"interrupt", "kill", "restart"}}


def agent_ready(tx: Tx, a: Args) -> Fields:
    """The node has prepared an agent: from now on it can take rounds."""
    owner(tx, a)
    agent = find(tx, "agent", a["agent_id"])
    if agent["state"] != "cold" or agent["incarnation"] != a["incarnation"]:
        return {"agent": view(tx, agent)}
    agent["state"], agent["account"] = "idle", a.get("account") or agent.get("account")
    if agent["account"]:
        forget_parked(tx, agent["id"])
    tx.event("agent.ready", agent_id=agent["id"], node_id=a["node_id"], old="cold", new="idle")
    unwake(tx, agent)
    settle(tx, agent)
    return {"agent": view(tx, agent)}


def agent_error(tx: Tx, a: Args) -> Fields:
    """The node cannot start an agent; a person must look at it."""
    owner(tx, a)
    agent = find(tx, "agent", a["agent_id"])
    if agent["state"] not in {"cold", "idle"} or agent["incarnation"] != a["incarnation"]:
        return {"agent": view(tx, agent)}
    give_up(tx, agent, "start_failed", a["reason"])
    return {"agent": view(tx, agent)}


def give_up(tx: Tx, agent: Fields, kind: str, reason: str) -> None:
    """An agent cannot go on until a person has done something."""
    old, agent["state"], agent["reason"] = agent["state"], "error", reason
    unwake(tx, agent)
    tx.event("agent.error", agent_id=agent["id"], old=old, new="error", detail=reason)
    open_attention(tx, kind, agent["id"], reason, [f"tt restart {agent['name']}", f"tt why {agent['name']}"])


VERBS = {"agent_spawn": agent_spawn, "agent_want": agent_want, "agent_ready": agent_ready, "agent_error": agent_error}

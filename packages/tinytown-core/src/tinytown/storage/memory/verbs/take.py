"""Handing work to an agent: the task, the mail and the record of the round, in one script."""

from __future__ import annotations

from tinytown.storage.memory.moves import block, move
from tinytown.storage.memory.rules import Args, open_attention, owner, postpone, settle, spent, stop_spent, unwake
from tinytown.storage.memory.tx import Fields, Tx, items
from tinytown.storage.memory.verbs.agents import view
from tinytown.storage.memory.verbs.budget import over_budget, reserve
from tinytown.storage.memory.verbs.mail import dequeue, expire, trace, wakes

TASKS_LOOKED_AT = 20
MAIL_LOOKED_AT = 50
ALONE_FROM = 2
"""A message that was in so many counted failures is handed out alone."""
HOUR_MS = 3_600_000
ROUNDS_KEPT = 100
BACKLOG_SHOWN = 8


def round_take(tx: Tx, a: Args) -> Fields:
    """Begin a round for an agent that has something to do; the same round id gives the same bundle again."""
    known = tx.load("round", a["round_id"])
    if known is not None:
        if known["kind"] != "work" or known["agent_id"] != a["agent_id"]:
            tx.refuse("stale_round", round_id=known["id"], detail=f"it is not a round of `{a['agent_id']}`")
        return _bundle(tx, known)
    owner(tx, a)
    agent = tx.load("agent", a["agent_id"])
    if agent is None:
        tx.zrem(f"due:{a['node_id']}", a["agent_id"])
        return {"nothing": "gone"}
    hindrance = _hindrance(tx, a, agent)
    if hindrance:
        return {"nothing": hindrance}
    task, later = _next_task(tx, a, agent)
    mail = _next_mail(tx, a, agent)
    if task is None and not any(wakes(message) for message in mail):
        if later:
            postpone(tx, agent, later)
            return {"nothing": "later"}
        unwake(tx, agent)
        settle(tx, agent)
        return {"nothing": "idle"}
    if over_budget(tx, a, agent):
        return {"nothing": "budget"}
    if task is None and not _may_talk(tx, a, agent):
        return {"nothing": "mail_loop"}
    return _bundle(tx, _begin(tx, a, agent, task, mail))


def _hindrance(tx: Tx, a: Args, agent: Fields) -> str | None:
    """Say why an agent may not begin a round now, and put it where that is noticed when it changes."""
    if agent["state"] != "idle" or agent["wanted"] not in {"run", "draining"} or agent.get("node") != a["node_id"]:
        unwake(tx, agent)
        tx.zrem(f"due:{a['node_id']}", agent["id"])
        settle(tx, agent)
        return "not_idle"
    if spent(agent):
        stop_spent(tx, agent)
        return "max_rounds"
    wait_until = agent.get("not_before") or 0
    if wait_until > tx.now and wait_until - tx.now <= a["max_backoff_ms"]:
        postpone(tx, agent, wait_until)
        return "backoff"
    account = f"parked:{agent.get('account') or agent['id']}"
    until = tx.hget(account, "until")
    if until is not None:
        probe = tx.load("round", tx.hget(account, "probe"))
        if until == 0 or until > tx.now or (probe is not None and probe["state"] == "live"):
            postpone(tx, agent, until if until > tx.now else tx.now + a["max_backoff_ms"])
            return "parked"
        tx.hset(account, "probe", a["round_id"])
    return None


def _next_task(tx: Tx, a: Args, agent: Fields) -> tuple[Fields | None, float | None]:
    """Choose the oldest task of the queue that need not wait; else say when the first may begin."""
    later: float | None = None
    for ref in tx.zrange(f"queue:{agent['id']}", TASKS_LOOKED_AT):
        task = tx.load("task", ref)
        if task is None:
            continue
        wait_until = task.get("not_before") or 0
        if wait_until > tx.now and wait_until - tx.now <= a["max_backoff_ms"]:
            later = wait_until if later is None else min(later, wait_until)
        elif (task.get("rounds") or 0) >= a["max_rounds_per_task"]:
            block(tx, a, task, f"too_many_rounds: {task['rounds']} rounds did not finish it", by="town")
        else:
            return task, None
    return None, later


def _next_mail(tx: Tx, a: Args, agent: Fields) -> list[Fields]:
    """Choose mail, urgent first, while it fits; at least one; suspicious messages alone."""
    chosen: list[Fields] = []
    size = 0
    most = agent.get("mail_limit") or MAIL_LOOKED_AT
    for name in ("urgent", "normal"):
        for ref in tx.zrange(f"lane:{agent['id']}:{name}", MAIL_LOOKED_AT):
            message = tx.load("message", ref)
            if message is None:
                continue
            if message.get("expires_at") and message["expires_at"] <= tx.now:
                expire(tx, message)
                continue
            suspicious = (message.get("deliveries") or 0) >= ALONE_FROM
            if suspicious and not chosen:
                return [message]
            size += min(len(message["body"].encode()), a["inline_bytes"])
            if suspicious or (chosen and size > a["budget_bytes"]) or len(chosen) >= most:
                return chosen
            chosen.append(message)
    return chosen


def _may_talk(tx: Tx, a: Args, agent: Fields) -> bool:
    """Rounds without a task are limited by the hour, so that agents do not thank each other all night."""
    recent = [at for at in items(agent.get("mail_rounds")) if tx.now - HOUR_MS < at <= tx.now]
    if len(recent) >= a["mail_rounds_per_hour"]:
        postpone(tx, agent, recent[0] + HOUR_MS)
        text = f"`{agent['name']}` had {len(recent)} rounds without a task within an hour; its mail waits"
        open_attention(tx, "mail_loop", agent["id"], text, [f"tt inbox {agent['name']}", f"tt restart {agent['name']}"])
        return False
    agent["mail_rounds"] = [*recent, tx.now]
    return True


def _begin(tx: Tx, a: Args, agent: Fields, task: Fields | None, mail: list[Fields]) -> Fields:
    """Write the round; from here on it exists, whatever happens to the node."""
    number = (agent.get("round_number") or 0) + 1
    live = tx.make(
        "round",
        a["round_id"],
        {
            "agent": agent["name"],
            "agent_id": agent["id"],
            "incarnation": agent["incarnation"],
            "number": number,
            "kind": "work",
            "state": "live",
            "task_id": task["id"] if task else None,
            "attempt": (task.get("attempt") or 0) + 1 if task else None,
            "node": a["node_id"],
            "messages": [message["id"] for message in mail] or None,
            "started_at": tx.now,
        },
    )
    reserve(tx, a, live)
    tx.sadd("live", live["id"])
    rounds = f"rounds:{agent['id']}"
    tx.zadd(rounds, number, live["id"])
    for old in tx.zrange(rounds, 1, upto=number - ROUNDS_KEPT):
        tx.zrem(rounds, old)
    unwake(tx, agent)
    agent.update(
        state="working", round_id=live["id"], task_id=live["task_id"], round_number=number, last_active_at=tx.now
    )
    tx.event("round.started", round_id=live["id"], agent_id=agent["id"], task_id=live["task_id"], new="live")
    if task is not None:
        begun = {"attempt": live["attempt"], "rounds": (task.get("rounds") or 0) + 1, "round_id": live["id"]}
        begun["started_at"] = task.get("started_at") or tx.now
        tx.acting = live
        move(tx, a, task, "start", "running", by=agent["name"], history_round=live["id"], **begun)
    for message in mail:
        dequeue(tx, message)
        message["state"], message["deliveries"] = "delivered", (message.get("deliveries") or 0) + 1
        trace(tx, message, "delivered", agent["name"], live["id"], by_id=agent["id"], node_id=a["node_id"])
    return live


def _bundle(tx: Tx, live: Fields) -> Fields:
    """Everything that the prompt of a round is made of."""
    agent = tx.load("agent", live["agent_id"])
    mail = [tx.load("message", ref) for ref in items(live.get("messages"))]
    backlog: list[Fields] = []
    if agent is not None:
        for role in dict.fromkeys((agent["role"], "")):
            backlog += [task for ref in tx.zrange(f"backlog:{role}", BACKLOG_SHOWN) if (task := tx.load("task", ref))]
    return {
        "round": live,
        "agent": view(tx, agent) if agent else None,
        "task": tx.load("task", live.get("task_id")),
        "messages": [message for message in mail if message is not None],
        "backlog": backlog[:BACKLOG_SHOWN],
    }


VERBS = {"round_take": round_take}

"""What several verbs share: who is acting, what a reference names, waking agents, items for people."""

from __future__ import annotations

from typing import Any

from tinytown.domain.ids import CONDUCTOR_ID, IdKind
from tinytown.storage.memory.tx import Fields, Tx

Args = dict[str, Any]

CANDIDATES_SHOWN = 6
LONGEST_WAIT_MS = 3_600_000
"""No pause is longer, so a time beyond it is of a clock that was wrong."""


def check(tx: Tx, a: Args, kind: str, record: Fields, verb: str, *, field: str = "state") -> None:
    """Refuse a verb that the table of the record does not allow from its present state."""
    allowed = a["from"][f"{kind}.{verb}"]
    if record.get(field) not in allowed:
        tx.refuse(
            "wrong_state",
            kind=kind,
            id=record["id"],
            state=record.get(field),
            verb=verb,
            allowed=", ".join(allowed),
        )


def resolve(tx: Tx, kind: str, ref: str) -> str:
    """Give the id that a reference names: an id, a unique beginning of one, or an agent's name, nickname or label.

    An exact match beats a beginning. The conductor's two names are one mailbox.
    """
    text = ref.strip().lower()
    if kind == "agent":
        if text in {"conductor", "supervisor"}:
            return CONDUCTOR_ID
        named = tx.hget("names", text.partition(" [")[0])
        if named:
            return str(named)
    if text and tx.zscore("ids", text) is not None:
        if tx.load(kind, text) is None:
            tx.refuse("not_found", kind=kind, ref=ref)
        return text
    letter = {"agent": "a-", "task": "t-", "message": "m-", "round": "r-", "attention": "q-", "node": "n-"}[kind]
    found = tx.zlex("ids", text, CANDIDATES_SHOWN) if text.startswith(letter) and len(text) > len(letter) else []
    if len(found) > 1:
        tx.refuse("ambiguous", ref=ref, candidates=found)
    if not found:
        tx.refuse("not_found", kind=kind, ref=ref)
    return found[0]


def find(tx: Tx, kind: str, ref: str) -> Fields:
    """Load the record that a reference names, or refuse."""
    record = tx.load(kind, resolve(tx, kind, ref))
    if record is None:
        tx.refuse("not_found", kind=kind, ref=ref)
    return record


def present(tx: Tx, ref: str) -> Fields:
    """Find an agent that has not been removed: only such a one can be given anything."""
    agent = find(tx, "agent", ref)
    if agent["state"] == "removed":
        hint = f"it was removed; `tt spawn {agent['name']}` makes a new one"
        tx.refuse("not_found", kind="agent", ref=ref, hint=hint)
    return agent


def acting_round(tx: Tx, a: Args) -> Fields | None:
    """Give the live round that a write comes from, or None for a person; refuse a round that is over."""
    if not a.get("round_id"):
        return None
    acting = tx.load("round", a["round_id"])
    if acting is None or acting["state"] != "live" or acting["kind"] != "work":
        tx.refuse("stale_round", round_id=a["round_id"], detail="it is over")
    tx.acting = acting
    return acting


def person(tx: Tx, a: Args, verb: str, what: str = "a task") -> str:
    """Name who acts, who must be a person, the conductor or the town: what happens to others' work is not a round's."""
    if a.get("round_id"):
        acting_round(tx, a)
        tx.refuse(
            "people_only",
            detail=f"a round may not {verb} {what}",
            hint="say what you need with `tt send conductor`, or `tt task block` your own task",
        )
    return actor(None, a)


def own_task(tx: Tx, acting: Fields, task: Fields) -> None:
    """Refuse a round that speaks of a task that is not its own."""
    if acting.get("task_id") != task["id"]:
        tx.refuse("stale_round", round_id=acting["id"], detail=f"`{task['id']}` is not its task")


def actor(acting: Fields | None, a: Args) -> str:
    """Name who acts, for the history."""
    return str(acting["agent"]) if acting else str(a.get("by") or "person")


def actor_id(acting: Fields | None, a: Args) -> str | None:
    """Give the id of who acts, for the history; a person has none."""
    return str(acting["agent_id"]) if acting else CONDUCTOR_ID if a.get("by") == "conductor" else None


def has_work(tx: Tx, agent: Fields) -> bool:
    """Say whether an agent has a task in its queue or mail that starts a round."""
    return tx.zcard(f"queue:{agent['id']}") > 0 or tx.scard(f"waking:{agent['id']}") > 0


def wake(tx: Tx, agent: Fields, *, at: int = 0) -> None:
    """Put an agent on its node's list of those that have something to do, and ring the bell.

    Only an agent that may start a round is put there; the others are when they may again.
    """
    node = agent.get("node")
    if not node or agent["wanted"] not in {"run", "draining"} or agent["state"] not in {"cold", "idle"}:
        return
    when = max(at, agent.get("not_before") or 0, 0)
    due = f"due:{node}"
    if when <= tx.now or when > tx.now + LONGEST_WAIT_MS:
        # Whoever was woken first comes first: a place in the queue is a number far below any time.
        place = tx.zscore(due, agent["id"])
        when = place if place is not None and place <= tx.now else tx.next_seq()
    tx.zadd(due, when, agent["id"])
    tx.zrem(f"idle:{node}", agent["id"])
    tx.bell(node)


def unwake(tx: Tx, agent: Fields) -> None:
    """Take an agent off its node's lists of those that have something to do, and of those that could have."""
    if agent.get("node"):
        tx.zrem(f"due:{agent['node']}", agent["id"])
        tx.zrem(f"idle:{agent['node']}", agent["id"])


def postpone(tx: Tx, agent: Fields, at: float) -> None:
    """An agent may not begin a round before a time; until then it could take no other work either."""
    tx.zadd(f"due:{agent['node']}", at, agent["id"])
    tx.zrem(f"idle:{agent['node']}", agent["id"])


def request_end(tx: Tx, round_id: str | None, why: str) -> bool:
    """Ask the node to end a live round. Says whether there was one."""
    live = tx.load("round", round_id)
    if live is None or live["state"] != "live":
        return False
    live["end_requested"] = why
    if live.get("node"):
        tx.sadd(f"ends:{live['node']}", live["id"])
        tx.bell(live["node"], said=live if why == "verdict" else None)
    return True


def spent(agent: Fields) -> bool:
    """Say whether an idle agent has had all the rounds it was given."""
    limit = agent.get("max_rounds")
    return bool(limit) and agent["state"] == "idle" and (agent.get("rounds_completed") or 0) >= limit


def leave_nothing(tx: Tx, agent: Fields) -> None:
    """Forget what only a living agent needs: questions about it, and a limit that is not shared with others."""
    alone = not agent.get("account")
    for kind in ("mail_loop", "disk_full", "agent_error", "start_failed", *(("auth_required",) if alone else ())):
        close_attention(tx, kind, agent["id"], "dismissed")
    if alone:
        forget_parked(tx, agent["id"])


def forget_parked(tx: Tx, account: str) -> None:
    """Drop all that is known of an account that waits."""
    for field in ("until", "probe", "tries", "asked"):
        tx.hdel(f"parked:{account}", field)


def stop_spent(tx: Tx, agent: Fields) -> None:
    """Stop an agent that has had all its rounds; what is in its queue stays there."""
    unwake(tx, agent)
    agent["state"], agent["reason"] = "stopped", "max_rounds"
    tx.event("agent.stopped", agent_id=agent["id"], old="idle", new="stopped", detail="max_rounds")
    leave_nothing(tx, agent)


def settle(tx: Tx, agent: Fields) -> None:
    """Without a live round, what people want decides: stop, or go on if there is something to do."""
    wanted = agent["wanted"]
    if agent["state"] in {"working", "removed"}:
        return
    if wanted == "stopped" or (wanted == "draining" and not has_work(tx, agent)):
        unwake(tx, agent)
        if agent["state"] != "stopped":
            tx.event("agent.stopped", agent_id=agent["id"], old=agent["state"], new="stopped")
            agent["state"] = "stopped"
            leave_nothing(tx, agent)
    elif wanted == "paused":
        unwake(tx, agent)
    elif spent(agent):
        stop_spent(tx, agent)
    elif agent["state"] == "cold" or has_work(tx, agent):
        wake(tx, agent)
    elif wanted == "run" and agent["state"] == "idle" and agent.get("node"):
        unwake(tx, agent)
        tx.zadd(f"idle:{agent['node']}", agent["last_active_at"] or 0, agent["id"])
        if tx.zcard("tasks:pending") > 0:
            tx.bell(agent["node"])


def open_attention(tx: Tx, kind: str, ref: str, text: str, suggestions: list[str]) -> None:
    """Ask a person; one open item for each kind and reference, whose text is renewed."""
    known = tx.load("attention", tx.hget("attention_by", f"{kind}:{ref}"))
    if known is not None:
        known["text"] = text
        return
    item = tx.make(
        "attention",
        tx.serial_id(IdKind.ATTENTION),
        {"kind": kind, "ref": ref, "text": text, "suggestions": suggestions, "state": "open", "created_at": tx.now},
    )
    tx.hset("attention_by", f"{kind}:{ref}", item["id"])
    tx.zadd("attention", item["seq"], item["id"])
    tx.event("attention.opened", attention_id=item["id"], detail=kind, new="open")


def close_attention(tx: Tx, kind: str, ref: str, state: str, answer: str | None = None) -> None:
    """Close the open item of a kind and reference, if there is one."""
    item = tx.load("attention", tx.hget("attention_by", f"{kind}:{ref}"))
    if item is None:
        return
    item["state"], item["answer"], item["closed_at"] = state, answer, tx.now
    tx.hdel("attention_by", f"{kind}:{ref}")
    tx.zrem("attention", item["id"])
    tx.event("attention." + state, attention_id=item["id"], detail=kind, old="open", new=state)


def owner(tx: Tx, a: Args) -> Fields:
    """Give the node that writes; refuse one that another life of the node has replaced."""
    node = tx.load("node", a["node_id"])
    if node is None or node.get("nonce") != a["nonce"]:
        tx.refuse("stale_node", node_id=a["node_id"])
    return node

"""The verbs of mail."""

from __future__ import annotations

from typing import Any

from tinytown.domain.ids import CONDUCTOR_ID, IdKind
from tinytown.storage.memory.rules import Args, acting_round, actor, actor_id, find, open_attention, present, wake
from tinytown.storage.memory.tx import Fields, Tx, items

WAKING = {"task", "query"}
LANES = ("urgent", "normal")


def trace(tx: Tx, message: Fields, verb: str, by: str, round_id: str | None = None, **more: Any) -> None:
    """Write one line of a message's history, with where it was and what did it, and the event of it."""
    entry = {"at": tx.now, "verb": verb, "new": message["state"], "by": by, "round_id": round_id, **more}
    tx.push(f"history:{message['id']}", {name: value for name, value in entry.items() if value is not None})
    tx.event(
        f"message.{verb}",
        message_id=message["id"],
        agent_id=message["to_id"],
        round_id=round_id,
        new=entry["new"],
    )


def lane(message: Fields) -> str:
    """The sorted set in which a message waits."""
    return f"lane:{message['to_id']}:{_lane_name(message)}"


def _lane_name(message: Fields) -> str:
    return "urgent" if message.get("urgent") else "normal"


def read_lanes(tx: Tx, reader: str, limit: int, after: int | None) -> tuple[list[Fields], float | None]:
    """Give one page of a mailbox, urgent mail first, and the cursor of the next one.

    A cursor is twice the number of a message's making, and one more for what is not urgent.
    """
    found: list[str] = []
    for odd, name in enumerate(LANES):
        if after is None or after % 2 == odd:
            found += tx.zrange(f"lane:{reader}:{name}", limit + 1, after=None if after is None else after // 2)
        elif odd:
            found += tx.zrange(f"lane:{reader}:{name}", limit + 1)
    last = None
    if len(found) > limit:
        ref = found[limit - 1]
        urgent = tx.zscore(f"lane:{reader}:urgent", ref)
        last = (tx.zscore(f"lane:{reader}:normal", ref) or 0) * 2 + 1 if urgent is None else urgent * 2
    return [message for ref in found[:limit] if (message := tx.load("message", ref))], last


def enqueue(tx: Tx, message: Fields) -> None:
    """Put a message into its lane, where the number of its making keeps the order."""
    tx.zadd(lane(message), message["seq"], message["id"])
    if wakes(message):
        tx.sadd(f"waking:{message['to_id']}", message["id"])
    if message.get("expires_at"):
        tx.zadd("expiring", message["expires_at"], message["id"])


def dequeue(tx: Tx, message: Fields) -> None:
    """Take a message out of its lane."""
    tx.zrem(lane(message), message["id"])
    tx.srem(f"waking:{message['to_id']}", message["id"])
    if message.get("expires_at"):
        tx.zrem("expiring", message["id"])


def wakes(message: Fields) -> bool:
    """Say whether a message starts a round; talk that went back and forth too often does not."""
    return message["kind"] in WAKING and not message.get("quiet")


def message_send(tx: Tx, a: Args) -> Fields:
    """Send mail. A reply handles what it replies to, if that was the sender's."""
    acting = acting_round(tx, a)
    by = actor(acting, a)
    to = present(tx, a["to"])
    sender_id = actor_id(acting, a)
    replied = find(tx, "message", a["reply_to"]) if a.get("reply_to") else None
    hops = (replied.get("hops") or 0) + 1 if replied else 0
    message = tx.make(
        "message",
        a["id"],
        {
            "sender": by,
            "from_id": sender_id,
            "to": to["name"],
            "to_id": to["id"],
            "kind": a["kind"],
            "urgent": 1 if a.get("urgent") else None,
            "body": a["body"],
            "state": "queued",
            "hops": hops,
            "reply_to": replied["id"] if replied else None,
            "created_at": tx.now,
            "expires_at": tx.now + a["ttl_ms"] if a.get("ttl_ms") else None,
        },
    )
    if acting and hops > a["max_hops"] and a["kind"] in WAKING:
        message["quiet"] = 1
        text = f"mail between `{by}` and `{to['name']}` went back and forth {hops} times; the last one waits"
        open_attention(tx, "mail_loop", to["id"], text, [f"tt inbox {to['name']}", f"tt why {to['name']}"])
    enqueue(tx, message)
    round_id = acting["id"] if acting else None
    trace(tx, message, "queued", by, round_id, by_id=sender_id, lane=_lane_name(message))
    # Who is no agent reads the conductor's mail, so a person's answer settles what was sent there.
    answers = replied is not None and replied["to_id"] == (acting["agent_id"] if acting else CONDUCTOR_ID)
    if replied is not None and answers and replied["state"] in {"queued", "delivered", "shown"}:
        handle(tx, replied, by, round_id, by_id=sender_id, how=f"answered by {message['id']}")
    if wakes(message):
        wake(tx, to)
    if acting is None and to.get("round_id") and message.get("urgent"):
        tx.bell(to.get("node"))
    return {"message": message, "agent": {"id": to["id"], "state": to["state"], "wanted": to["wanted"]}}


def handle(tx: Tx, message: Fields, by: str, round_id: str | None = None, **more: Any) -> None:
    """A message is dealt with."""
    dequeue(tx, message)
    if not message.get("shown_at"):
        message["shown_at"] = tx.now
    message["state"], message["handled_at"] = "handled", tx.now
    trace(tx, message, "handled", by, round_id, **more)


def message_handle(tx: Tx, a: Args) -> Fields:
    """Say that a message is dealt with; only its reader, or a person, may."""
    acting = acting_round(tx, a)
    message = find(tx, "message", a["message"])
    if acting and message["to_id"] != acting["agent_id"]:
        tx.refuse("stale_round", round_id=acting["id"], detail=f"`{message['id']}` is not its mail")
    if message["state"] != "handled":
        if message["state"] not in a["from"]["message.handle"]:
            allowed = ", ".join(a["from"]["message.handle"])
            state = message["state"]
            tx.refuse("wrong_state", kind="message", id=message["id"], state=state, verb="handle", allowed=allowed)
        how = {"by_id": actor_id(acting, a), "how": "said to be done"}
        handle(tx, message, actor(acting, a), acting["id"] if acting else None, **how)
    return {"message": message}


def inbox_show(tx: Tx, a: Args) -> Fields:
    """Show the mail of a live round's agent, or of the conductor, and mark it as shown."""
    acting = acting_round(tx, a)
    reader = acting["agent_id"] if acting else CONDUCTOR_ID
    by, round_id = actor(acting, a), acting["id"] if acting else None
    shown, last = read_lanes(tx, reader, a["limit"], a.get("after"))
    for message in shown:
        if message["state"] == "queued":
            message["state"], message["shown_at"], message["shown_in"] = "shown", tx.now, round_id
            message["deliveries"] = (message.get("deliveries") or 0) + 1
            trace(tx, message, "shown", by, round_id, by_id=actor_id(acting, a), how="tt inbox")
            tx.srem(f"waking:{reader}", message["id"])
            tx.zrem("expiring", message["id"])
        if acting:
            dequeue(tx, message)
            acting["messages"] = [*items(acting.get("messages")), message["id"]]
    return {"items": shown, "next": last}


def expire(tx: Tx, message: Fields) -> None:
    """A message was not read in time: its sender is told by mail, or a person where a person sent it."""
    dequeue(tx, message)
    message["state"] = "expired"
    trace(tx, message, "expired", "town")
    text = f"message `{message['id']}` from `{message['sender']}` to `{message['to']}` was not read in time"
    writer = tx.load("agent", message.get("from_id"))
    if writer is None or writer["state"] == "removed":
        open_attention(tx, "expired", message["id"], text, [f"tt trace {message['id']}"])
        return
    fields = {"sender": "town", "to": message["sender"], "to_id": message["from_id"], "kind": "info", "body": text}
    notice = tx.make(
        "message",
        tx.serial_id(IdKind.MESSAGE),
        {**fields, "state": "queued", "reply_to": message["id"], "created_at": tx.now},
    )
    enqueue(tx, notice)
    trace(tx, notice, "queued", "town", lane="normal")


def expire_due(tx: Tx, limit: int) -> None:
    """Expire what was not read in time, whether or not its reader ever looks."""
    for ref in tx.zrange("expiring", limit, upto=tx.now):
        message = tx.load("message", ref)
        if message is not None:
            expire(tx, message)


VERBS = {"message_send": message_send, "message_handle": message_handle, "inbox_show": inbox_show}

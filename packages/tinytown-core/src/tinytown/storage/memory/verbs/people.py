"""The verbs of the queue of what needs a person."""

from __future__ import annotations

from tinytown.domain.ids import IdKind
from tinytown.storage.memory.rules import (
    Args,
    acting_round,
    actor,
    actor_id,
    check,
    close_attention,
    find,
    settle,
    wake,
)
from tinytown.storage.memory.tx import Fields, Tx
from tinytown.storage.memory.verbs.agents import new_life, unpark
from tinytown.storage.memory.verbs.budget import look_again
from tinytown.storage.memory.verbs.mail import enqueue, trace
from tinytown.storage.memory.verbs.tasks import reopen, unblock

ABOUT_AGENTS = {"auth_required", "start_failed", "mail_loop", "agent_error", "disk_full"}
ENDED_BADLY = {"failed", "cancelled"}
QUIET_LOOKED_AT = 100


def attention_close(tx: Tx, a: Args) -> Fields:
    """Answer or dismiss an item. An answer reaches the agent and lets go on what waited."""
    by = actor(acting_round(tx, a), a)
    item = find(tx, "attention", a["attention"])
    verb, answer = a["verb"], a.get("answer")
    check(tx, a, "attention", item, verb)
    close_attention(tx, item["kind"], item["ref"], "answered" if verb == "answer" else "dismissed", answer)
    task = tx.load("task", item["ref"])
    if verb == "answer" and task is not None and task["state"] == "blocked":
        unblock(tx, a, task, answer, by)
    elif verb == "answer" and task is not None and task["state"] in ENDED_BADLY:
        reopen(tx, a, task, by)
        task["answer"] = answer
    agent = tx.load("agent", item["ref"])
    if item["kind"] in ABOUT_AGENTS and agent is not None:
        unpark(tx, agent)
        agent.update(not_before=None, mail_rounds=None)
        if verb == "answer":
            _go_on(tx, agent)
        wake(tx, agent)
    if verb == "answer" and answer:
        _tell(tx, a, item, agent, by)
    if item["kind"] == "budget_spent":
        look_again(tx)
    return {"attention": item, "task": task}


def _go_on(tx: Tx, agent: Fields) -> None:
    """An agent that could not start begins a new life, and mail that was to start no round does so after all."""
    if agent["state"] == "error" and not agent.get("round_id"):
        new_life(tx, agent)
        tx.event("agent.restarted", agent_id=agent["id"], old="error", new="cold")
        agent["state"] = "cold"
        settle(tx, agent)
    for name in ("urgent", "normal"):
        for ref in tx.zrange(f"lane:{agent['id']}:{name}", QUIET_LOOKED_AT):
            message = tx.load("message", ref)
            if message is not None and message.get("quiet"):
                message["quiet"] = None
                tx.sadd(f"waking:{agent['id']}", ref)


def _tell(tx: Tx, a: Args, item: Fields, agent: Fields | None, by: str) -> None:
    """Send an answer that belongs to no task as news: to the agent it is about, or to who wrote the mail."""
    message = tx.load("message", item["ref"])
    if message is not None:
        agent = tx.load("agent", message.get("from_id")) or tx.load("agent", message["to_id"])
    if agent is None or not agent.get("cli") or agent["state"] == "removed":
        return
    said = tx.make(
        "message",
        tx.serial_id(IdKind.MESSAGE),
        {
            "sender": by,
            "from_id": actor_id(acting_round(tx, a), a),
            "to": agent["name"],
            "to_id": agent["id"],
            "kind": "info",
            "body": f"{item['text']}\n\nThe answer: {a['answer']}",
            "state": "queued",
            "created_at": tx.now,
        },
    )
    enqueue(tx, said)
    trace(tx, said, "queued", by, None, by_id=said["from_id"], lane="normal")


VERBS = {"attention_close": attention_close}

"""The verbs of the queue of what needs a person."""

from __future__ import annotations

from tinytown.storage.memory.rules import Args, acting_round, actor, check, close_attention, find, wake
from tinytown.storage.memory.tx import Fields, Tx
from tinytown.storage.memory.verbs.agents import unpark
from tinytown.storage.memory.verbs.budget import look_again
from tinytown.storage.memory.verbs.tasks import unblock

ABOUT_AGENTS = {"auth_required", "start_failed", "mail_loop", "agent_error", "disk_full"}


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
    agent = tx.load("agent", item["ref"])
    if item["kind"] in ABOUT_AGENTS and agent is not None:
        unpark(tx, agent)
        agent.update(not_before=None, mail_rounds=None)
        wake(tx, agent)
    if item["kind"] == "budget_spent":
        look_again(tx)
    return {"attention": item, "task": task}


VERBS = {"attention_close": attention_close}

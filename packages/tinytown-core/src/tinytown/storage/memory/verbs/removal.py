"""Taking agents off the books. What they have done stays on record, and what they hold is never thrown away."""

from __future__ import annotations

from tinytown.storage.memory.rules import Args, check, find, leave_nothing, person, unwake
from tinytown.storage.memory.tx import Fields, Tx
from tinytown.storage.memory.verbs.agents import free_names, view


def agent_remove(tx: Tx, a: Args) -> Fields:
    """Remove an agent that has ended and holds nothing; one that was removed before stays so."""
    person(tx, a, "remove", "an agent")
    agent = find(tx, "agent", a["agent"])
    if not agent.get("cli"):
        tx.refuse("not_an_agent", detail="the conductor is a mailbox; it cannot be removed")
    if agent["state"] == "removed":
        return {"agent": view(tx, agent)}
    check(tx, a, "agent", agent, "remove")
    shown = view(tx, agent)
    if shown["open_tasks"] > 0 or shown["mail"] > 0:
        tx.refuse(
            "agent_holds",
            detail=f"agent `{agent['name']}` still holds {shown['open_tasks']} open tasks and {shown['mail']} messages",
            hint=f"move them with `tt reclaim --from {agent['name']} --to-backlog`",
        )
    unwake(tx, agent)
    leave_nothing(tx, agent)
    free_names(tx, agent)
    tx.zrem("agents", agent["id"])
    if agent.get("node"):
        tx.zrem(f"hosted:{agent['node']}", agent["id"])
    tx.event("agent.removed", agent_id=agent["id"], old=agent["state"], new="removed", detail=agent["name"])
    agent["state"], agent["wanted"] = "removed", "stopped"
    return {"agent": view(tx, agent)}


VERBS = {"agent_remove": agent_remove}

"""Calls about agents."""

from __future__ import annotations

from tinytown.domain.records import Agent, Round
from tinytown.storage import codec
from tinytown.storage.calls._make import change, page, query, rows
from tinytown.storage.calls.answers import AgentChanged, Page
from tinytown.storage.protocol import Answer, Call


def _changed(answer: Answer) -> AgentChanged:
    return AgentChanged(agent=codec.record(Agent, answer["agent"]), ending=bool(answer.get("ending")))


def spawn(
    agent_id: str,
    name: str,
    *,
    cli: str,
    node: str,
    role: str | None = None,
    nickname: str | None = None,
    model: str | None = None,
    parent: str | None = None,
    max_rounds: int | None = None,
    workspace: str | None = None,
    base: str | None = None,
    round_id: str | None = None,
    by: str | None = None,
) -> Call[AgentChanged]:
    """Register an agent, or begin a new life of a stopped one of that name.

    Args:
        agent_id: A new id; not used when an agent of the name exists.
        name: Its name, checked and folded.
        cli: The agent CLI that runs it.
        node: The node that hosts it.
        role: Its role; ``worker`` when not given.
        nickname: A second name.
        model: The model that its CLI shall use.
        parent: The agent that it works for.
        max_rounds: After so many rounds it stops.
        workspace: ``worktree`` for one of its own; None for the town's folder.
        base: Branch or commit that its worktree begins at; None leaves it to the settings.
        round_id: The live round that spawns it.
        by: Who spawns it, where no round does.
    """
    args = {
        "id": agent_id,
        "name": name,
        "cli": cli,
        "node": node,
        "role": role,
        "nickname": nickname,
        "model": model,
        "parent": parent,
        "max_rounds": max_rounds,
        "workspace": workspace,
        "base": base,
        "round_id": round_id,
        "by": by,
    }
    return change("agent_spawn", args, _changed)


def want(
    agent: str, verb: str, *, only_error: bool = False, round_id: str | None = None, by: str | None = None
) -> Call[AgentChanged]:
    """Change what people want of an agent: ``interrupt``, ``resume``, ``close``, ``kill`` or ``restart``.

    With ``only_error`` an agent that does not stand in the state ``error`` is left as it is.
    """
    args = {"agent": agent, "verb": verb, "only_error": only_error or None, "round_id": round_id, "by": by}
    return change("agent_want", args, _changed, allowed=rows("wanted", verb))


def remove(agent: str, *, round_id: str | None = None, by: str | None = None) -> Call[Agent]:
    """Take an agent that has ended and holds nothing off the books. Removing it again answers the same."""
    args = {"agent": agent, "round_id": round_id, "by": by}
    return change(
        "agent_remove", args, lambda answer: codec.record(Agent, answer["agent"]), allowed=rows("agent", "remove")
    )


def ready(
    agent_id: str, incarnation: int, *, node_id: str, nonce: str, account: str | None = None
) -> Call[AgentChanged]:
    """The node has prepared an agent. Repeatable: only a cold agent of that incarnation changes."""
    args = {
        "agent_id": agent_id,
        "incarnation": incarnation,
        "node_id": node_id,
        "nonce": nonce,
        "account": account,
    }
    return change("agent_ready", args, _changed, natural=True)


def error(agent_id: str, incarnation: int, reason: str, *, node_id: str, nonce: str) -> Call[AgentChanged]:
    """The node cannot start an agent. Repeatable like `ready`."""
    args = {"agent_id": agent_id, "incarnation": incarnation, "reason": reason, "node_id": node_id, "nonce": nonce}
    return change("agent_error", args, _changed, natural=True)


def listing(*, after: int | None = None, limit: int = 100) -> Call[Page[Agent]]:
    """List agents by creation."""
    return query("list_agents", {"after": after, "limit": limit}, page(Agent))


def rounds(agent: str, *, limit: int = 20) -> Call[Page[Round]]:
    """List the last rounds of an agent."""
    return query("list_rounds", {"agent": agent, "limit": limit}, page(Round))

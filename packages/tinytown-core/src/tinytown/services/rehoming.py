"""A restored town in a new place: its agents belong to the node of this machine, and no round goes on as a ghost."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, cast

from tinytown.domain.gates import gates_for
from tinytown.domain.outcomes import Outcome
from tinytown.domain.records import Agent, Gate, Round, Task
from tinytown.services.steps import Steps, ask, local
from tinytown.storage.calls import agents as agent_calls
from tinytown.storage.calls import nodes as node_calls
from tinytown.storage.calls import rounds as round_calls
from tinytown.storage.calls import town as town_calls
from tinytown.storage.calls.saves import within

if TYPE_CHECKING:
    from tinytown.services.context import TownContext
    from tinytown.storage.saves.town import SavedTown

DETAIL = "the town was restored from a file"
_AGAIN = {"paused": "interrupt", "draining": "close"}
"""What is said of an agent after a restart, so that it is wanted as before."""


def move_here(context: TownContext, town: SavedTown, known: Collection[str]) -> Steps[tuple[str, ...]]:
    """Give what belongs to a node that this town does not know to the node of this machine, before it is written.

    Args:
        context: The town.
        town: What will be written; it is changed.
        known: The nodes that the town knew before.

    Returns:
        The ids of the agents that move.
    """
    own = yield from local(lambda: context.node_control.node_identity(context.paths))
    here = {own, *known}
    moved: list[str] = []
    for ref, agent in town.records["agent"].items():
        if agent.get("node", own) not in here:
            agent["node"] = own
            moved.append(ref)
    for task in town.records["task"].values():
        if task.get("gate_node", own) not in here:
            task["gate_node"] = own
    for live in town.records["round"].values():
        if live["state"] == "live" and live.get("node") not in here:
            live["node"] = own
    return tuple(moved)


def settle_restored(
    context: TownContext, town: SavedTown, token: str, moved: Collection[str]
) -> Steps[tuple[str, ...]]:
    """End the rounds that went on when the town was saved, say that its nodes are down, and renew agents that moved.

    All of it is done by the ordinary verbs, so tasks and mail go back as they do when a machine is lost, and what a
    round had said of its task counts.

    Args:
        context: The town, whose nodes have no life yet but the one that was written.
        town: What was written.
        token: The nonce of that life.
        moved: The agents that came from other machines.

    Returns:
        The ids of the rounds that were ended.
    """
    live = [ref for ref, fields in town.records["round"].items() if fields["state"] == "live"]
    own = yield from local(lambda: context.node_control.node_identity(context.paths))
    if live:
        yield from ask(within(node_calls.join(own, name="restore", pid=0, host="", nonce=token, capacity=0), token))
    for ref in sorted(live):
        yield from _end(context, ref, own, token)
    listed = yield from ask(node_calls.listing())
    for node in listed.items:
        if node.state != "down":
            yield from ask(within(node_calls.leave(node.id, token, "down"), token))
    for ref in sorted(moved):
        agent = cast("Agent", (yield from ask(town_calls.show(ref, "agent"))).record)
        if agent.state == "idle" and agent.wanted != "stopped":
            yield from ask(within(agent_calls.want(ref, "restart"), token))
            if agent.wanted in _AGAIN:
                yield from ask(within(agent_calls.want(ref, _AGAIN[agent.wanted]), token))
    return tuple(sorted(live))


def _end(context: TownContext, ref: str, node: str, token: str) -> Steps[None]:
    """End one round as lost with its node."""
    live = cast("Round", (yield from ask(town_calls.show(ref, "round"))).record)
    if live.kind == "gate":
        call = round_calls.gate_end(ref, "lost", node_id=node, nonce=token, outcome=Outcome.NODE_LOST, detail=DETAIL)
        yield from ask(within(call, token))
        return
    gates: tuple[Gate, ...] = ()
    if live.task_id is not None and (live.verdict or {}).get("verb") == "submit":
        task = cast("Task", (yield from ask(town_calls.show(live.task_id, "task"))).record)
        gates = gates_for(context.config.gates, task.gates)
    report = round_calls.RoundReport(outcome=Outcome.NODE_LOST, detail=DETAIL, gates=gates)
    yield from ask(within(round_calls.end(ref, report, node_id=node, nonce=token), token))

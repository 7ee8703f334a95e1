"""Why a message, a round, a node, an item or the whole town is as it is."""

from __future__ import annotations

from tinytown.domain.ids import CONDUCTOR_ID
from tinytown.domain.records import Attention, Message, Node, Round
from tinytown.domain.states import AttentionState, MessageState, RoundState
from tinytown.errors import UnknownCauseError
from tinytown.services.causes import Cause, cause, one_line, span
from tinytown.services.context import TownContext
from tinytown.services.steps import Steps, ask
from tinytown.services.why_agents import AgentFacts, hindrances
from tinytown.services.why_nodes import NodesView
from tinytown.services.why_tasks import last_output
from tinytown.storage.calls import mail
from tinytown.storage.calls.answers import Overview

LANE_LOOKED_AT = 1000
ITEMS_SHOWN = 20
WAKING = frozenset({"task", "query"})


def explain_message(message: Message, agent: AgentFacts | None, now: int) -> Steps[list[Cause]]:
    """Say where a message is and what it waits for."""
    reader, ref = message.to, message.id
    match message.state:
        case MessageState.HANDLED:
            return [cause("mail_handled", ref, ago=span(now - message.handled_at))]
        case MessageState.DEAD:
            return [cause("mail_dead", ref, count=message.deliveries)]
        case MessageState.EXPIRED:
            return [cause("mail_expired", ref)]
        case MessageState.DELIVERED:
            live = agent.live.id if agent is not None and agent.live is not None else "?"
            return [cause("mail_delivered", ref, agent=reader, round=live)]
        case MessageState.SHOWN:
            if message.to_id == CONDUCTOR_ID:
                return [cause("mail_read", ref)]
            return [cause("mail_shown", ref, agent=reader)]
        case MessageState.QUEUED:
            return (yield from _queued(message, agent))


def _queued(message: Message, agent: AgentFacts | None) -> Steps[list[Cause]]:
    if message.to_id == CONDUCTOR_ID:
        return [cause("mail_for_person", message.id)]
    if agent is None:
        raise UnknownCauseError(kind="message", ref=message.id, state="queued", detail="its reader is not on record")
    loop = agent.asked("mail_loop")
    if message.kind not in WAKING:
        return [cause("mail_rides_along", message.id, kind=message.kind, agent=message.to)]
    if message.quiet:
        answer = f'tt attention answer {loop.id} "TEXT"' if loop else f'tt send {message.to} "TEXT"'
        return [cause("mail_quiet", message.id, count=message.hops, answer=answer)]
    chain: list[Cause] = []
    page = yield from ask(mail.peek(message.to_id, limit=LANE_LOOKED_AT))
    before = [each.id for each in page.items].index(message.id) if message in page.items else 0
    if before:
        chain.append(cause("mail_behind", message.id, count=before, agent=message.to))
    return [*chain, *hindrances(agent)]


def explain_round(context: TownContext, live: Round, view: NodesView) -> Steps[list[Cause]]:
    """Say what a round does, or how it ended."""
    now = view.now
    if live.state is RoundState.ENDED:
        return [cause("round_ended", live.id, outcome=live.outcome or "?", ago=span(now - live.ended_at))]
    nothing = view.hindrance(live.node)
    chain = [nothing] if nothing else []
    output = yield from last_output(context, live, view)
    chain.append(cause("round_live", live.id, ago=span(view.age_ms(live)), output=output))
    if live.end_requested:
        agent = live.agent or "?"
        chain.append(cause("round_ending", live.id, round=live.id, agent=agent, reason=live.end_requested))
    return chain


def explain_node(node: Node, view: NodesView) -> list[Cause]:
    """Say whether a node does its work."""
    found = view.hindrance(node.id) or view.full(node.id)
    if found is not None:
        return [found]
    return [cause("node_up", node.id, node=node.name, running=node.running, capacity=node.capacity)]


def explain_item(item: Attention) -> list[Cause]:
    """Say what a person is asked for."""
    if item.state is not AttentionState.OPEN:
        return [cause("item_closed", item.id, state=str(item.state))]
    answer = item.suggestions[0] if item.suggestions else f'tt attention answer {item.id} "TEXT"'
    return [cause("item_open", item.id, detail=one_line(item.text), answer=answer)]


def explain_town(overview: Overview, view: NodesView) -> list[Cause]:
    """Say what keeps the town from going on: its node first, then what waits for people, then its work."""
    nothing = view.any_hindrance()
    chain = [nothing] if nothing else []
    for item in overview.attention[:ITEMS_SHOWN]:
        chain += explain_item(item)
    closed = {"completed", "failed", "cancelled"}
    left = sum(count for state, count in overview.tasks.items() if state not in closed)
    if left or overview.live:
        return [*chain, cause("town_working", "town", live=overview.live, open=left)]
    return [*chain, cause("town_idle", "town")]

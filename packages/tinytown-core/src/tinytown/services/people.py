"""Operations on the queue of what needs a person."""

from __future__ import annotations

from tinytown.domain.records import Attention
from tinytown.services import checks
from tinytown.services.context import TownContext
from tinytown.services.steps import Steps, ask
from tinytown.services.working import see_to_it
from tinytown.storage.calls import town as town_calls
from tinytown.storage.calls.answers import Page


def attention(context: TownContext, *, after: int | None = None, limit: int = 100) -> Steps[Page[Attention]]:
    """List what waits for a person, one page: what holds up the most open work first, then the oldest.

    Args:
        context: The town.
        after: ``next`` of the page before.
        limit: How many at most.

    Returns:
        Items whose ``blocks`` says how many open tasks and messages wait for them, at most 999.
    """
    _ = context
    return (yield from ask(town_calls.attention(after=checks.cursor(after), limit=checks.limit(limit))))


def answer(context: TownContext, item: str, text: str) -> Steps[Attention]:
    """Answer an item; what waited for the answer goes on with it.

    A blocked task goes on with the answer in its prompt, a failed one that holds up others is taken up again, an agent
    that could not begin tries anew. An answer that belongs to no task reaches its agent as news with the next round.
    """
    said = checks.body(text, what="answer")
    call = town_calls.close_attention(checks.ref(item, what="item"), "answer", answer=said, by=_by(context))
    closed = yield from ask(call)
    yield from see_to_it(context)
    return closed


def dismiss(context: TownContext, item: str) -> Steps[Attention]:
    """Take an item off the queue; nothing else changes for a task that waits."""
    return (yield from ask(town_calls.close_attention(checks.ref(item, what="item"), "dismiss", by=_by(context))))


def _by(context: TownContext) -> str:
    return context.actor.agent_id if context.in_round and context.actor.agent_id else context.actor.by

"""Operations on mail."""

from __future__ import annotations

from tinytown.domain.ids import CONDUCTOR_ID, IdKind, new_id
from tinytown.domain.records import Message
from tinytown.services import checks
from tinytown.services.context import TownContext
from tinytown.services.steps import Steps, ask
from tinytown.services.working import see_to_it
from tinytown.storage.calls import agents, mail
from tinytown.storage.calls.answers import Page, Sent

PEEKED = 100
"""How many messages of one mailbox are shown at once."""
AGENTS_AT_ONCE = 1000


def send(
    context: TownContext,
    to: str,
    body: str,
    *,
    kind: str = "task",
    urgent: bool = False,
    reply_to: str | None = None,
    ttl_secs: float | None = None,
) -> Steps[Sent]:
    """Send mail to an agent or to the conductor. It is on record when this returns.

    Args:
        context: The town.
        to: An agent, or ``conductor``.
        body: The text, up to 256 KiB of UTF-8, which arrives whole.
        kind: ``task`` and ``query`` start a round of the reader; ``info`` and ``ack`` ride along with the next one.
        urgent: Whether it goes before other mail.
        reply_to: The message that it answers, which is handled by it.
        ttl_secs: After so many seconds it expires if nobody has read it.

    Returns:
        The message, and the state of its reader.

    Raises:
        InvalidValueError: An argument is of the wrong form; nothing was changed.
        NotFoundError: There is no such agent or message.
        StaleRoundError: The round that sends is over.
    """
    kept = checks.secs(ttl_secs, what="time to live")
    checked = checks.word(kind.lower(), checks.MESSAGE_KINDS, what="kind of message")
    call = mail.send(
        new_id(IdKind.MESSAGE),
        checks.ref(to, what="receiver"),
        checks.body(body, what="message"),
        kind=checked,
        urgent=urgent,
        reply_to=None if reply_to is None else checks.ref(reply_to, what="message"),
        ttl_ms=None if kept is None else max(1, int(kept * 1000)),
        max_hops=context.config.agent.max_hops,
        **context.actor.fields,
    )
    sent = yield from ask(call)
    if sent.message.to_id != CONDUCTOR_ID and checked in {"task", "query"}:
        yield from see_to_it(context)
    return sent


def inbox(context: TownContext, agent: str | None = None, *, all: bool = False) -> Steps[Page[Message]]:  # noqa: A002 - as the command calls it
    """Show mail. In a live round, or in the conductor's conversation, one's own is marked as shown.

    Args:
        context: The town.
        agent: Whose mail to look at without marking any; one's own when left out, and the conductor's for a person.
        all: Look at what waits for everyone instead, the conductor first; nothing is marked.
    """
    if all:
        return Page((yield from _everyones(context)))
    own = agent is None or agent.strip().lower() == "me"
    if own and (context.in_round or context.actor.by == "conductor"):
        messages = yield from ask(mail.show(**context.actor.fields))
        return Page(messages)
    whose = (context.actor.agent_id or CONDUCTOR_ID) if own or agent is None else checks.ref(agent, what="agent")
    return Page((yield from _peek(context, whose)))


def _everyones(context: TownContext) -> Steps[tuple[Message, ...]]:
    found = list((yield from _peek(context, CONDUCTOR_ID)))
    after: int | None = None
    while True:
        page = yield from ask(agents.listing(after=after, limit=AGENTS_AT_ONCE))
        for each in page.items:
            if each.mail:
                found += yield from _peek(context, each.id)
        after = page.next
        if after is None:
            return tuple(found)


def _peek(context: TownContext, whose: str) -> Steps[tuple[Message, ...]]:
    """Look at the first messages of a mailbox, and say so when there are more."""
    items = (yield from ask(mail.peek(whose, limit=PEEKED + 1))).items
    if len(items) > PEEKED:
        context.notices.append(f"{items[0].to} has more mail than the {PEEKED} messages that are shown")
    return items[:PEEKED]


def done(context: TownContext, message: str) -> Steps[Message]:
    """Say that a message is dealt with; only its reader or a person may."""
    return (yield from ask(mail.handle(checks.ref(message, what="message"), **context.actor.fields)))

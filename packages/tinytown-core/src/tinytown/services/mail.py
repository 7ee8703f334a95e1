"""Operations on mail."""

from __future__ import annotations

from tinytown.domain.ids import CONDUCTOR_ID, IdKind, new_id
from tinytown.domain.names import SENDERS
from tinytown.domain.records import Agent, Attention, Message, Round, Task
from tinytown.errors import NotFoundError, RefusedError, UsageError
from tinytown.services import checks
from tinytown.services.context import TownContext
from tinytown.services.looking import show_as
from tinytown.services.steps import Steps, ask
from tinytown.services.working import see_to_it
from tinytown.storage.calls import mail, town
from tinytown.storage.calls.answers import Page, Sent


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
        to: An agent, or ``conductor``. The id of a message means its sender, whom this answers; the id of a task or a
            round means its agent, and of a task that is nobody's whoever made it.
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
    text = checks.body(body, what="message")
    answered = None if reply_to is None else checks.ref(reply_to, what="message")
    receiver, answered = yield from _receiver(checks.ref(to, what="receiver"), answered)
    call = mail.send(
        new_id(IdKind.MESSAGE),
        receiver,
        text,
        kind=checked,
        urgent=urgent,
        reply_to=answered,
        ttl_ms=None if kept is None else max(1, int(kept * 1000)),
        max_hops=context.config.agent.max_hops,
        **context.actor.fields,
    )
    sent = yield from ask(call)
    if sent.message.to_id != CONDUCTOR_ID and checked in {"task", "query"}:
        yield from see_to_it(context)
    return sent


def _receiver(to: str, reply_to: str | None) -> Steps[tuple[str, str | None]]:
    """Find who is meant by what was typed: every id that is shown can be answered."""
    name = to.lower()
    if name in SENDERS:
        return CONDUCTOR_ID, reply_to
    if name[:2] not in _OTHERS or len(name) < len("t-x"):
        return to, reply_to
    shown = yield from ask(town.show(to))
    record = shown.record
    if isinstance(record, Message):
        if reply_to is not None and reply_to.lower() != record.id:
            raise UsageError(
                detail=f"`{record.id}` is answered, and `--reply-to` names another message",
                hint="leave one of them out",
            )
        return record.from_id or CONDUCTOR_ID, record.id
    if isinstance(record, Task | Round):
        return (yield from _owner(record)), reply_to
    if isinstance(record, Agent):
        return record.id, reply_to
    hint = f"`tt attention answer {record.id}` answers it" if isinstance(record, Attention) else "name an agent"
    raise RefusedError(refusal="no_reader", detail=f"{shown.kind} `{record.id}` reads no mail", hint=hint)


_OTHERS = frozenset({"m-", "t-", "r-", "q-", "n-"})
"""How ids of records begin that are no agents."""


def _owner(record: Task | Round) -> Steps[str]:
    if record.agent_id is not None:
        return record.agent_id
    if isinstance(record, Round) and record.task_id is not None:
        return (yield from _owner((yield from show_as(Task, "task", record.task_id))))
    maker = record.created_by if isinstance(record, Task) else "person"
    if maker in SENDERS or maker == "conductor":
        return CONDUCTOR_ID
    try:
        return (yield from show_as(Agent, "agent", maker)).id
    except NotFoundError:
        return CONDUCTOR_ID


def inbox(
    context: TownContext,
    agent: str | None = None,
    *,
    all: bool = False,  # noqa: A002 - as the command calls it
    after: int | None = None,
    limit: int = 100,
) -> Steps[Page[Message]]:
    """Show mail. In a live round, or in the conductor's conversation, one's own is marked as shown.

    Args:
        context: The town.
        agent: Whose mail to look at without marking any, or the id of one message; one's own mail when left out, and
            the conductor's for a person.
        all: Look at what waits for everyone instead, the conductor first; nothing is marked.
        after: ``next`` of the page before; not with ``all``, of which each mailbox has a page of its own.
        limit: How many at most, of each mailbox.

    Returns:
        Urgent mail first, then the oldest first.
    """
    most, place = checks.limit(limit), checks.cursor(after)
    if all:
        if place is not None:
            raise UsageError(detail="all mailboxes are shown from their beginning", hint="name one to turn its pages")
        return Page((yield from _everyones(context, most)))
    own = agent is None or agent.strip().lower() == "me"
    if own and (context.in_round or context.actor.by == "conductor"):
        return (yield from ask(mail.show(after=place, limit=most, **context.actor.fields)))
    whose = (context.actor.agent_id or CONDUCTOR_ID) if own or agent is None else checks.ref(agent, what="agent")
    if whose.lower().startswith("m-"):
        shown = yield from ask(town.show(whose))
        if isinstance(shown.record, Message):
            return Page((shown.record,))
    return (yield from ask(mail.peek(whose, after=place, limit=most)))


def _everyones(context: TownContext, limit: int) -> Steps[tuple[Message, ...]]:
    from tinytown.services.ended_agents import all_agents

    found = list((yield from _peek(context, CONDUCTOR_ID, limit)))
    for each in (yield from all_agents()):
        if each.mail and each.id != CONDUCTOR_ID:
            found += yield from _peek(context, each.id, limit)
    return tuple(found)


def _peek(context: TownContext, whose: str, limit: int) -> Steps[tuple[Message, ...]]:
    """Look at the first messages of a mailbox, and say so when there are more."""
    page = yield from ask(mail.peek(whose, limit=limit))
    if page.next is not None:
        name = page.items[0].to
        context.notices.append(f"{name} has more mail: `tt inbox {name} --after {page.next}`")
    return page.items


def done(context: TownContext, message: str) -> Steps[Message]:
    """Say that a message is dealt with; only its reader or a person may."""
    return (yield from ask(mail.handle(checks.ref(message, what="message"), **context.actor.fields)))

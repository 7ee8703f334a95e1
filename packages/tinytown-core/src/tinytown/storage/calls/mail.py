"""Calls about mail."""

from __future__ import annotations

from tinytown.domain.records import Message
from tinytown.storage import codec
from tinytown.storage.calls._make import change, page, query, rows
from tinytown.storage.calls.answers import Page, Sent
from tinytown.storage.protocol import Answer, Call

PAGE = 100
"""Messages of one page."""
MAX_HOPS = 5
"""A chain of replies longer than this no longer starts rounds."""


def _sent(answer: Answer) -> Sent:
    to = answer["agent"]
    return Sent(message=codec.record(Message, answer["message"]), to_state=to["state"], to_wanted=to["wanted"])


def send(
    message_id: str,
    to: str,
    body: str,
    *,
    kind: str = "task",
    urgent: bool = False,
    reply_to: str | None = None,
    ttl_ms: int | None = None,
    max_hops: int = MAX_HOPS,
    round_id: str | None = None,
    by: str | None = None,
) -> Call[Sent]:
    """Send mail.

    Args:
        message_id: A new id.
        to: The agent, or ``conductor``.
        body: The text.
        kind: ``task``, ``query``, ``info`` or ``ack``; the first two start a round.
        urgent: Whether it goes before other mail.
        reply_to: The message that it answers, which is handled by it.
        ttl_ms: After so many milliseconds it expires if it was not read.
        max_hops: In a longer chain of replies it starts no round.
        round_id: The live round that sends it.
        by: Who sends it, where no round does.
    """
    args = {
        "id": message_id,
        "to": to,
        "body": body,
        "kind": kind,
        "urgent": urgent or None,
        "reply_to": reply_to,
        "ttl_ms": ttl_ms,
        "max_hops": max_hops,
        "round_id": round_id,
        "by": by,
    }
    return change("message_send", args, _sent)


def handle(message: str, *, round_id: str | None = None, by: str | None = None) -> Call[Message]:
    """Say that a message is dealt with."""
    return change(
        "message_handle",
        {"message": message, "round_id": round_id, "by": by},
        lambda answer: codec.record(Message, answer["message"]),
        allowed=rows("message", "handle"),
    )


def show(
    *, after: int | None = None, limit: int = PAGE, round_id: str | None = None, by: str | None = None
) -> Call[Page[Message]]:
    """Show a page of the mail of a live round's agent, or of the conductor, and mark it as shown."""
    args = {"after": after, "limit": limit, "round_id": round_id, "by": by}
    return change("inbox_show", args, page(Message))


def peek(agent: str, *, after: int | None = None, limit: int = PAGE) -> Call[Page[Message]]:
    """Look at a page of the mail of an agent, urgent mail first; nothing is marked."""
    return query("list_messages", {"agent": agent, "after": after, "limit": limit}, page(Message))

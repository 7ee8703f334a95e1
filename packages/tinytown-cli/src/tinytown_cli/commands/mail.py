"""`tt send`, `inbox` and `trace`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinytown.errors import UsageError

from tinytown_cli import views
from tinytown_cli.texts import read_text

if TYPE_CHECKING:
    from tinytown_cli.context import Context
    from tinytown_cli.output import Output


def send(
    context: Context,
    *,
    to: str,
    message: str,
    query: bool,
    info: bool,
    ack: bool,
    urgent: bool,
    reply_to: str | None,
    ttl: float | None,
) -> None:
    """Send mail."""
    kinds = [kind for kind, wanted in (("query", query), ("info", info), ("ack", ack)) if wanted]
    if len(kinds) > 1:
        raise UsageError(detail="a message has one kind", hint="use one of `--query`, `--info` and `--ack`")
    body = read_text(message, what="message")
    sent = context.town.send(
        to, body, kind=kinds[0] if kinds else "task", urgent=urgent, reply_to=reply_to, ttl_secs=ttl
    )
    if sent.to_wanted in {"paused", "stopped"} or sent.to_state in {"stopped", "error"}:
        state = sent.to_wanted if sent.to_wanted in {"paused", "stopped"} else sent.to_state
        context.out.note(f"{sent.message.to} is {state}; the message waits until it runs again")
    context.out.record(
        sent.message, lambda out: out.line(f"{sent.message.id}  {sent.message.kind}  to {sent.message.to}")
    )


def inbox(
    context: Context, *, agent: str | None, all_: bool, done: str | None, limit: int | None, after: int | None
) -> None:
    """Show mail."""
    town = context.town
    if done is not None:
        if all_ or agent is not None or limit is not None or after is not None:
            raise UsageError(detail="`--done` settles one message and shows none", hint="leave the rest out")
        handled = town.done(done)
        context.out.record(handled, lambda out: out.line(f"{handled.id}  {handled.state}"))
        return
    page = town.inbox(agent, all=all_, limit=100 if limit is None else limit, after=after)
    preview = _PREVIEW if all_ and not context.flags.verbose else None
    context.out.items(
        page.items, lambda out: views.messages(out, page.items, empty="no mail", preview=preview), next_=page.next
    )


_PREVIEW = 5
"""Lines of each message that a look into all mailboxes shows to a person."""


def trace(context: Context, *, ref: str) -> None:
    """Show what has happened to a record."""
    shown = context.town.trace(ref)

    def document() -> dict[str, object]:
        from tinytown.storage.codec import as_json

        return {
            "kind": shown.kind,
            "record": as_json(shown.record),
            "history": [step.as_json() for step in shown.steps],
        }

    def human(out: Output) -> None:
        one = {"task": views.task, "agent": views.agent, "round": views.round_}.get(shown.kind)
        many = {"message": views.messages, "attention": views.attention, "node": views.nodes}.get(shown.kind)
        if one is not None:
            one(out, shown.record)  # pyright: ignore[reportArgumentType] - the kind says which it is
        elif many is not None:
            many(out, (shown.record,), empty="")  # pyright: ignore[reportArgumentType]
        out.line()
        for step in shown.steps:
            out.line(views.trace_step(step))

    context.out.either(document, human)

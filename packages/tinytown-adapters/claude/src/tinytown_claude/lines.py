"""What the JSON lines of `claude --output-format stream-json --verbose` mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from tinytown import EventKind, OutputEvent, UsageScope, json_object
from tinytown.adapters.tools import count_of, micros_of, table, text_of

_REFUSED = frozenset({401, 403})
_BUSY = frozenset({429, 529})
_LONGEST_DELAY_MS = 7 * 24 * 3_600_000
_NEW_SESSION = ("no conversation found",)
"""Errors that only a fresh session can cure, besides the one the CLI names itself."""


def events_of(line: str) -> Sequence[OutputEvent] | None:
    """Read one line.

    Args:
        line: A line of output.

    Returns:
        What it means, nothing for lines that only the CLI's own display needs, None when it is not of this form.
    """
    record = json_object(line)
    if record is None or "type" not in record:
        return None
    kind = record["type"]
    if kind == "result":
        return _result(record)
    if kind == "assistant":
        return _assistant(record)
    if kind == "rate_limit_event":
        return _limit(table(record.get("rate_limit_info")))
    if kind == "system" and record.get("subtype") == "init":
        return (OutputEvent(kind=EventKind.SESSION, session_id=text_of(record.get("session_id")) or None),)
    if kind == "system" and record.get("subtype") == "api_retry":
        return _retry(record)
    return ()


def _assistant(record: Mapping[str, object]) -> Sequence[OutputEvent]:
    message = table(record.get("message"))
    if message.get("model") == "<synthetic>":
        return ()  # the CLI's own words about an error, which the result says better
    content = message.get("content")
    events: list[OutputEvent] = []
    for item in cast("list[object]", content) if isinstance(content, list) else []:
        block = table(item)
        if block.get("type") == "text":
            events.append(OutputEvent(kind=EventKind.TEXT, text=text_of(block.get("text"))))
        elif block.get("type") == "tool_use":
            tool, words = text_of(block.get("name")), table(block.get("input"))
            events.append(OutputEvent(kind=EventKind.TOOL_CALL, tool=tool, text=text_of(words.get("command"))))
    events.append(_tokens(table(message.get("usage")), UsageScope.STEP, key=text_of(message.get("id"))))
    return events


def _tokens(usage: Mapping[str, object], scope: UsageScope, key: str = "") -> OutputEvent:
    """Tokens read from the cache count as read: the service sends them apart."""
    read = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    return OutputEvent(
        kind=EventKind.USAGE,
        input_tokens=sum(count_of(usage.get(name)) for name in read),
        output_tokens=count_of(usage.get("output_tokens")),
        scope=scope,
        key=key,
    )


def _result(record: Mapping[str, object]) -> Sequence[OutputEvent]:
    """The tokens are this run's, the money is the session's running total.

    A run that failed at once reports a total of 0 even in a session that has cost something before: that says
    nothing of the session.
    """
    cost = micros_of(record.get("total_cost_usd"))
    scope = UsageScope.SESSION if cost else UsageScope.ROUND
    spent = OutputEvent(kind=EventKind.USAGE, cost_micros=cost, scope=scope)
    events = [_tokens(table(record.get("usage")), UsageScope.ROUND), spent]
    if record.get("is_error") is not True:
        return events
    errors = record.get("errors")
    said = [item for item in cast("list[object]", errors) if isinstance(item, str)] if isinstance(errors, list) else []
    text = text_of(record.get("result")) or "; ".join(said) or text_of(record.get("subtype"))
    status = count_of(record.get("api_error_status")) or None
    kind = _kind(status)
    if record.get("terminal_reason") == "prompt_too_long" or text.lower().startswith(_NEW_SESSION):
        kind = EventKind.CONTEXT_FULL
    return [*events, OutputEvent(kind=kind, text=text, final=True, status=status)]


def _kind(status: int | None) -> EventKind:
    if status in _REFUSED:
        return EventKind.AUTH
    return EventKind.RATE_LIMIT if status in _BUSY else EventKind.ERROR


def _retry(record: Mapping[str, object]) -> Sequence[OutputEvent]:
    status, delay_ms = count_of(record.get("error_status")) or None, record.get("retry_delay_ms")
    known = delay_ms if isinstance(delay_ms, int | float) and 0 <= delay_ms <= _LONGEST_DELAY_MS else None
    return (
        OutputEvent(
            kind=_kind(status),
            text=text_of(record.get("error")),
            status=status,
            retry_after_s=None if known is None else known / 1000,
        ),
    )


def _limit(info: Mapping[str, object]) -> Sequence[OutputEvent]:
    """A subscription's limit; only a refusal counts, a warning does not."""
    if info.get("status") != "rejected":
        return ()
    resets_at = count_of(info.get("resetsAt"))
    limit = text_of(info.get("rateLimitType")) or "usage"
    return (
        OutputEvent(
            kind=EventKind.RATE_LIMIT,
            text=f"the {limit} limit is reached",
            retry_at_ms=resets_at * 1000 if resets_at else None,
        ),
    )

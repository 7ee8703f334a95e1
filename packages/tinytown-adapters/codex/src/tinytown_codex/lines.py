"""What the JSON lines of `codex exec --json` mean. Errors carry no code, so their words must tell."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tinytown import EventKind, OutputEvent, UsageScope, json_object
from tinytown.adapters.tools import count_of, table, text_of

_STATUS = re.compile(r"\bstatus:? (\d{3})\b")
_WORDS = (
    (EventKind.CONTEXT_FULL, re.compile(r"context window|context_length_exceeded|no rollout found", re.IGNORECASE)),
    (EventKind.RATE_LIMIT, re.compile(r"usage limit|rate limit|too many requests|quota", re.IGNORECASE)),
    (EventKind.AUTH, re.compile(r"unauthorized|not logged in|log ?in again|invalid api key", re.IGNORECASE)),
)
_STATUSES = {401: EventKind.AUTH, 403: EventKind.AUTH, 429: EventKind.RATE_LIMIT}
_TOOLS = frozenset({"command_execution", "file_change", "mcp_tool_call", "web_search"})
_LOST = "thread/resume failed"


def events_of(line: str) -> Sequence[OutputEvent] | None:
    """Read one line.

    Args:
        line: A line of output.

    Returns:
        What it means, nothing for lines that only a display needs, None when it is not of this form.
    """
    if _LOST in line and line.startswith("Error:"):
        # The session's file is gone; said as plain text, and a fresh session cures it.
        return (OutputEvent(kind=EventKind.CONTEXT_FULL, text=line.removeprefix("Error: "), final=True),)
    record = json_object(line)
    if record is None or "type" not in record:
        return None
    kind = text_of(record["type"])
    if kind == "thread.started":
        return (OutputEvent(kind=EventKind.SESSION, session_id=text_of(record.get("thread_id")) or None),)
    if kind == "turn.completed":
        return (_tokens(table(record.get("usage"))),)
    if kind == "turn.failed":
        return (_error(text_of(table(record.get("error")).get("message")), final=True),)
    if kind == "error":
        return (_error(text_of(record.get("message")), final=False),)
    if kind in {"item.started", "item.completed"}:
        return _item(table(record.get("item")), done=kind == "item.completed")
    return ()


def _tokens(usage: Mapping[str, object]) -> OutputEvent:
    """The thread's running total; cached tokens are in it already. The CLI knows no prices."""
    return OutputEvent(
        kind=EventKind.USAGE,
        input_tokens=count_of(usage.get("input_tokens")),
        output_tokens=count_of(usage.get("output_tokens")),
        scope=UsageScope.SESSION,
    )


def _error(text: str, *, final: bool) -> OutputEvent:
    found = _STATUS.search(text)
    status = int(found.group(1)) if found else None
    kind = _STATUSES.get(status) if status is not None else None
    if kind is None:
        kind = next((kind for kind, words in _WORDS if words.search(text)), EventKind.ERROR)
    return OutputEvent(kind=kind, text=text, final=final, status=status)


def _item(item: Mapping[str, object], *, done: bool) -> Sequence[OutputEvent]:
    kind = text_of(item.get("type"))
    if kind == "agent_message" and done:
        return (OutputEvent(kind=EventKind.TEXT, text=text_of(item.get("text"))),)
    if kind in _TOOLS and not done:
        return (OutputEvent(kind=EventKind.TOOL_CALL, tool=kind, text=text_of(item.get("command"))),)
    return ()

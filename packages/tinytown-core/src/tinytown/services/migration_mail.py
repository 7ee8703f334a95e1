"""Messages of the Rust program as mail of ours: every type it knows becomes one of four kinds, and a text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple


class Mail(NamedTuple):
    """Kind and text of a message."""

    kind: str
    body: str


_ACKS = ("ack", "thanks", "thank you", "received", "approved")
_NEWS = ("info", "fyi", "status", "update")
_QUESTIONS = ("query", "question")


def as_mail(type_: str, fields: Mapping[str, Any]) -> Mail | None:
    """Translate a message; None for a type that the Rust program does not have.

    Args:
        type_: Its type.
        fields: All its fields.
    """

    def said(name: str) -> str:
        value = fields.get(name)
        return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)

    plain = {"task": "description", "query": "question", "informational": "summary"}
    kinds = {"task": "task", "query": "query", "informational": "info"}
    if type_ in plain:
        return Mail(kinds[type_], said(plain[type_]))
    if type_ == "confirmation":
        return Mail("ack", _confirmation(fields.get("ack_type")))
    if type_ == "custom":
        return Mail(_custom(said("kind"), said("payload")), f"{said('kind')}: {said('payload')}")
    others = {
        "task_done": f"task {said('task_id')} is done: {said('result')}",
        "task_failed": f"task {said('task_id')} has failed: {said('error')}",
        "status_response": f"status: {said('state')} {said('current_task')}".rstrip(),
        "ping": "ping",
        "pong": "pong",
        "shutdown": "asked to shut down",
    }
    if type_ == "status_request":
        return Mail("query", "what is your status?")
    return Mail("info", others[type_]) if type_ in others else None


def _confirmation(ack: Any) -> str:
    if isinstance(ack, dict):
        kind, reason = str(ack.get("type") or "acknowledged"), ack.get("reason")  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType, reportUnknownVariableType]
        return f"{kind}: {reason}" if reason else kind
    return str(ack or "acknowledged")


def _custom(kind: str, payload: str) -> str:
    """Choose the kind by its words, as the Rust program does."""
    text = f"{kind} {payload}".lower()
    for words, found in ((_ACKS, "ack"), (_NEWS, "info"), (_QUESTIONS, "query")):
        if any(word in text for word in words):
            return found
    return "task"

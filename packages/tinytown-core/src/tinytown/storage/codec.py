"""Between the plain objects of answers and the records of `tinytown.domain.records`.

The fields of the attrs classes say how each value is read. A library for this (cattrs) took longer to import than a
whole command may take, so the few types that records use are read here.
"""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, TypeVar, cast

import attrs

from tinytown.domain.clock import rfc3339
from tinytown.domain.records import Agent, Attention, Event, Message, Node, Record, Round, Task
from tinytown.domain.states import shown_agent_state
from tinytown.errors import StorageCorruptError

R = TypeVar("R")

KINDS: Mapping[str, type[Any]] = {
    "task": Task,
    "agent": Agent,
    "message": Message,
    "round": Round,
    "attention": Attention,
    "node": Node,
    "event": Event,
}


@functools.cache
def _readers(kind: type[Any]) -> Mapping[str, Callable[[Any], Any]]:
    """Give one function per field that turns the plain value of an answer into that of the record."""
    hints = typing.get_type_hints(kind)
    return {name: _reader(hint) for name, hint in hints.items() if name in _fields(kind)}


@functools.cache
def _fields(kind: type[Any]) -> frozenset[str]:
    return frozenset(field.name for field in attrs.fields(kind))


def _reader(hint: Any) -> Callable[[Any], Any]:
    args: tuple[Any, ...] = typing.get_args(hint)
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        return _reader(next(arg for arg in args if arg is not type(None)))
    if origin is tuple:
        inner = _reader(args[0])
        return lambda value: tuple(inner(item) for item in value)
    if hint in (str, int, float, bool) or (isinstance(hint, type) and issubclass(hint, Enum)):
        return hint
    if isinstance(hint, type) and attrs.has(hint):
        return functools.partial(record, hint)
    return lambda value: value


def record(kind: type[R], data: Mapping[str, Any]) -> R:
    """Make a record of the fields that a storage answered.

    Args:
        kind: Class of the record.
        data: Its fields; an empty table of the server stands for an empty list; unknown fields are left out, so
            that an older program reads what a newer one wrote.

    Raises:
        StorageCorruptError: A field holds what no version of Tinytown writes there.
    """
    readers = _readers(kind)
    fields: dict[str, Any] = {}
    for name, value in data.items():
        if value is None or value == {} or name not in readers:
            continue
        try:
            fields[name] = readers[name](value)
        except (TypeError, ValueError):
            raise StorageCorruptError(key=f"{kind.__name__.lower()}:{data.get('id', '?')}.{name}") from None
    return kind(**fields)


def optional(kind: type[R], data: Any) -> R | None:
    """Make a record, or None where there is none."""
    return record(kind, data) if data else None


def records(kind: type[R], data: Any) -> tuple[R, ...]:
    """Make the records of a list."""
    return tuple(record(kind, item) for item in data or ())


_TIMES = ("_at", "not_before")
_SCHEDULING = frozenset({"seq", "order", "nonce", "gates_left", "gate_node", "restarting", "round_number", "holds"})
_TALKING = frozenset({"quiet", "mail_rounds", "mail_limit", "session_usage", "session_task"})
_KEPT_BACK = frozenset({"reserve_tokens", "reserve_micros"})
INSIDE = _SCHEDULING | _TALKING | _KEPT_BACK
"""Fields that only the storage and the node need; no door shows them."""


def is_time(name: str) -> bool:
    """Say whether a field holds an instant."""
    return name == "at" or name.endswith(_TIMES)


def as_json(value: Record) -> dict[str, Any]:
    """Write a record as `--json` and REST show it: stable names, times in RFC 3339, money in dollars.

    Args:
        value: Any record.

    Returns:
        An object of JSON; what only the storage needs is left out.
    """
    fields = attrs.asdict(cast("attrs.AttrsInstance", value))
    if isinstance(value, Agent):
        fields["label"] = value.label
        fields["state"] = shown_agent_state(value.state, value.wanted, live_round=value.round_id is not None)
    if isinstance(value, Message):
        fields["from"] = fields.pop("sender")
    if isinstance(value, Node):
        fields["beat_at"] = fields["beat_at"] or 0
    shown: dict[str, Any] = {}
    for name, item in fields.items():
        if name in INSIDE:
            continue
        if name == "cost_micros":
            shown["cost_usd"] = None if item is None else item / 1_000_000
        elif is_time(name):
            shown[name] = rfc3339(item) if item else None
        elif isinstance(item, tuple):
            shown[name] = list(cast("tuple[Any, ...]", item))
        else:
            shown[name] = item
    return shown

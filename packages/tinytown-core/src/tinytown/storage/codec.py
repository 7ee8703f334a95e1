"""Between the plain objects of answers and the records of `tinytown.domain.records`.

One converter serves all records; it is built at the first use, so that commands that need none do not pay for it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import attrs

from tinytown.domain.clock import rfc3339
from tinytown.domain.records import Agent, Attention, Event, Message, Node, Record, Round, Task
from tinytown.domain.states import shown_agent_state

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
def _structure() -> Callable[[Any, type[Any]], Any]:
    from cattrs import Converter

    converter = Converter()
    converter.register_structure_hook_func(lambda kind: kind is object, lambda value, _kind: value)
    return converter.structure


def record(kind: type[R], data: Mapping[str, Any]) -> R:
    """Make a record of the fields that a storage answered.

    Args:
        kind: Class of the record.
        data: Its fields; an empty table of the server stands for an empty list; unknown fields are left out, so
            that an older program reads what a newer one wrote.
    """
    fields = {name: value for name, value in data.items() if value is not None and value != {}}
    return cast("R", _structure()(fields, kind))


def optional(kind: type[R], data: Any) -> R | None:
    """Make a record, or None where there is none."""
    return record(kind, data) if data else None


def records(kind: type[R], data: Any) -> tuple[R, ...]:
    """Make the records of a list."""
    return tuple(record(kind, item) for item in data or ())


_TIMES = ("_at", "not_before")
_INSIDE = frozenset(
    {"seq", "order", "nonce", "quiet", "mail_rounds", "mail_limit", "round_number", "gates_left", "gate_node"}
)


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
        if name in _INSIDE:
            continue
        if name == "cost_micros":
            shown["cost_usd"] = None if item is None else item / 1_000_000
        elif name == "at" or name.endswith(_TIMES):
            shown[name] = rfc3339(item) if item else None
        elif isinstance(item, tuple):
            shown[name] = list(cast("tuple[Any, ...]", item))
        else:
            shown[name] = item
    return shown

"""JSON Schemas of the records as every door shows them, made from the same classes and rules as `codec.as_json`."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any

import attrs

from tinytown.domain.records import Agent, Message
from tinytown.domain.states import SHOWN_AGENT_STATES
from tinytown.storage import codec

Schema = dict[str, Any]
DATE_TIME: Schema = {"type": ["string", "null"], "format": "date-time"}
"""A time in RFC 3339, or null for "not yet"."""


def record_schema(kind: type[Any]) -> Schema:
    """Give the schema of a record.

    Args:
        kind: Its class, one of `tinytown.domain.records`.

    Returns:
        An object whose fields are always all there; fields may be added in later versions.
    """
    hints = typing.get_type_hints(kind)
    fields = {field.name: hints[field.name] for field in attrs.fields(kind)}
    found: dict[str, Schema] = {}
    for name, hint in fields.items():
        if name in codec.INSIDE:
            continue
        if name == "cost_micros":
            found["cost_usd"] = {"type": ["number", "null"], "minimum": 0}
        elif codec.is_time(name):
            found[name] = DATE_TIME
        else:
            found[name] = of_type(hint)
    if kind is Agent:
        found["label"] = {"type": "string"}
        found["state"] = {"type": "string", "enum": list(SHOWN_AGENT_STATES)}
    if kind is Message:
        found["from"] = found.pop("sender")
    title = kind.__doc__.strip().splitlines()[0] if kind.__doc__ else kind.__name__
    return {"title": kind.__name__, "description": title, **object_of(found)}


def object_of(fields: Mapping[str, Schema]) -> Schema:
    """Give the schema of an object that always has all of these fields."""
    return {"type": "object", "properties": dict(sorted(fields.items())), "required": sorted(fields)}


def of_type(hint: Any) -> Schema:
    """Give the schema of the values of a type: a plain one, a list of them, or a class of attrs."""
    args: tuple[Any, ...] = typing.get_args(hint)
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        inner = of_type(next(arg for arg in args if arg is not type(None)))
        return {**inner, "type": [inner["type"], "null"]}
    if origin is tuple:
        return {"type": "array", "items": of_type(args[0])}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"type": "string", "enum": [str(each.value) for each in hint]}
    if isinstance(hint, type) and attrs.has(hint):
        hints = typing.get_type_hints(hint)
        return object_of({field.name: of_type(hints[field.name]) for field in attrs.fields(hint)})
    return {"type": {str: "string", bool: "boolean", int: "integer", float: "number"}.get(hint, "object")}

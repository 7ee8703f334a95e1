"""All keys of a town in one comparable form, whichever storage holds them. For tests only: it reads everything.

What two storages may differ in is left out: kept answers (`op:`), the ids of stream entries, which are the server's
time, and the contents of the bells, which a server trims by whole blocks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import attrs

from tinytown.storage import keys
from tinytown.storage.memory.tx import Entries, Hash, Members, SortedSet, Stream

Pipeline = Callable[[Sequence[Sequence[str]]], list[Any]]
"""Sends commands to the server that holds the town's slot, and gives the replies in order, with texts as `str`."""

_READERS: Mapping[str, Sequence[str]] = {
    "hash": ("HGETALL",),
    "zset": ("ZRANGE", "0", "-1", "WITHSCORES"),
    "set": ("SMEMBERS",),
    "list": ("LRANGE", "0", "-1"),
    "stream": ("XRANGE", "-", "+"),
    "string": ("GET",),
}


@attrs.frozen
class Key:
    """A key of a town.

    Attributes:
        kind: ``hash``, ``zset``, ``set``, ``list``, ``stream`` or ``string``.
        value: Fields, members with scores, sorted members, or entries; texts and numbers only.
    """

    kind: str
    value: Any


Dump = Mapping[str, Key]
"""Keys without the town's prefix."""


def of_memory(data: Mapping[str, Any]) -> Dump:
    """Write down the data of a `MemoryTown`."""
    return {name: _memory_key(name, value) for name, value in data.items()}


def of_server(pipeline: Pipeline, town: str) -> Dump:
    """Read a town from a server by scanning it.

    Args:
        pipeline: Sends commands to the server.
        town: Name of the town.
    """
    start = keys.prefix(town)
    names = [name for name in scan(pipeline, town) if not name.startswith("op:")]
    kinds = [str(kind) for kind in pipeline([("TYPE", start + name) for name in names])]
    readers = [_READERS[kind] for kind in kinds]
    commands = [(reader[0], start + name, *reader[1:]) for name, reader in zip(names, readers, strict=True)]
    rows = zip(names, kinds, pipeline(commands), strict=True)
    return {name: Key(kind, _server_value(name, kind, reply)) for name, kind, reply in rows}


def scan(pipeline: Pipeline, town: str) -> list[str]:
    """List the keys of a town on a server, without its prefix, kept answers included."""
    start, cursor, found = keys.prefix(town), "0", set[str]()
    while True:
        reply = pipeline([("SCAN", cursor, "MATCH", _literal(start), "COUNT", "1000")])[0]
        cursor = str(reply[0])
        found.update(str(name).removeprefix(start) for name in reply[1])
        if cursor == "0":
            return sorted(found)


def _literal(start: str) -> str:
    return "".join(f"\\{letter}" if letter in "*?[]\\" else letter for letter in start) + "*"


def _memory_key(name: str, value: Any) -> Key:
    if isinstance(value, Hash):
        return Key("hash", {field: _text(item) for field, item in value.items()})
    if isinstance(value, SortedSet):
        return Key("zset", {member: float(score) for member, score in value.items()})
    if isinstance(value, Members):
        return Key("set", sorted(value))
    if isinstance(value, Entries):
        return Key("list", [_plain(entry) for entry in value])
    if isinstance(value, Stream):
        return Key("stream", [] if name.startswith("bell:") else [dict(fields) for _ref, fields in value])
    return Key("string", str(value))


def _server_value(name: str, kind: str, reply: Any) -> Any:
    if kind == "hash":
        return {field: _read(value) for field, value in _pairs(reply).items()}
    if kind == "zset":
        return {member: float(score) for member, score in _pairs(reply).items()}
    if kind == "set":
        return sorted(str(member) for member in reply)
    if kind == "list":
        return [_plain(_parsed(text)) for text in reply]
    if kind == "stream":
        return [] if name.startswith("bell:") else [_pairs(flat) for _ref, flat in reply]
    return str(reply)


def _pairs(flat: Any) -> dict[str, str]:
    words = [str(word) for word in flat]
    return dict(zip(words[::2], words[1::2], strict=True))


def _text(value: Any) -> str:
    """A value of memory, as a server stores it in the field of a hash."""
    if value is True:
        return "1"
    if isinstance(value, (list, tuple, dict)):
        return _canonical(value)
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _read(text: str) -> str:
    """A field of a hash on a server; JSON is written anew, so that the order of its names does not matter."""
    if text[:1] in {"[", "{"}:
        try:
            return _canonical(json.loads(text))
        except ValueError:
            return text
    return text


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _canonical(value: Any) -> str:
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _plain(value: Any) -> Any:
    """Plain JSON, in which an empty object is an empty list as it is for the scripts, and 1.0 is 1."""
    if isinstance(value, dict):
        named = cast("dict[str, Any]", value)
        kept = {name: _plain(item) for name, item in named.items() if item is not None}
        return kept or []
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in cast("list[Any]", value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value

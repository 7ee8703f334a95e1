"""All keys of a town in one comparable form, whichever storage holds them. For tests only: it reads everything.

What two storages may differ in is left out: kept answers (`op:`), the ids of stream entries, which are the server's
time, and the contents of the bells, which a server trims by whole blocks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

import attrs

from tinytown.storage import keys
from tinytown.storage.memory.tx import Entries, Hash, Members, SortedSet, Stream

Command = Callable[..., object]
"""Sends one command to a server and gives the reply, with texts as `str`."""


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


def of_server(command: Command, town: str) -> Dump:
    """Read a town from a server by scanning it.

    Args:
        command: Sends a command to the server (to the one that holds the town's slot, in a cluster).
        town: Name of the town.
    """
    start, cursor, found = keys.prefix(town), "0", set[str]()
    while True:
        cursor, page = cast("tuple[str, list[str]]", command("SCAN", cursor, "MATCH", _literal(start), "COUNT", 1000))
        found.update(name.removeprefix(start) for name in page)
        if str(cursor) == "0":
            break
    return {name: _server_key(command, start, name) for name in sorted(found) if not name.startswith("op:")}


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


def _server_key(command: Command, start: str, name: str) -> Key:
    key = start + name
    kind = str(command("TYPE", key))
    if kind == "hash":
        return Key(kind, {field: _read(value) for field, value in _pairs(command("HGETALL", key)).items()})
    if kind == "zset":
        rows = _pairs(command("ZRANGE", key, 0, -1, "WITHSCORES"))
        return Key(kind, {member: float(score) for member, score in rows.items()})
    if kind == "set":
        return Key(kind, sorted(cast("list[str]", command("SMEMBERS", key))))
    if kind == "list":
        return Key(kind, [_plain(_parsed(text)) for text in cast("list[str]", command("LRANGE", key, 0, -1))])
    if kind == "stream":
        entries = cast("list[tuple[str, Any]]", [] if name.startswith("bell:") else command("XRANGE", key, "-", "+"))
        return Key(kind, [_pairs(flat) for _ref, flat in entries])
    return Key(kind, str(command("GET", key)))


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

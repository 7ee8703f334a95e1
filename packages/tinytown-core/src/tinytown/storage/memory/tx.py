"""One verb's view of the data: reads see what the verb has written so far, and nothing is written before it ends.

The same vocabulary exists in `lua/_prelude.lua`. A verb that refuses, or meets a key of the wrong type, leaves the
data exactly as it was, because all writes wait for `commit`.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any, NoReturn

from tinytown.domain.ids import IdKind
from tinytown.errors import StorageCorruptError

Fields = dict[str, Any]
"""A record while a verb works on it: plain values of JSON; a field that is None is absent."""

HISTORY_KEPT = 50
EVENTS_KEPT = 100_000
_SERIAL = "0123456789abcdefghjkmnpqrstvwxyz"


class Refusal(Exception):  # noqa: N818 - it never leaves the storage; `raise_refusal` makes the error of it
    """A verb refuses; ``error`` is what the script would answer under ``error``."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(str(error))
        self.error = error


class Hash(dict[str, Any]):
    """A key of type hash."""


class SortedSet(dict[str, float]):
    """A key of type sorted set: member to score."""


class Members(set[str]):
    """A key of type set."""


class Entries(list[Any]):
    """A key of type list."""


class Stream(list[tuple[str, Fields]]):
    """A key of type stream: entries of id and fields."""

    last_id = "0-0"
    trimmed_id = "0-0"


class Tx:
    """The reads and buffered writes of one verb.

    Args:
        data: All keys of the town, without its prefix.
        now: The time in milliseconds.
    """

    def __init__(self, data: dict[str, Any], now: int) -> None:
        self._data = data
        self._changed: dict[str, Any] = {}
        self._records: dict[str, Fields] = {}
        self._dropped: list[str] = []
        self.now = now
        self.acting: Fields | None = None
        """The round whose agent acts, for the history: a name alone may be another agent's later."""
        self.rung: dict[str, str] = {}

    def refuse(self, code: str, **fields: Any) -> NoReturn:
        """End the verb; nothing is changed."""
        raise Refusal({"code": code, **fields})

    # Keys

    def _read(self, key: str, kind: type[Any]) -> Any:
        value = self._changed.get(key, self._data.get(key))
        if value is not None and not isinstance(value, kind):
            raise StorageCorruptError(key=key)
        return value

    def _write(self, key: str, kind: type[Any]) -> Any:
        value = self._read(key, kind)
        if key not in self._changed:
            self._changed[key] = kind() if value is None else copy.copy(value)
        return self._changed[key]

    def _sorted(self, key: str) -> SortedSet:
        return self._read(key, SortedSet) or SortedSet()

    def zadd(self, key: str, score: float, member: str) -> None:
        """Put a member into a sorted set, or move it."""
        self._write(key, SortedSet)[member] = score

    def zrem(self, key: str, member: str) -> None:
        """Take a member out of a sorted set."""
        if member in (self._read(key, SortedSet) or ()):
            del self._write(key, SortedSet)[member]

    def zscore(self, key: str, member: str) -> float | None:
        """Give the score of a member, or None."""
        return self._sorted(key).get(member)

    def zcard(self, key: str) -> int:
        """Count the members of a sorted set."""
        return len(self._read(key, SortedSet) or ())

    def zrange(self, key: str, limit: int, *, after: float | None = None, upto: float | None = None) -> list[str]:
        """List members by score (equal ones by name), from above ``after`` up to and with ``upto``."""
        rows = sorted((score, member) for member, score in self._sorted(key).items())
        kept = [m for s, m in rows if (after is None or s > after) and (upto is None or s <= upto)]
        return kept[:limit]

    def zlex(self, key: str, beginning: str, limit: int) -> list[str]:
        """List members that begin with a text, in order."""
        return sorted(member for member in self._sorted(key) if member.startswith(beginning))[:limit]

    def sadd(self, key: str, member: str) -> None:
        """Put a member into a set."""
        self._write(key, Members).add(member)

    def srem(self, key: str, member: str) -> None:
        """Take a member out of a set."""
        if member in (self._read(key, Members) or ()):
            self._write(key, Members).discard(member)

    def scard(self, key: str) -> int:
        """Count a set."""
        return len(self._read(key, Members) or ())

    def zlex_after(self, key: str, after: str, limit: int) -> list[str]:
        """List members whose names come after a text, in order."""
        return sorted(member for member in self._sorted(key) if member > after)[:limit]

    def smembers(self, key: str) -> list[str]:
        """List a set in order."""
        found: Members = self._read(key, Members) or Members()
        return sorted(found)

    def hget(self, key: str, field: str) -> Any:
        """Read one field of a hash that is no record."""
        found: Hash = self._read(key, Hash) or Hash()
        return found.get(field)

    def hset(self, key: str, field: str, value: Any) -> None:
        """Write one field of a hash that is no record."""
        self._write(key, Hash)[field] = value

    def hdel(self, key: str, field: str) -> None:
        """Take one field out of a hash that is no record."""
        if field in (self._read(key, Hash) or ()):
            del self._write(key, Hash)[field]

    def fields(self, key: str) -> Fields:
        """Read a hash whole, as the texts that a server holds."""
        return {name: _shown(value) for name, value in (self._read(key, Hash) or Hash()).items()}

    def push(self, key: str, entry: Mapping[str, Any]) -> None:
        """Append to a list, of which the last fifty are kept."""
        entries = self._write(key, Entries)
        entries.append(dict(entry))
        del entries[:-HISTORY_KEPT]

    def entries(self, key: str) -> list[Fields]:
        """Read a list."""
        return list(self._read(key, Entries) or ())

    # Records

    def load(self, kind: str, ref: str | None) -> Fields | None:
        """Read a record; what is changed in it is saved at the end."""
        if not ref:
            return None
        key = f"{kind}:{ref}"
        if key not in self._records:
            stored = self._read(key, Hash)
            if stored is None:
                return None
            self._records[key] = copy.deepcopy(dict(stored))
        return self._records[key]

    def make(self, kind: str, ref: str, fields: Mapping[str, Any]) -> Fields:
        """Begin a new record, with the next number of the town as its ``seq``."""
        key = f"{kind}:{ref}"
        if self.load(kind, ref) is not None:
            self.refuse("refused", detail=f"{kind} `{ref}` exists already")
        self._records[key] = {**fields, "id": ref, "seq": self.next_seq()}
        self.zadd("ids", 0, ref)
        return self._records[key]

    def forget(self, kind: str, ref: str) -> None:
        """Take a record and its history away."""
        self.entries(f"history:{ref}")
        self._dropped += [f"{kind}:{ref}", f"history:{ref}"]

    def next_seq(self) -> int:
        """Count the records and items of the town."""
        seq = int(self.hget("town", "seq") or 0) + 1
        self.hset("town", "seq", seq)
        return seq

    def serial_id(self, kind: IdKind) -> str:
        """Make an id from the town's counter, for records that a verb makes by itself."""
        number, text = self.next_seq(), ""
        for _ in range(8):
            number, digit = divmod(number, 32)
            text = _SERIAL[digit] + text
        return f"{kind.value}-{text}"

    # Streams

    def event(self, type_: str, **fields: Any) -> None:
        """Append to the history of the town; fields that are None are left out.

        Its time stands beside its id: ids only grow, so after a clock has gone back they tell an earlier clock's time.
        """
        self._append(
            "events", {"type": type_, "at": self.now, **fields}, int(self.hget("town", "max_events") or EVENTS_KEPT)
        )

    def bell(self, node: str | None, *, said: Fields | None = None) -> None:
        """Wake a node. A bell for what a live round said of its task names it, so that the node need not ask."""
        before = self.rung.get(node) if node else None
        if not node or before == "plain" or (before and said):
            return
        fields: Fields = {"at": self.now}
        if said is not None:
            fields |= {"said": said["id"], "verb": said["verdict"]["verb"]}
        self.rung[node] = "said" if said else "plain"
        self._append(f"bell:{node}", fields, 16)

    def _append(self, key: str, fields: Fields, limit: int) -> None:
        stream = self._write(key, Stream)
        shown = {name: str(value) for name, value in fields.items() if value is not None}
        before_ms, before_n = map(int, stream.last_id.split("-"))
        stream.last_id = f"{self.now}-0" if self.now > before_ms else f"{before_ms}-{before_n + 1}"
        stream.append((stream.last_id, shown))
        while len(stream) > limit:
            stream.trimmed_id = stream.pop(0)[0]

    def newest(self, key: str) -> str:
        """Give the last id of a stream."""
        return (self._read(key, Stream) or Stream()).last_id

    # Whole keys, for towns that are taken away or written anew

    def drop(self, key: str) -> None:
        """Take a key away, whatever it holds."""
        self._changed[key] = Hash()

    def fill(self, key: str, kind: str, value: Any, *, trimmed: bool = False) -> None:
        """Add to a key: fields, members, or entries of a stream with their ids; a list is written whole."""
        target = self._write(key, _KINDS[kind])
        if isinstance(target, list) and not isinstance(target, Stream):
            target[:] = value
        elif isinstance(target, Stream):
            first, _fields = value[0]
            if trimmed:
                target.trimmed_id = target.trimmed_id if target else _before(first)
            target += [(ref, fields) for ref, fields in value]
            target.last_id = value[-1][0]
        else:
            target.update(value)

    # The end

    def commit(self) -> None:
        """Write everything at once. Keys that became empty disappear, as on a server."""
        for key, fields in self._records.items():
            self._read(key, Hash)
            self._changed[key] = Hash({name: value for name, value in fields.items() if not _absent(value)})
        for key, value in self._changed.items():
            if value or isinstance(value, Stream):
                self._data[key] = value
            else:
                self._data.pop(key, None)
        for key in self._dropped:
            self._data.pop(key, None)


_KINDS: Mapping[str, type[Any]] = {
    "hash": Hash,
    "zset": SortedSet,
    "set": Members,
    "list": Entries,
    "stream": Stream,
}


def _before(ref: str) -> str:
    """Give the greatest id before one."""
    at, _dash, count = ref.partition("-")
    return f"{at}-{int(count) - 1}" if int(count) else f"{int(at) - 1}-{(1 << 64) - 1}"


def _shown(value: Any) -> str:
    """A field as a server holds it."""
    if value is True:
        return "1"
    return json.dumps(value) if isinstance(value, (list, tuple, dict)) else str(value)


def _absent(value: Any) -> bool:
    """A field that a server would not store: nothing, or an empty list."""
    return value is None or (isinstance(value, (list, tuple, dict)) and not value)


def items(value: Any) -> list[Any]:
    """Read a list that may be absent."""
    return list(value or ())

"""Calls that read a whole town, take it away, and write one anew: each does a part that a server does in no time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import attrs

from tinytown.storage.calls._make import change, query
from tinytown.storage.calls.answers import Value
from tinytown.storage.protocol import Answer, Call
from tinytown.storage.saves.town import plain

T = TypeVar("T")

RECORDS_AT_ONCE = 150
BYTES_AT_ONCE = 1024 * 1024


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Exported(Value):
    """Some records with everything that is kept of them.

    Attributes:
        items: Each with ``kind``, ``record`` and what belongs to it.
        next: Id after which the next part begins; None at the end.
        newest: Id of the newest event; another one means that something has changed.
        town: The fields of the town as a whole, as texts; a number that is 0 is left out, as where it never was.
    """

    items: Sequence[Mapping[str, Any]]
    next: str | None
    newest: str
    town: Mapping[str, str]


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Cleared(Value):
    """How many records were taken away, and whether none is left."""

    removed: int
    done: bool


def export(*, after: str = "", limit: int = RECORDS_AT_ONCE, bytes_: int = BYTES_AT_ONCE) -> Call[Exported]:
    """Read the records whose ids come after one."""

    def decode(answer: Answer) -> Exported:
        return Exported(
            items=tuple(plain(item) for item in answer.get("items") or ()),
            next=answer.get("next"),
            newest=answer["newest"],
            town={name: text for name, text in dict(answer.get("town") or {}).items() if text != "0"},
        )

    return query("town_export", {"after": after, "limit": limit, "bytes": bytes_}, decode)


def clear(
    what: str, token: str, *, begin: bool, newest: str | None = None, limit: int = RECORDS_AT_ONCE
) -> Call[Cleared]:
    """Take some records away. Until all is done, the town is marked and cannot be opened.

    Args:
        what: ``reset``, which leaves nothing at all, or ``restore``, which leaves the mark for `write`.
        token: Of this one attempt; another attempt takes over from it.
        begin: Put the mark there; the first part of an attempt. From then on no one else changes the town.
        newest: With ``begin``: id of the newest event that was saved; refused (``changed``) if there is a newer one.
        limit: At most so many records.
    """
    args = {"what": what, "token": token, "begin": begin or None, "newest": newest, "limit": limit}
    return change(
        "town_clear", args, lambda answer: Cleared(removed=int(answer["removed"]), done=bool(answer.get("done")))
    )


def write(token: str, keys: Sequence[tuple[str, str, Any]], *, trimmed: bool = False) -> Call[None]:
    """Write some keys of a town that is being restored.

    Args:
        token: Of the attempt.
        keys: Name, type and value of each.
        trimmed: Older events than the first one are gone.
    """
    args = {
        "token": token,
        "keys": [{"key": key, "kind": kind, "value": value} for key, kind, value in keys],
        "trimmed": trimmed or None,
    }
    return change("town_write", args, lambda _answer: None)


def within(call: Call[T], token: str) -> Call[T]:
    """Make any change to a town that is being restored: to all but that attempt it is closed."""
    return attrs.evolve(call, args={**call.args, "attempt": token})


def finish(token: str) -> Call[None]:
    """Take the mark away: the town is whole again."""
    return change("town_finish", {"token": token}, lambda _answer: None)

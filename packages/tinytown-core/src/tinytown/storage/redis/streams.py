"""Reading streams without gaps: what to send, and how to see that the reader came too late."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinytown.errors import EventsTrimmedError, InvalidValueError, StorageUnavailableError
from tinytown.storage.protocol import Entry
from tinytown.storage.redis.wire import BrokenWireError, Command, ErrorReply, Reply, or_raise

NEWEST = "$"
START = "0-0"
_LARGEST_SEQ = (1 << 64) - 1


def checked(name: str) -> bool:
    """Say whether readers of a stream must be told of a gap: the events are history, a bell only rings."""
    return name == "events"


def look(key: str, after: str, limit: int) -> list[Command]:
    """Give the commands that read entries and the stream's limits at one instant, in one round trip."""
    parse_id(after)
    return [
        ("MULTI",),
        ("XINFO", "STREAM", key),
        ("XREAD", "COUNT", max(1, limit), "STREAMS", key, after),
        ("EXEC",),
    ]


def wait(key: str, after: str, limit: int, block_ms: int) -> Command:
    """Give the command that waits for the first entry after an id."""
    parse_id(after)
    blocking: Command = ("BLOCK", block_ms) if block_ms > 0 else ()
    return ("XREAD", "COUNT", max(1, limit), *blocking, "STREAMS", key, after)


def overslept(error: StorageUnavailableError, block_ms: int) -> bool:
    """Say whether a server may just not have noticed that a wait was over, so that it is asked once more, at once.

    Servers measure the time of a blocked client on their wall clock: if that goes back, they keep it waiting for as
    much longer.
    """
    wire = error.__cause__
    return block_ms > 0 and isinstance(wire, BrokenWireError) and wire.timed_out and wire.sent


def read_look(replies: Sequence[Reply], after: str) -> list[Entry]:
    """Read the replies to `look`.

    Raises:
        EventsTrimmedError: Entries after that id existed and are gone.
        ErrorReply: The server refused.
    """
    done = replies[-1]
    if isinstance(done, ErrorReply):
        queued = [reply for reply in replies[:-1] if isinstance(reply, ErrorReply)]
        raise queued[0] if queued else done
    info, entries = done
    if isinstance(info, ErrorReply):
        if "no such key" in info.text:
            return []
        raise info
    oldest = gap(_pairs(info), after)
    if oldest is not None:
        raise EventsTrimmedError(oldest=oldest)
    return read_entries(entries)


def read_entries(reply: Reply) -> list[Entry]:
    """Read the reply to XREAD.

    Raises:
        ErrorReply: The server refused.
    """
    if not or_raise(reply):
        return []
    rows: list[Any] = reply[0][1]
    return [(str(row[0]), _pairs(row[1])) for row in rows]


def newest_id(reply: Reply) -> str:
    """Read the last id ever given from the reply to XINFO STREAM; of a missing stream, the first possible one."""
    if isinstance(reply, ErrorReply):
        if "no such key" in reply.text:
            return START
        raise reply
    return str(_pairs(reply)["last-generated-id"])


def gap(info: dict[str, Any], after: str) -> str | None:
    """Give the oldest kept id if entries between `after` and it are gone, else None.

    Trimming leaves no note of the last id it removed, so a reader that stands exactly on it is told of a gap too: it
    reads anew what it need not, but nothing is ever missed in silence.
    """
    if int(info["entries-added"]) <= int(info["length"]):
        return None
    first = info["first-entry"]
    oldest = str(first[0]) if first else str(info["last-generated-id"])
    edge = parse_id(oldest) if first else _after(parse_id(oldest))
    return oldest if _after(parse_id(after)) < edge else None


def before(entry_id: str) -> str:
    """Give the id from which a reader gets this entry first; the way on after `EventsTrimmedError`."""
    milliseconds, sequence = parse_id(entry_id)
    if sequence:
        return f"{milliseconds}-{sequence - 1}"
    return f"{milliseconds - 1}-{_LARGEST_SEQ}" if milliseconds else START


def parse_id(text: str) -> tuple[int, int]:
    """Read the id of an entry.

    Raises:
        InvalidValueError: It is none.
    """
    milliseconds, dash, sequence = text.partition("-")
    parts = (milliseconds, sequence if dash else "0")
    if not all(part.isascii() and part.isdigit() and int(part) <= _LARGEST_SEQ for part in parts):
        raise InvalidValueError(
            what="the event id", detail=f"`{text}` is not milliseconds and a counter", hint="take one from `tt events`"
        )
    return int(parts[0]), int(parts[1])


def _after(entry_id: tuple[int, int]) -> tuple[int, int]:
    milliseconds, sequence = entry_id
    return (milliseconds, sequence + 1) if sequence < _LARGEST_SEQ else (milliseconds + 1, 0)


def _pairs(flat: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(flat[::2], flat[1::2], strict=True))

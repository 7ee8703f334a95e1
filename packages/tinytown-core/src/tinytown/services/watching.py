"""The history of the town: pages of events, and following them as they happen."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import attrs

from tinytown.domain.records import Event
from tinytown.errors import EventsTrimmedError, InvalidValueError, UsageError
from tinytown.services import checks
from tinytown.services.looking import show_as
from tinytown.services.naming import Names
from tinytown.services.steps import Steps, newest, read
from tinytown.storage import codec

if TYPE_CHECKING:
    from tinytown.services.context import TownContext
    from tinytown.storage.protocol import Entry

STREAM = "events"
START = "0-0"
READ_AT_ONCE = 500
LISTEN_MS = 30_000
"""How long one blocking read lasts; the next one goes on where it ended."""
EVENT_KINDS = (
    "task",
    "agent",
    "message",
    "round",
    "gate",
    "attention",
    "budget",
    "node",
    "town",
    "mission",
)
"""The first words of all types of events."""
_FIRST_LOOK_MS = 60_000
_LARGEST_COUNT = 2**64 - 1
_DIGITS = 20


@attrs.frozen(kw_only=True)
class Filter:
    """Which events are wanted; what is None does not matter."""

    task_id: str | None = None
    agent_id: str | None = None
    round_id: str | None = None
    type: str | None = None

    def wants(self, fields: Mapping[str, str]) -> bool:
        """Say whether an entry is wanted. ``task`` as a type stands for all that begin with ``task.``."""
        if self.task_id is not None and fields.get("task_id") != self.task_id:
            return False
        if self.agent_id is not None and fields.get("agent_id") != self.agent_id:
            return False
        if self.round_id is not None and fields.get("round_id") != self.round_id:
            return False
        kind = fields.get("type", "")
        return self.type is None or kind == self.type or kind.startswith(f"{self.type}.")


def events(
    context: TownContext,
    *,
    after: str | None = None,
    since: str | None = None,
    limit: int = 100,
    task: str | None = None,
    agent: str | None = None,
    type: str | None = None,  # noqa: A002 - the field's name
) -> Steps[list[Event]]:
    """List events in their order. What is not wanted does not count towards the limit.

    Args:
        context: The town.
        after: Those that came after this event, from the oldest on; the newest ones when left out.
        since: The same, beginning with this event, or with the first at a time such as ``2026-11-22T08:30:00Z``.
        limit: At most so many.
        task: Only those of this task.
        agent: Only those of this agent.
        type: Only this type, such as ``task.completed``, or all of a kind, such as ``task``.

    Raises:
        EventsTrimmedError: Events after ``after`` are no longer kept; ``oldest`` is the first that is.
        InvalidValueError: ``after`` is not the id of an event, or ``since`` neither that nor a time.
    """
    _ = context
    most = checks.limit(limit)
    place = start_of(after=after, since=since)
    chosen = yield from choose(task=task, agent=agent, type=type)
    found = yield from (newest_events(chosen, most) if place is None else _forward(place, chosen, most))
    return (yield from Names().beside(found))


def start_of(*, after: str | None, since: str | None) -> str | None:
    """Give the place from which a reader begins; None where nothing was said of it.

    Raises:
        UsageError: Both were given.
        InvalidValueError: It is neither the id of an event nor a time.
    """
    if after is not None and since is not None:
        raise UsageError(detail="events begin after one or since one, not both", hint="leave one of them out")
    if since is None:
        return None if after is None else event_id(after)
    text = since.strip()
    if text and all(part.isascii() and part.isdigit() for part in text.split("-", 1)) and text.count("-") <= 1:
        return before(event_id(text))
    return before(f"{max(0, _time(text))}-0")


def _time(text: str) -> int:
    """Read a time; one without a zone is in UTC."""
    from datetime import UTC, datetime

    try:
        found = datetime.fromisoformat(text)
        return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise InvalidValueError(
            what="since",
            detail=f"{text[:40]!r} is neither an event nor a time",
            hint="take an id from `tt events`, or write a time such as `2026-11-22T08:30:00Z`",
        ) from None


def choose(*, task: str | None, agent: str | None, type: str | None) -> Steps[Filter]:  # noqa: A002
    """Make a filter of references; unknown ones are refused, since nothing would ever come."""
    from tinytown.domain.records import Agent, Task

    kind = _type(type)
    task_id = (yield from show_as(Task, "task", checks.ref(task, what="task"))).id if task is not None else None
    agent_id = (yield from show_as(Agent, "agent", checks.ref(agent, what="agent"))).id if agent is not None else None
    return Filter(task_id=task_id, agent_id=agent_id, type=kind)


def _type(text: str | None) -> str | None:
    """Check a type of events, or the first word of one; of an unknown word nothing would ever come."""
    kind = checks.line(text, what="type of event")
    if kind is None:
        return None
    kind = kind.lower()
    checks.word(kind.partition(".")[0], EVENT_KINDS, what="type of event")
    return kind


def now() -> Steps[str]:
    """Give the place in the history after which only new events come."""
    return (yield from newest(STREAM))


def next_events(position: str, chosen: Filter, names: Names | None = None) -> Steps[tuple[str, list[Event]]]:
    """Wait for events after a place; give the place to go on from and those that are wanted, perhaps none."""
    entries = yield from read(STREAM, event_id(position), limit=READ_AT_ONCE, block_ms=LISTEN_MS)
    found = yield from (names or Names()).beside(_wanted(entries, chosen))
    return (entries[-1][0] if entries else position), found


def _forward(position: str, chosen: Filter, limit: int) -> Steps[list[Event]]:
    found: list[Event] = []
    while len(found) < limit:
        entries = yield from read(STREAM, position, limit=READ_AT_ONCE)
        if not entries:
            break
        position = entries[-1][0]
        found += _wanted(entries, chosen)
    return found[:limit]


def newest_events(chosen: Filter, limit: int) -> Steps[list[Event]]:
    """Give the last events that are wanted: look back from the end in windows that grow until enough is found."""
    end = yield from now()
    back = _FIRST_LOOK_MS
    while True:
        first = max(0, int(end.partition("-")[0]) - back)
        position = f"{first}-0" if first else START
        found: deque[Event] = deque(maxlen=limit)
        while True:
            try:
                entries = yield from read(STREAM, position, limit=READ_AT_ONCE)
            except EventsTrimmedError as error:
                position, first = before(error.oldest), 0
                continue
            if not entries:
                break
            position = entries[-1][0]
            found.extend(_wanted(entries, chosen))
            if _place(position) >= _place(end):
                break
        if len(found) == limit or not first:
            return list(found)
        back *= 16


def _wanted(entries: Iterable[Entry], chosen: Filter) -> list[Event]:
    return [read_event(ref, fields) for ref, fields in entries if chosen.wants(fields)]


def read_event(ref: str, fields: Mapping[str, str]) -> Event:
    """Make the record of an entry of the stream."""
    return codec.record(Event, {**fields, "id": ref, "at": int(fields.get("at") or ref.partition("-")[0])})


def event_id(text: str) -> str:
    """Check the id of an event.

    Raises:
        InvalidValueError: It is none.
    """
    stripped = text.strip()
    parts = stripped.split("-")
    fits = 1 <= len(parts) <= 2 and all(map(_counts, parts))  # noqa: PLR2004 - milliseconds and a counter
    if not fits:
        raise InvalidValueError(
            what="event id", detail=f"{stripped[:40]!r} is not one", hint="take one from `tt events`"
        )
    return stripped


def _counts(part: str) -> bool:
    return part.isascii() and part.isdigit() and len(part) <= _DIGITS and int(part) <= _LARGEST_COUNT


def before(ref: str) -> str:
    """Give the place from which a reader gets this event first; the way on after `EventsTrimmedError`."""
    at, count = _place(ref)
    if count:
        return f"{at}-{count - 1}"
    return f"{at - 1}-{_LARGEST_COUNT}" if at else START


def _place(ref: str) -> tuple[int, int]:
    at, _dash, count = ref.partition("-")
    return int(at), int(count or 0)

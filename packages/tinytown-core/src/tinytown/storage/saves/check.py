"""Is a file that was read a town that could have been? Nothing is written before all of it has passed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from tinytown.domain.ids import CONDUCTOR_ID, IdKind, kind_of, looks_like_id
from tinytown.errors import SaveFileError, StorageCorruptError
from tinytown.storage import codec
from tinytown.storage.saves.town import (
    FLAG,
    KINDS,
    LEASE,
    NESTED,
    NUMBER,
    PLACES,
    TEXT,
    TOWN_NUMBERS,
    Fields,
    SavedTown,
    forms,
)

SCHEMA = 1
LARGEST = 2**53
_LETTERS = {kind: IdKind[kind.upper()] for kind in KINDS if kind != "parked"}
_EXTRA = {"history": NESTED, "blockers": NESTED}
_WORDS = {("message", "kind"): {"task", "query", "info", "ack"}, ("round", "kind"): {"work", "gate"}}
_NEEDED = {
    "agent": ("name", "role", "state", "wanted", "incarnation"),
    "task": ("description", "state"),
    "message": ("to_id", "kind", "state"),
    "round": ("kind", "state", "node"),
    "attention": ("kind", "ref", "state"),
    "node": ("name", "state"),
    "parked": ("until",),
}


def check(town: SavedTown, path: str) -> None:
    """See that a file holds a town.

    Args:
        town: What was read.
        path: Name of the file, for errors.

    Raises:
        SaveFileError: It does not; the sentence says what is wrong with which record.
    """
    if town.numbers.get("schema") != SCHEMA:
        raise SaveFileError(
            path=path,
            detail=f"is of schema {town.numbers.get('schema')}, and this Tinytown knows {SCHEMA}",
            hint="use the Tinytown that wrote it, or a newer one",
        )
    if unknown := set(town.numbers) - set(TOWN_NUMBERS):
        raise SaveFileError(path=path, detail=f"holds `{min(unknown)[:40]}` in its first part, which nobody knows")
    if CONDUCTOR_ID not in town.records["agent"]:
        raise SaveFileError(path=path, detail="holds no conductor")
    for kind, records in town.records.items():
        for ref, fields in records.items():
            if wrong := _wrong(kind, ref, fields):
                raise SaveFileError(path=path, detail=f"is wrong in {kind} `{ref[:80]}`: {wrong}")
    for kind, ref, wrong in contradictions(town):
        raise SaveFileError(path=path, detail=f"is wrong in {kind} `{ref}`: {wrong}")
    _check_events(town, path)


def contradictions(town: SavedTown) -> Iterator[tuple[str, str, str]]:
    """Name records that say what another one does not know of: kind, id and what is wrong."""
    agents, tasks, rounds = (town.records[kind] for kind in ("agent", "task", "round"))
    numbers: set[int] = set()
    for kind, records in town.records.items():
        for ref, fields in records.items():
            seq = fields.get("seq")
            if seq is not None and (seq in numbers or not 0 < seq <= town.numbers.get("seq", 0)):
                yield kind, ref, f"its number {seq} is another's, or was never given"
            numbers.add(seq or 0)
    for ref, task in tasks.items():
        live = rounds.get(task.get("round_id", ""), {})
        needs = task.get("depends_on", [])
        if task.get("agent_id", CONDUCTOR_ID) not in agents or (task["state"] == "assigned" and "agent_id" not in task):
            yield "task", ref, "its agent is not in the file"
        if task["state"] == "running" and (live.get("state") != "live" or live.get("task_id") != ref):
            yield "task", ref, "it is running, but its round is not"
        if any(needed not in tasks or needed not in needs for needed in task.get("blockers", [])):
            yield "task", ref, "it waits for a task on which it does not depend"
        if ("verify" in task or task["state"] == "verifying") and "gate_node" not in task:
            yield "task", ref, "no node would run its gates"
        if task["state"] == "blocked" and "reason" not in task:
            yield "task", ref, "it is blocked without a reason"
    for ref, agent in agents.items():
        live = rounds.get(agent.get("round_id", ""), {})
        if (agent["state"] == "working") != (live.get("state") == "live" and live.get("agent_id") == ref):
            yield "agent", ref, f"it is {agent['state']}, and its round {agent.get('round_id')} says otherwise"
        if ("due" in agent or "idle" in agent) and "node" not in agent:
            yield "agent", ref, "it has a turn on no node"
    for ref, message in town.records["message"].items():
        if message["to_id"] not in agents:
            yield "message", ref, "whom it is for is not in the file"
    for ref, live in rounds.items():
        if live["kind"] == "work" and (live.get("agent_id") not in agents or "number" not in live):
            yield "round", ref, "its agent or number is missing"


def _wrong(kind: str, ref: str, fields: Fields) -> str | None:
    """Say what is wrong with a record, or None."""
    if kind != "parked" and (not looks_like_id(ref) or kind_of(ref) is not _LETTERS[kind]):
        return "this is no id of that kind"
    places = dict.fromkeys(PLACES.get(kind, ()), NUMBER)
    known = {**forms(kind), **places, **(_EXTRA if kind in {"task", "message"} else {})}
    for name, value in fields.items():
        form = None if kind == "node" and name in LEASE else known.get(name)
        if form is None:
            return f"nobody knows the field `{name[:40]}`"
        if not _fits(form, value):
            return f"`{name}` is {value!r:.60}"
        if value not in _WORDS.get((kind, name), {value} if form != NESTED else ()) and form != NESTED:
            return f"`{name}` is {value!r:.60}"
    for name in (*_NEEDED[kind], *(("seq",) if kind != "parked" else ())):
        if name not in fields:
            return f"`{name}` is missing"
    if kind == "parked":
        return None
    try:
        codec.record(codec.KINDS[kind], {name: value for name, value in fields.items() if name in forms(kind)})
    except StorageCorruptError as error:
        return f"`{error.key.rpartition('.')[2]}` holds what no Tinytown writes"
    except (AttributeError, TypeError, ValueError):  # a list where an object is meant, or the other way round
        return "something nested in it is not as any Tinytown writes it"
    return None


def _fits(form: str, value: Any) -> bool:
    if form == NUMBER:
        return type(value) is int and 0 <= abs(value) < LARGEST
    if form == FLAG:
        return value is True
    if form == TEXT:
        return isinstance(value, str) and "\0" not in value and _is_utf8(value)
    return isinstance(value, (list, dict)) and bool(cast("Any", value))


def _is_utf8(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_events(town: SavedTown, path: str) -> None:
    last = (0, 0)
    for ref, fields in town.events:
        at, dash, count = ref.partition("-")
        if not (dash and at.isascii() and at.isdigit() and count.isascii() and count.isdigit() and len(ref) < 36):  # noqa: PLR2004 - two numbers of 53 bits
            raise SaveFileError(path=path, detail=f"holds event `{ref[:40]}`, which is no id of one")
        place = (int(at), int(count))
        if place <= last or max(place) >= LARGEST:
            raise SaveFileError(path=path, detail=f"holds event `{ref}` out of order")
        last = place
        if "type" not in fields or not all(_fits(TEXT, text) for text in fields.values()):
            raise SaveFileError(path=path, detail=f"holds event `{ref}` with something that is no text")

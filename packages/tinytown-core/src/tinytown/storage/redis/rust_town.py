"""Makes sense of the keys of a town of the Rust program: records, mail and missions, and what cannot be read.

Pure functions on what the server answered. Nothing is dropped in silence: what is not understood is listed with the
reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import attrs

from tinytown.storage.redis.rust_fetch import RawKey

SUPERVISOR = "00000000-0000-0000-0000-000000000001"
"""The mailbox of the conductor."""

TASK_STATES = {"pending", "assigned", "running", "in_flight", "completed", "failed", "cancelled"}
_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_RECORD = re.compile(rf"(agent|inbox|urgent|activity|stop|task):({_UUID})")
_MISSION = re.compile(rf"mission:({_UUID})(?::(work|watch|control|events|dispatch_lock))?")
_ANOTHER_TOWN = re.compile(rf".+:(?:(?:agent|inbox|urgent|activity|stop|task|mission):{_UUID}.*|backlog|events.*)")


@attrs.frozen
class Skipped:
    """What is not brought over, or not whole, and why."""

    key: str
    reason: str


@attrs.frozen(kw_only=True)
class OldAgent:
    """An agent as it was; times are milliseconds, 0 for unknown."""

    uuid: str
    name: str
    state: str = ""
    cli: str = ""
    nickname: str | None = None
    role: str | None = None
    parent: str | None = None
    tasks_completed: int = 0
    rounds_completed: int = 0
    created_at: int = 0
    heartbeat: int = 0
    last_active_at: int = 0


@attrs.frozen(kw_only=True)
class OldTask:
    """A task as it was."""

    uuid: str
    description: str
    state: str
    agent: str | None = None
    parent: str | None = None
    tags: tuple[str, ...] = ()
    result: str | None = None
    created_at: int = 0
    updated_at: int = 0
    started_at: int = 0
    completed_at: int = 0


@attrs.frozen(kw_only=True)
class OldMessage:
    """A message that nobody has taken out of its list."""

    uuid: str
    to: str
    sender: str
    type: str
    fields: Mapping[str, Any]
    urgent: bool
    created_at: int = 0
    key: str = ""


@attrs.frozen(kw_only=True)
class OldMission:
    """A mission with all its parts, as JSON."""

    uuid: str
    run: Mapping[str, Any]
    work: tuple[Mapping[str, Any], ...] = ()
    document: Mapping[str, Any] = attrs.Factory(dict[str, Any])


@attrs.define(kw_only=True)
class OldTown:
    """All that was found, and what could not be read; ``nameless`` counts keys of before towns had names, left out."""

    agents: list[OldAgent] = attrs.Factory(list[OldAgent])
    tasks: list[OldTask] = attrs.Factory(list[OldTask])
    backlog: list[str] = attrs.Factory(list[str])
    mail: list[OldMessage] = attrs.Factory(list[OldMessage])
    missions: list[OldMission] = attrs.Factory(list[OldMission])
    skipped: list[Skipped] = attrs.Factory(list[Skipped])
    left: dict[str, int] = attrs.Factory(dict[str, int])
    nameless: int = 0

    @property
    def empty(self) -> bool:
        """Whether there is nothing of a town."""
        return not (self.agents or self.tasks or self.mail or self.missions or self.backlog or self.skipped)


def read_town(raw: Mapping[str, RawKey], name: str, *, legacy: bool = False) -> OldTown:
    """Read a town off its keys.

    Args:
        raw: The keys as `fetch` gives them.
        name: Name of the town as the Rust program wrote it.
        legacy: Take the keys of before towns had names as this town's; they are only counted otherwise.
    """
    town = OldTown()
    missions: dict[str, dict[str, RawKey]] = {}
    for key in sorted(raw):
        rest = key.removeprefix(f"tt:{name}:") if key.startswith(f"tt:{name}:") else None
        oldest = rest is None
        part = key.removeprefix("tt:") if rest is None else rest
        if oldest and not legacy:
            town.nameless += bool(_RECORD.fullmatch(part) or part == "backlog")
        elif match := _RECORD.fullmatch(part):
            _read_record(town, key, match[1], match[2].lower(), raw[key])
        elif part == "backlog":
            _read_backlog(town, key, raw[key])
        elif oldest:
            continue  # another town's, whose name is one of these words
        elif match := _MISSION.fullmatch(part):
            missions.setdefault(match[1].lower(), {})[match[2] or "run"] = raw[key]
        elif part == "mission:active":
            missions.setdefault("", {})["active"] = raw[key]
        elif part.startswith(("events", "docket:")):
            _leave(town, "events")
        elif _ANOTHER_TOWN.fullmatch(part):
            continue  # another town's, whose name begins like this one's
        else:
            town.skipped.append(Skipped(key, "no key that the Rust program is known to write"))
    active = _texts(missions.pop("", {}).get("active"))
    for uuid, parts in sorted(missions.items()):
        _read_mission(town, f"tt:{name}:mission:{uuid}", uuid, parts, uuid in active)
    return town


def _leave(town: OldTown, what: str) -> None:
    town.left[what] = town.left.get(what, 0) + 1


def _read_record(town: OldTown, key: str, kind: str, uuid: str, raw: RawKey) -> None:
    if kind in {"activity", "stop"}:
        _leave(town, kind)
    elif kind in {"inbox", "urgent"}:
        _read_mail(town, key, uuid, raw, urgent=kind == "urgent")
    elif isinstance(fields := _fields(raw), str):
        town.skipped.append(Skipped(key, fields))
    elif kind == "agent":
        _read_agent(town, key, uuid, fields)
    else:
        _read_task(town, key, uuid, fields)


def _fields(raw: RawKey) -> dict[str, Any] | str:
    """Give the fields of a record, from a hash or from the older JSON text; a sentence where there are none."""
    if raw.value is None:
        return f"is of type {raw.kind}, not a record"
    if raw.kind == "hash":
        return {_text(name): _text(value) for name, value in cast("dict[bytes, bytes]", raw.value).items()}
    if raw.kind != "string":
        return f"is of type {raw.kind}, not a record"
    return _object(raw.value) or "is no JSON object"


def _read_agent(town: OldTown, key: str, uuid: str, fields: Mapping[str, Any]) -> None:
    if uuid == SUPERVISOR:
        _leave(town, "the supervisor's record")
        return
    if not str(fields.get("name") or "").strip():
        town.skipped.append(Skipped(key, "has no name"))
        return
    times = _Times(town, key, fields)
    town.agents.append(
        OldAgent(
            uuid=uuid,
            name=str(fields["name"]),
            state=str(fields.get("state") or ""),
            cli=str(fields.get("cli") or ""),
            nickname=_some(fields, "nickname"),
            role=_some(fields, "role_id"),
            parent=_uuid(fields.get("parent_agent_id")),
            tasks_completed=_count(fields.get("tasks_completed")),
            rounds_completed=_count(fields.get("rounds_completed")),
            created_at=times.of("created_at"),
            heartbeat=times.of("last_heartbeat"),
            last_active_at=times.of("last_active_at"),
        )
    )


def _read_task(town: OldTown, key: str, uuid: str, fields: Mapping[str, Any]) -> None:
    state = str(fields.get("state") or "pending").lower()
    if state not in TASK_STATES:
        town.skipped.append(Skipped(key, f"is in the state {state[:40]!r}, which is not known"))
        return
    if not str(fields.get("description") or "").strip():
        town.skipped.append(Skipped(key, "has no description"))
        return
    tags: Any = fields.get("tags")
    if isinstance(tags, str):
        tags = _json(tags.encode()) if tags else []
    if not isinstance(tags, list) and fields.get("tags") is not None:
        town.skipped.append(Skipped(key, "its tags are no list; the task comes without them"))
        tags = None
    times = _Times(town, key, fields)
    town.tasks.append(
        OldTask(
            uuid=uuid,
            description=str(fields["description"]),
            state=state,
            agent=_uuid(fields.get("assigned_to")),
            parent=_uuid(fields.get("parent_id")),
            tags=tuple(str(tag) for tag in cast("list[object]", tags or [])),
            result=_some(fields, "result"),
            created_at=times.of("created_at"),
            updated_at=times.of("updated_at"),
            started_at=times.of("started_at"),
            completed_at=times.of("completed_at"),
        )
    )


def _read_backlog(town: OldTown, key: str, raw: RawKey) -> None:
    if raw.kind != "list":
        town.skipped.append(Skipped(key, f"is of type {raw.kind}, not a list"))
        return
    known = set(town.backlog)  # there may be 100,000 of them
    for text in _texts(raw):
        uuid = _uuid(text)
        if uuid is None:
            town.skipped.append(Skipped(key, f"names {text[:60]!r}, which is no task"))
        elif uuid not in known:
            known.add(uuid)
            town.backlog.append(uuid)


def _read_mail(town: OldTown, key: str, to: str, raw: RawKey, *, urgent: bool) -> None:
    if raw.kind != "list":
        town.skipped.append(Skipped(key, f"is of type {raw.kind}, not a list"))
        return
    texts = cast("list[bytes]", raw.value or [])
    for place, text in enumerate(reversed(texts) if urgent else texts):  # urgent mail was put in front
        fields = _object(text)
        if fields is None:
            town.skipped.append(Skipped(key, f"message {place + 1} is no JSON object: {_text(text)[:60]!r}"))
            continue
        for name in ("msg_type", "message_type"):  # an older form, in which the type and its fields lie deeper
            if isinstance(inner := fields.get(name), dict):
                fields = {**fields, **cast("dict[str, Any]", inner)}
        if not isinstance(fields.get("type"), str):
            town.skipped.append(Skipped(key, f"message {place + 1} has no type: {_text(text)[:60]!r}"))
            continue
        town.mail.append(
            OldMessage(
                uuid=_uuid(fields.get("id")) or f"{key}:{_text(text)}",
                to=to,
                sender=_uuid(fields.get("from")) or "",
                type=str(fields["type"]),
                fields=fields,
                urgent=urgent or fields.get("priority") == "urgent",
                created_at=_Times(town, key, fields).of("created_at"),
                key=key,
            )
        )


def _read_mission(town: OldTown, key: str, uuid: str, parts: Mapping[str, RawKey], active: bool) -> None:
    run = _fields(parts["run"]) if "run" in parts else "has no record of its own"
    if isinstance(run, str):
        town.skipped.append(Skipped(key, f"{run}; what else there is of it is kept in the file"))
        run = {}
    members = {name: _members(town, f"{key}:{name}", parts.get(name)) for name in ("work", "watch", "control")}
    document = {"id": uuid, "active": active, "mission": run, **members, "events": _texts(parts.get("events"))}
    work = tuple(item for item in members["work"] if _uuid(item.get("id")))
    town.missions.append(OldMission(uuid=uuid, run=run, work=work, document=document))


def _members(town: OldTown, key: str, raw: RawKey | None) -> list[dict[str, Any]]:
    if raw is None:
        return []
    if raw.kind != "hash" or raw.value is None:
        town.skipped.append(Skipped(key, f"is of type {raw.kind}, not a hash"))
        return []
    found: list[dict[str, Any]] = []
    for name, value in sorted(cast("dict[bytes, bytes]", raw.value).items()):
        item = _object(value)
        if item is None:
            town.skipped.append(Skipped(key, f"{_text(name)[:60]} is no JSON object; its text is kept in the file"))
            item = {"unreadable": _text(value), "field": _text(name)}
        found.append(item)
    return found


class _Times:
    """Reads times of a record; one that cannot be read is listed and counts as unknown."""

    def __init__(self, town: OldTown, key: str, fields: Mapping[str, Any]) -> None:
        self._town, self._key, self._fields = town, key, fields

    def of(self, name: str) -> int:
        """Give a time in milliseconds, 0 for none."""
        value = self._fields.get(name)
        if value is None or value == "":
            return 0
        found = to_millis(str(value))
        if found is None:
            reason = f"`{name}` is {str(value)[:60]!r}, which is no time; the record comes without it"
            self._town.skipped.append(Skipped(self._key, reason))
        return found or 0


def to_millis(text: str) -> int | None:
    """Read a time of RFC 3339, with any number of decimals; None where it is none."""
    plain = re.sub(r"(\.\d{1,6})\d*", r"\1", text.strip())
    try:
        moment = datetime.fromisoformat(plain)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    millis = int(moment.timestamp() * 1000)
    return millis if millis > 0 else None


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _texts(raw: RawKey | None) -> list[str]:
    if raw is None or raw.kind not in {"list", "set"} or raw.value is None:
        return []
    found = [_text(value) for value in cast("Sequence[bytes]", raw.value)]
    return sorted(found) if raw.kind == "set" else found


def _object(text: bytes) -> dict[str, Any] | None:
    found = _json(text)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _uuid(value: object) -> str | None:
    """Give a UUID in its usual form; the Rust program reads it with braces, as a URN and without dashes too."""
    try:
        return str(UUID(str(value))) if isinstance(value, str) and value else None
    except ValueError:
        return None


def _some(fields: Mapping[str, Any], name: str) -> str | None:
    value = fields.get(name)
    return str(value) if value not in (None, "") else None


def _count(value: object) -> int:
    try:
        return min(max(int(str(value)), 0), 10**9)
    except ValueError:
        return 0

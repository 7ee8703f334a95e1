"""A town outside of its storage: plain records, one form for all storages."""

from __future__ import annotations

import functools
import typing
from collections.abc import Mapping
from typing import Any, cast

import attrs

from tinytown.storage import codec
from tinytown.storage.protocol import Entry

Fields = dict[str, Any]
"""A record in plain values of JSON; what is absent is left out."""

KINDS = ("agent", "task", "message", "round", "attention", "node", "parked")
"""The kinds of records in the order in which a file holds them. ``parked`` is an account that waits."""

TOWN_NUMBERS = ("created_at", "rounds_counted", "schema", "seq", "spent_micros", "spent_tokens")
PLACES: Mapping[str, tuple[str, ...]] = {"task": ("freed", "verify"), "agent": ("due", "idle")}
"""The numbers by which a record stands in sorted sets that no field of it explains."""

NUMBER, FLAG, NESTED, TEXT = "number", "flag", "nested", "text"
LEASE = frozenset({"nonce", "pid", "beat", "beat_at", "running"})
"""What a node says of its present life, which is over when a town is restored."""


@attrs.define(kw_only=True)
class SavedTown:
    """Everything that is kept of a town.

    Attributes:
        name: Its name.
        numbers: Numbers of the town as a whole.
        records: By kind and id; a task's and message's ``history`` and a task's ``blockers`` are among the fields.
        events: What happened, oldest first.
        trimmed: Older events are no longer kept.
    """

    name: str
    numbers: dict[str, int] = attrs.field(factory=dict[str, int])
    records: dict[str, dict[str, Fields]] = attrs.field(factory=lambda: {kind: {} for kind in KINDS})
    events: list[Entry] = attrs.field(factory=list[Entry])
    trimmed: bool = False

    def counts(self) -> dict[str, int]:
        """Count the records of each kind, and the events."""
        return {**{kind: len(self.records[kind]) for kind in KINDS}, "event": len(self.events)}

    def add(self, item: Mapping[str, Any]) -> None:
        """Take over one item of a page that a storage exported."""
        kind, fields = item["kind"], plain_record(item["kind"], item["record"])
        if kind == "node":
            fields = {name: value for name, value in fields.items() if name not in LEASE}
        for name in ("history", "blockers", *PLACES.get(kind, ())):
            value = plain(item.get(name))
            if value not in (None, []):
                fields[name] = sorted(value) if name == "blockers" else value
        self.records[kind][fields["id"]] = fields
        if parked := item.get("parked"):
            account, said = parked
            self.records["parked"][account] = plain_record("parked", {"id": account, **said})


@functools.cache
def forms(kind: str) -> Mapping[str, str]:
    """Say of what form each field of a kind of record is."""
    if kind == "parked":
        return {"id": TEXT, "probe": TEXT, "until": NUMBER, "tries": NUMBER, "asked": TEXT}
    found = {name: _form(hint) for name, hint in typing.get_type_hints(codec.KINDS[kind]).items()}
    kept = {field.name for field in attrs.fields(codec.KINDS[kind])}
    return {"seq": NUMBER, **{name: form for name, form in found.items() if name in kept}}


def _form(hint: Any) -> str:
    text = str(hint)
    if "tuple" in text or "Mapping" in text:
        return NESTED
    if hint is bool:
        return FLAG
    return NUMBER if hint is int or text.startswith("int |") else TEXT


def plain_record(kind: str, data: Mapping[str, Any]) -> Fields:
    """Give a record in the one form that all storages lead to."""
    known, fields = forms(kind), dict[str, Any]()
    for name, raw in data.items():
        value = plain(raw)
        if value is None or value == []:
            continue
        form = known.get(name, NESTED)
        fields[name] = int(value) if form == NUMBER else bool(int(value)) if form == FLAG else value
    return fields


def plain(value: Any) -> Any:
    """Plain JSON without what is absent, in which an empty object is an empty list and 1.0 is 1."""
    if isinstance(value, Mapping):
        named = cast("Mapping[str, Any]", value)
        return {name: plain(item) for name, item in named.items() if item is not None} or []
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in cast("list[Any]", value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value

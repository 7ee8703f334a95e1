"""The three-way merge of a plan: file, town, and what both said when they last agreed. No file, no server, no clock.

Field by field: what changed on one side alone goes to the other; what changed on both, differently, is a conflict.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

from tinytown.domain.plan_entries import CLOSED, FIELDS, Entry, same

Side = Literal["file", "town"]
Entries = Mapping[str, Entry]


@attrs.frozen(kw_only=True)
class Change:
    """A field of an entry that one side takes over from the other."""

    id: str
    field: str
    old: Any
    new: Any


@attrs.frozen(kw_only=True)
class Conflict:
    """A field that changed on both sides, differently; ``base`` is what both said before, None where that is lost."""

    id: str
    field: str
    file: Any
    town: Any
    base: Any = None


@attrs.frozen(kw_only=True)
class Merge:
    """What would bring file and town together.

    Attributes:
        to_town: What the town takes over.
        to_file: What the file takes over.
        conflicts: What a person must decide.
        new_in_file: Entries without a task.
        new_in_town: Tasks without an entry.
        removed: Entries that were taken out of the file, whose tasks are open.
    """

    to_town: tuple[Change, ...] = ()
    to_file: tuple[Change, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    new_in_file: tuple[str, ...] = ()
    new_in_town: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def merge(file: Entries, town: Entries, base: Entries, *, prefer: Side | None = None) -> Merge:
    """Compare the two sides with what both said before.

    Args:
        file: The entries of the file.
        town: The tasks of those, and others.
        base: What both said when they last agreed.
        prefer: Whose word counts where both changed; without it that is a conflict.
    """
    to_town: list[Change] = []
    to_file: list[Change] = []
    conflicts: list[Conflict] = []
    for ref, mine in file.items():
        theirs, before = town.get(ref), base.get(ref)
        if theirs is None:
            continue
        for field in FIELDS:
            written, there = mine.get(field), theirs.get(field)
            if field == "status" and written is None:  # the file says nothing, and that is never a wish
                written = there if there == "pending" else None
            if same(field, written, there):
                continue
            wins = "town" if field == "status" and written is None else _winner(field, written, there, before) or prefer
            if wins == "file":
                to_town.append(Change(id=ref, field=field, old=there, new=written))
            elif wins == "town":
                to_file.append(Change(id=ref, field=field, old=mine.get(field), new=there))
            else:
                old = None if before is None else before.get(field)
                conflicts.append(Conflict(id=ref, field=field, file=written, town=there, base=old))
    return Merge(
        to_town=tuple(to_town),
        to_file=tuple(to_file),
        conflicts=tuple(conflicts),
        new_in_file=tuple(ref for ref in file if ref not in town),
        new_in_town=tuple(ref for ref in town if ref not in file and ref not in base),
        removed=tuple(ref for ref in base if ref not in file and ref in town and town[ref].status not in CLOSED),
    )


def _winner(field: str, written: Any, there: Any, before: Entry | None) -> Side | None:
    if field == "result":
        return "town"
    if before is None:
        return None
    if same(field, there, before.get(field)):
        return "file"
    return "town" if same(field, written, before.get(field)) else None


def base_after_push(file: Entries, town: Entries, base: Entries) -> dict[str, Entry]:
    """Give what both sides agree on after a push: what the file says, and what was taken out of it.

    What the town changed meanwhile differs from that, so that the next pull takes it over.
    """
    kept = {ref: entry for ref, entry in base.items() if ref not in file}
    said: dict[str, Entry] = {}
    for ref, entry in file.items():
        status = entry.status or (base[ref].status if ref in base else town[ref].status if ref in town else "pending")
        said[ref] = attrs.evolve(entry, status=status)
    return {**said, **kept}


def base_after_pull(file: Entries, town: Entries, base: Entries) -> dict[str, Entry]:
    """Give what both sides agree on after a pull: what the town says of the entries of the file.

    What the file changed meanwhile differs from that, so that the next push takes it over.
    """
    return {**{ref: e for ref, e in base.items() if ref not in file}, **{r: town[r] for r in file if r in town}}

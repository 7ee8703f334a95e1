"""Reading `tasks.toml`: which keys there are, and what is too much. It knows no town."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

import attrs

from tinytown.config.files import read_text
from tinytown.config.schema import Place, option, read_table
from tinytown.config.town import parse_toml
from tinytown.domain.plan_entries import LISTS, STATUSES, Entry, circle, slug
from tinytown.errors import ConfigError

_CONFLICT = re.compile(r"(<{7}|>{7})( |$)")
MAX_ENTRIES = 2000
MAX_NAME = 100
MAX_ITEMS = 200


@attrs.frozen
class Meta:
    """The table ``[meta]``: what the plan is about, and who does what names nobody."""

    description: str = option("")
    default_agent: str | None = option(None)


@attrs.frozen
class _Row:
    description: str = option()
    id: str | None = option(None)
    agent: str | None = option(None)
    role: str | None = option(None)
    status: str | None = option(None)
    tags: tuple[str, ...] = option(())
    depends_on: tuple[str, ...] = option(())
    parent: str | None = option(None)
    result: str | None = option(None)


def _rows(value: Any, place: Place) -> tuple[_Row, ...]:
    if not isinstance(value, list):
        raise place.error("must be a list of tables", "write `[[tasks]]` before each of them")
    tables = cast("list[object]", value)
    if len(tables) > MAX_ENTRIES:
        raise place.error(f"has {len(tables)} entries, more than {MAX_ENTRIES}", "split the plan over several towns")
    return tuple(_row(table, Place(place.path, f"tasks[{number}]")) for number, table in enumerate(tables, 1))


def _row(table: object, place: Place) -> _Row:
    row = read_table(_Row, table, place)
    if not row.description.strip():
        raise place.error("has an empty description", "say what is to be done")
    if row.status is not None and row.status not in STATUSES:
        near = get_close_matches(row.status, STATUSES, 1)
        hint = f"did you mean `{near[0]}`?" if near else f"use one of {', '.join(STATUSES)}"
        raise place.child("status").error(f"{row.status[:40]!r} is no state of a task", hint)
    for name in ("id", "agent", "role", "parent"):
        text = getattr(row, name)
        if text is not None and text != "":
            _check_name(text, place.child(name))
    for name in sorted(LISTS):
        items = getattr(row, name)
        if len(items) > MAX_ITEMS:
            raise place.child(name).error(f"has {len(items)} items, more than {MAX_ITEMS}", "name fewer")
        for item in items:
            _check_name(item, place.child(name))
    if row.id == "":
        raise place.child("id").error("is empty", "give the entry a short name, or leave the line out")
    return row


def _check_name(text: str, place: Place) -> None:
    if not text.strip() or text != text.strip() or len(text) > MAX_NAME or not text.isprintable():
        raise place.error(f"{text[:40]!r} is no name", f"use 1 to {MAX_NAME} characters on one line")


@attrs.frozen
class _File:
    meta: Meta | None = option(None)  # noqa: RUF009 - it makes a field
    tasks: tuple[_Row, ...] = option((), parse=_rows)


@attrs.frozen
class PlanFile:
    """What a file says.

    Attributes:
        text: All of it, or None where there is no file.
        meta: Its table ``[meta]``.
        entries: Its entries in their order.
        unnamed: Ids that were made up, by the number of the entry, because the file gives none.
    """

    text: str | None
    meta: Meta
    entries: tuple[Entry, ...]
    unnamed: Mapping[int, str]


def read_plan(path: Path) -> PlanFile:
    """Read a plan; a file that is not there is an empty one.

    Raises:
        ConfigError: It cannot be read, is no TOML, or says what it must not; nothing was changed.
    """
    text = read_text(path)
    return parse_plan(text, str(path)) if text is not None else PlanFile(None, Meta(), (), {})


def parse_plan(text: str, path: str) -> PlanFile:
    """Read the text of a plan; see `read_plan`."""
    _check_merged(text, path)
    file = read_table(_File, parse_toml(text, path), Place(path))
    named = [row.id for row in file.tasks if row.id is not None]
    for name in named:
        if named.count(name) > 1:
            raise ConfigError(path=path, detail=f"two entries are called `{name}`", hint="give each an id of its own")
    taken, unnamed = set(named), dict[int, str]()
    entries: list[Entry] = []
    for number, row in enumerate(file.tasks):
        name = row.id
        if name is None:
            name = unnamed[number] = slug(row.description, taken)
            taken.add(name)
        entries.append(_entry(name, row))
    way = circle({entry.id: entry.depends_on for entry in entries})
    if way is not None:
        raise ConfigError(path=path, detail=f"entries wait for each other: {' -> '.join(way)}", hint="take one out")
    way = circle({entry.id: (entry.parent,) if entry.parent else () for entry in entries})
    if way is not None:
        raise ConfigError(path=path, detail=f"an entry is a part of itself: {' -> '.join(way)}", hint="take one out")
    return PlanFile(text, file.meta or Meta(), tuple(entries), unnamed)


def _check_merged(text: str, path: str) -> None:
    """Refuse what git left for a person to settle, also where it stands inside a text and so is valid TOML."""
    marks = [(number, line[:7]) for number, line in enumerate(text.splitlines(), 1) if _CONFLICT.match(line)]
    if [mark for _number, mark in marks][:2] == ["<<<<<<<", ">>>>>>>"]:
        detail = f"holds a merge of git that is not settled (line {marks[0][0]})"
        raise ConfigError(path=path, detail=detail, hint="choose between its sides, take the marks out, then sync")


def _entry(name: str, row: _Row) -> Entry:
    return Entry(
        id=name,
        description=row.description,
        agent=row.agent.lower() if row.agent else None,
        role=row.role.lower() if row.role else None,
        status="running" if row.status == "in_flight" else row.status,
        tags=tuple(dict.fromkeys(tag.lower() for tag in row.tags)),
        depends_on=tuple(dict.fromkeys(row.depends_on)),
        parent=row.parent or None,
        result=row.result or None,
    )

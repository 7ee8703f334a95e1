"""Writing `tasks.toml`: comments, order and layout stay, and a text that would say something else is never written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from tinytown.config.files import MAX_FILE_BYTES
from tinytown.config.plan_file import parse_plan
from tinytown.config.write import parse_document
from tinytown.domain.plan_entries import FIELDS, LISTS, Entry
from tinytown.errors import ConfigError

_BARE_END = re.compile(r"(?<!\r)\n")
HEAD = """\
# The plan of this town. `tt sync push` takes it into the town, `tt sync pull` writes here what has become of it.
# Ids stay the same for ever; everything else may be edited, and this file belongs into git.
"""

EXAMPLE = (
    HEAD
    + """
[meta]
description = "What this plan is about"
# default_agent = "w1"               # who does entries that name nobody

[[tasks]]
id = "parser"
description = "Write the parser"
tags = ["core"]

[[tasks]]
id = "parser-docs"
description = \"\"\"
Describe the parser in docs/parser.md.
Show one example of each form.\"\"\"
role = "writer"                      # any agent of this role takes it; `agent = "w1"` names one
depends_on = ["parser"]              # waits until that is completed
# status = "cancelled"               # pending, completed, failed or cancelled; the town writes the others
"""
)


def changed_text(
    text: str | None,
    changes: Mapping[int, Mapping[str, Any]],
    added: Sequence[Entry] = (),
    *,
    path: str,
) -> str:
    """Give the text of a plan with other values in some entries, and more entries at its end.

    Args:
        text: The text; None for a new file.
        changes: By the number of an entry, new values of its keys; nothing and empty lists take a key out.
        added: New entries.
        path: The file, for errors.

    Raises:
        ConfigError: The text is written in a way that a program cannot change without moving what is in it.
    """
    before = HEAD if text is None else text
    expected = [(entry, changes.get(number, {})) for number, entry in enumerate(parse_plan(before, path).entries)]
    found = _edited(before, changes, path) if changes else before
    if added:
        found = _with_new(found, added, path)
    if "\r\n" in before and not _BARE_END.search(before):
        found = _BARE_END.sub("\r\n", found)  # a file has one kind of line ends, whatever a writer puts into it
    _check(found, expected, added, path)
    return found


def _edited(text: str, changes: Mapping[int, Mapping[str, Any]], path: str) -> str:
    document = parse_document(text, path)
    if document.as_string() != text:
        raise _by_hand(path)
    tables: Any = document["tasks"]
    for number, values in changes.items():
        table = tables[number]
        for name, value in values.items():
            if value is None or value == ():
                table.pop(name, None)
            elif name in table:
                table[name] = _item(value)
            else:
                _append(table, name, value)
    return document.as_string()


def _append(table: Any, name: str, value: Any) -> None:
    """Add a key behind the last one: what stands behind that belongs to the next entry."""
    import tomlkit.items

    if not isinstance(table, tomlkit.items.Table):
        table[name] = _item(value)
        return
    body: list[Any] = table.value.body
    behind: list[Any] = []
    while body and body[-1][0] is None:
        behind.insert(0, body.pop())
    table.append(name, _item(value))
    body.extend(behind)


def _with_new(text: str, added: Sequence[Entry], path: str) -> str:
    import tomlkit
    import tomlkit.items

    document: Any = parse_document(text, path)
    known: Any = document.get("tasks")
    if known is not None and not isinstance(known, tomlkit.items.AoT):
        for entry in added:
            row = tomlkit.inline_table()
            for name, value in _values(entry):
                row.append(name, _item(value))
            known.append(row)
        return document.as_string()
    newline = "\r\n" if "\r\n" in text else "\n"
    blocks: list[str] = []
    for entry in added:
        lines = [f"{name} = {_item(value).as_string()}" for name, value in _values(entry)]
        blocks.append(newline.join(["[[tasks]]", *lines, ""]))
    start = text if not text or text.endswith("\n") else text + newline
    return start + newline + newline.join(blocks)


def _values(entry: Entry) -> Iterable[tuple[str, Any]]:
    yield "id", entry.id
    for name in FIELDS:
        value = entry.get(name)
        if value is not None and value != ():
            yield name, value


def _item(value: Any) -> Any:
    import tomli
    import tomlkit

    if isinstance(value, tuple):
        return tomlkit.item(list(value))  # pyright: ignore[reportUnknownArgumentType] - texts
    if "\n" in value and "\r" not in value and not value.startswith("\n"):
        several = tomlkit.string(value, multiline=True)
        try:
            if tomli.loads(f"v = {several.as_string()}\n")["v"] == value:
                return several
        except ValueError:
            pass  # then on one line
    return tomlkit.string(value)


def _check(text: str, expected: Sequence[tuple[Entry, Mapping[str, Any]]], added: Sequence[Entry], path: str) -> None:
    """Read the new text, and refuse it where it does not say what it should."""
    if len(text.encode()) > MAX_FILE_BYTES:
        detail = f"would be larger than {MAX_FILE_BYTES} bytes, which no command reads"
        raise ConfigError(path=path, detail=detail, hint="take closed entries out of the file, then sync again")
    try:
        found = parse_plan(text, path).entries
    except ConfigError as error:
        raise ConfigError(path=path, detail=f"would not load any more: {error.detail}", hint=error.hint) from None
    wanted: list[Entry] = []
    for entry, values in expected:
        fields = {name: () if name in LISTS and not value else value for name, value in values.items()}
        wanted.append(attrs.evolve(entry, **fields))
    if list(found) != [*wanted, *added]:
        raise _by_hand(path)


def _by_hand(path: str) -> ConfigError:
    return ConfigError(
        path=path,
        detail="cannot be changed by a program without moving what is in it",
        hint="put all `[[tasks]]` one behind the other, behind `[meta]`",
    )

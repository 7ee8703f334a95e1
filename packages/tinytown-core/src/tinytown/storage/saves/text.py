"""The file of a saved town: a row of JSON objects with one field a line, so that a diff shows what has changed.

Nothing in it depends on when or where it was written: the same town gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, cast

from tinytown.errors import SaveFileError
from tinytown.storage.saves.town import KINDS, SavedTown

FORMAT = 1
HEAD = "tinytown_save"
LONGEST_LINE = 16 * 1024 * 1024


def write(town: SavedTown) -> Iterator[bytes]:
    """Give the file in parts."""
    head = {"name": town.name, "events_trimmed": town.trimmed, **town.numbers}
    yield _object(HEAD, FORMAT, head)
    for kind in KINDS:
        records = town.records[kind]
        for ref in sorted(records, key=lambda ref: (records[ref].get("seq", 0), ref)):
            yield _object(kind, ref, {name: value for name, value in records[ref].items() if name != "id"})
    for ref, fields in town.events:
        yield (_json({"event": ref}, sort=False)[:-1] + ", " + _json(dict(fields))[1:] + "\n").encode()
    yield (_json({"end": town.counts()}, sort=False) + "\n").encode()


def _object(kind: str, ref: Any, fields: dict[str, Any]) -> bytes:
    lines = [f"{_json(kind)}: {_json(ref)}"]
    lines += [f"{_json(name)}: {_json(fields[name])}" for name in sorted(fields) if name != "history"]
    if history := fields.get("history"):
        lines.append('"history": [\n  ' + ",\n  ".join(_json(line) for line in history) + "]")
    return ("{" + ",\n ".join(lines) + "}\n").encode()


def _json(value: Any, *, sort: bool = True) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=sort)


def read(lines: Iterable[bytes], path: str) -> SavedTown:
    """Read a file.

    Args:
        lines: Its lines, each with its end.
        path: Its name, for errors.

    Raises:
        SaveFileError: It is no such file, of another version, cut, or holds something twice.
    """
    town: SavedTown | None = None
    ended = False
    for number, value in _objects(lines, path):
        kind = next(iter(value), "")
        ref = value.pop(kind, None)
        if town is None:
            town = _head(kind, ref, value, path)
        elif ended:
            raise SaveFileError(path=path, detail=f"goes on after its end in line {number}")
        elif kind == "end":
            ended = _counted(ref, town, path)
        elif kind == "event":
            town.events.append((_text(ref, number, path), value))
        elif kind in KINDS:
            ref = _text(ref, number, path)
            if ref in town.records[kind]:
                raise SaveFileError(path=path, detail=f"holds {kind} `{ref[:80]}` twice, again in line {number}")
            town.records[kind][ref] = {"id": ref, **value}
        else:
            raise SaveFileError(path=path, detail=f"holds `{kind[:40]}` in line {number}, which is no kind of record")
    if town is None or not ended:
        raise SaveFileError(path=path, detail="is cut: its last line is missing", hint="take a whole copy of it")
    return town


def _head(kind: str, version: Any, value: dict[str, Any], path: str) -> SavedTown:
    if kind != HEAD:
        raise SaveFileError(path=path, detail="is not a saved town", hint="`tt save` writes one")
    if version != FORMAT:
        raise SaveFileError(
            path=path, detail=f"is of format {version!s:.20}, and this Tinytown reads {FORMAT}", hint="use a newer one"
        )
    name, trimmed = value.pop("name", None), value.pop("events_trimmed", None)
    numbers = all(type(number) is int for number in value.values())
    if not isinstance(name, str) or not isinstance(trimmed, bool) or not numbers:
        raise SaveFileError(path=path, detail="has a first part that no Tinytown wrote")
    return SavedTown(name=name, trimmed=trimmed, numbers=value)


def _counted(counts: Any, town: SavedTown, path: str) -> bool:
    found = town.counts()
    if counts != found:
        said = cast("dict[str, Any]", counts) if isinstance(counts, dict) else {}
        wrong = next((kind for kind in found if said.get(kind) != found[kind]), "event")
        raise SaveFileError(
            path=path,
            detail=f"holds {found[wrong]} records of kind `{wrong}`, but its last line says {said.get(wrong)}",
            hint="it was cut or changed by hand; correct the last line if the change was meant",
        )
    return True


def _text(value: Any, number: int, path: str) -> str:
    if not isinstance(value, str):
        raise SaveFileError(path=path, detail=f"holds something without an id in line {number}")
    return value


def _objects(lines: Iterable[bytes], path: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Give each object with the number of its first line; one begins where a line begins with a brace."""
    parts: list[bytes] = []
    begun = 0
    for number, line in enumerate(lines, 1):
        if len(line) >= LONGEST_LINE:
            raise SaveFileError(path=path, detail=f"has a line of more than {LONGEST_LINE} bytes, line {number}")
        if line.startswith(b"{"):
            if parts:
                yield begun, _parsed(b"".join(parts), begun, path)
            parts, begun = [line], number
        elif parts and line.startswith(b" "):
            parts.append(line)
        elif not parts:
            raise SaveFileError(path=path, detail="is not a saved town", hint="`tt save` writes one")
        else:
            raise SaveFileError(path=path, detail=f"cannot be read in line {number}")
    if parts:
        yield begun, _parsed(b"".join(parts), begun, path)


def _parsed(data: bytes, number: int, path: str) -> dict[str, Any]:
    try:
        return json.loads(data.decode(), object_pairs_hook=_once, parse_constant=_never, parse_float=_never)
    except (ValueError, RecursionError) as error:
        detail = "is not UTF-8" if isinstance(error, UnicodeDecodeError) else f"cannot be read: {error!s:.80}"
        raise SaveFileError(path=path, detail=f"{detail}, in the part that begins with line {number}") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field stands there twice")
    return found


def _never(text: str) -> Any:
    raise ValueError(f"`{text}` is no number that Tinytown writes")

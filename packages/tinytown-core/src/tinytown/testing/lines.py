"""Lines as a CLI might print them in a version that nobody has seen yet: known lines with one value exchanged."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, cast

from hypothesis import strategies as st

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def changed_lines(known: Iterable[str]) -> st.SearchStrategy[str]:
    """Give lines of JSON that differ from known ones in one value, and lines of any text.

    Args:
        known: Lines that the CLI printed. Lines that are not JSON objects are left out.
    """
    records = [record for record in map(_record, known) if record is not None]
    spots = [(record, path) for record in records for path in _paths(record)]
    anything = st.text(max_size=200) | _VALUES.map(json.dumps)
    if not spots:
        return anything
    exchanged = st.builds(_exchange, st.sampled_from(spots), _VALUES)
    return exchanged.map(json.dumps) | anything


def _record(line: str) -> dict[str, Any] | None:
    try:
        value: object = json.loads(line)
    except ValueError:
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if path:
        yield path
    inside: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        inside = cast("dict[Any, Any]", value).items()
    elif isinstance(value, list):
        inside = enumerate(cast("list[Any]", value))
    for key, item in inside:
        yield from _paths(item, (*path, key))


def _exchange(spot: tuple[dict[str, Any], tuple[str | int, ...]], value: object) -> dict[str, Any]:
    record, path = spot
    copy: Any = json.loads(json.dumps(record))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return copy

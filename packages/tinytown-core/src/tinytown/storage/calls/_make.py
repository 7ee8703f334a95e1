"""How calls are made: the states that a verb may start from go along with its arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from tinytown.domain.states import sources_of
from tinytown.storage import codec
from tinytown.storage.calls.answers import Page
from tinytown.storage.protocol import Answer, Call

T = TypeVar("T")
R = TypeVar("R")


def rows(kind: str, *verbs: str) -> dict[str, list[str]]:
    """Give the allowed states of some rows of a table, under the names that scripts look for."""
    return {f"{kind}.{verb}": sources_of(kind, verb) for verb in verbs}


SETTLING = rows("task", "ready", "block", "unblock")
"""What a closed task may do to its dependents."""


def change(
    verb: str,
    args: Mapping[str, Any],
    decode: Callable[[Answer], T],
    *,
    allowed: Mapping[str, list[str]] | None = None,
    natural: bool = False,
) -> Call[T]:
    """Make the call of a verb; arguments that are None are left out."""
    given = {name: value for name, value in args.items() if value is not None}
    if allowed is not None:
        given["from"] = allowed
    return Call(verb, given, decode, changes=True, natural=natural)


def query(name: str, args: Mapping[str, Any], decode: Callable[[Answer], T]) -> Call[T]:
    """Make the call of a query."""
    return Call(name, {key: value for key, value in args.items() if value is not None}, decode, changes=False)


def page(kind: type[R]) -> Callable[[Answer], Page[R]]:
    """Read a page of records."""

    def decode(answer: Answer) -> Page[R]:
        after = answer.get("next")
        return Page(codec.records(kind, answer.get("items")), None if after is None else int(after))

    return decode


def strings(value: Any) -> tuple[str, ...]:
    """Read a list of texts; an empty table of the server is an empty list."""
    return tuple(str(item) for item in value or ())

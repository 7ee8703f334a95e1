"""What callers may pass: one check for each kind of argument, for all doors. Nothing wrong reaches the server."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import TypeVar

from tinytown.domain.names import agent_name, body, plain_name, worker_name
from tinytown.domain.records import Gate
from tinytown.errors import InvalidValueError

E = TypeVar("E", bound=StrEnum)

MAX_REF = 200
MAX_LIMIT = 1000
MAX_TAGS = 32
MAX_DEPENDENCIES = 200
MAX_LINE = 200
MAX_SECS = 30 * 24 * 3600.0
MESSAGE_KINDS = ("task", "query", "info", "ack")

__all__ = ["agent_name", "body", "plain_name", "worker_name"]


def ref(text: str, *, what: str = "reference") -> str:
    """Check the form of what should name a record: an id, its beginning, a name, a nickname or a label."""
    stripped = text.strip()
    if not stripped:
        raise InvalidValueError(what=what, detail="is empty", hint="name a record by id or name")
    if len(stripped) > MAX_REF or not stripped.isprintable():
        raise InvalidValueError(
            what=what, detail=f"{stripped[:40]!r} names nothing", hint="name a record by id or name, on one line"
        )
    return stripped


def refs(texts: Iterable[str], *, what: str) -> tuple[str, ...]:
    """Check several references; the same one twice counts once."""
    found = tuple(dict.fromkeys(ref(text, what=what) for text in _several(texts, what)))
    if len(found) > MAX_DEPENDENCIES:
        raise InvalidValueError(what=what, detail=f"are {len(found)}, more than {MAX_DEPENDENCIES}", hint="name fewer")
    return found


def line(text: str | None, *, what: str) -> str | None:
    """Check a short text on one line that may be left out, such as the name of a model."""
    if text is None:
        return None
    stripped = text.strip()
    if not stripped or len(stripped) > MAX_LINE or not stripped.isprintable():
        raise InvalidValueError(
            what=what, detail=f"{text[:40]!r} is not a short text on one line", hint=f"use 1 to {MAX_LINE} characters"
        )
    return stripped


def tags(texts: Iterable[str]) -> tuple[str, ...]:
    """Check and fold tags; the same one twice counts once."""
    found = tuple(dict.fromkeys(plain_name(text, what="tag") for text in _several(texts, "tags")))
    if len(found) > MAX_TAGS:
        raise InvalidValueError(what="tags", detail=f"are {len(found)}, more than {MAX_TAGS}", hint="use fewer")
    return found


def limit(number: int, *, most: int = MAX_LIMIT) -> int:
    """Check how many records a page shall have."""
    if isinstance(number, bool) or not 1 <= number <= most:
        raise InvalidValueError(what="limit", detail=f"{number} is not from 1 to {most}", hint="ask for another page")
    return number


def cursor(after: int | None) -> int | None:
    """Check where a page begins."""
    if after is not None and (isinstance(after, bool) or not 0 <= after < 1 << 53):
        raise InvalidValueError(what="cursor", detail=f"{after} is not one", hint="use `next` of the page before")
    return after


def count(number: int | None, *, what: str, least: int = 1, most: int = 1_000_000) -> int | None:
    """Check a whole number that may be left out."""
    if number is not None and (isinstance(number, bool) or not least <= number <= most):
        raise InvalidValueError(what=what, detail=f"{number} is not from {least} to {most}", hint="choose another")
    return number


def secs(number: float | None, *, what: str) -> float | None:
    """Check a length of time in seconds that may be left out."""
    if number is not None and (not math.isfinite(number) or not 0 <= number <= MAX_SECS):
        raise InvalidValueError(
            what=what, detail=f"{number} is not a time", hint=f"give seconds from 0 to {MAX_SECS:.0f}"
        )
    return number


def one_of(kind: type[E], text: str | None, *, what: str) -> E | None:
    """Check a word of a fixed list that may be left out."""
    if text is None:
        return None
    return kind(word(text.lower(), [str(each) for each in kind], what=what))


def word(text: str, known: Sequence[str], *, what: str) -> str:
    """Check a word of a fixed list, with the nearest one as a hint."""
    if text not in known:
        from difflib import get_close_matches

        near = get_close_matches(text, known, 1)
        hint = f"did you mean `{near[0]}`?" if near else "use one of " + ", ".join(f"`{each}`" for each in known)
        raise InvalidValueError(what=what, detail=f"{text[:40]!r} is not known", hint=hint)
    return text


def gates(given: Iterable[Gate | str], known: Sequence[Gate]) -> tuple[Gate, ...]:
    """Check the gates of a task.

    Args:
        given: Gates; the name of one of the town's; or ``NAME=COMMAND``.
        known: The gates of the town.
    """
    by_name = {gate.name: gate for gate in known}
    found: dict[str, Gate] = {}
    for each in _several(given, "gates"):
        gate = _gate(each, by_name)
        found[gate.name] = gate
    return tuple(found.values())


def _gate(given: Gate | str, known: dict[str, Gate]) -> Gate:
    if isinstance(given, str):
        name, equals, command = given.partition("=")
        if not equals:
            return known[word(given.strip().lower(), sorted(known), what="gate")] if known else _no_gate(given)
        given = Gate(name=name.strip(), command=command.strip())
    name = plain_name(given.name, what="gate name")
    body(given.command, what=f"command of gate `{name}`")
    timeout = count(given.timeout_secs, what=f"time limit of gate `{name}`", most=int(MAX_SECS))
    return Gate(name=name, command=given.command, timeout_secs=timeout or 1800)


def _no_gate(text: str) -> Gate:
    raise InvalidValueError(
        what="gate", detail=f"{text[:40]!r} is not known", hint="write `NAME=COMMAND`, or add it to `[gates]`"
    )


S = TypeVar("S")


def _several(values: Iterable[S], what: str) -> Iterable[S]:
    """Refuse one text where several are expected; its letters would count as the items."""
    if isinstance(values, str):
        raise InvalidValueError(what=what, detail="must be a list", hint="put the one value into a list")
    return values

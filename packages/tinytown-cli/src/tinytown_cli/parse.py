"""Reads the plain forms of a command line by the command table, without importing an argument parser.

Importing cyclopts costs several times as much as the rest of a short command. So what is written in the plain way is
read here, and everything else (slips, abbreviations, unusual forms) is left to cyclopts, which is built from the same
table. A differential test proves that both understand the same wherever this one answers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from tinytown_cli.table.model import Command, Param


class Bound(NamedTuple):
    """A command with the values it is called with.

    Attributes:
        command: Its row of the table.
        values: A value for each parameter.
    """

    command: Command
    values: dict[str, Any]


def find(words: Sequence[str], table: dict[tuple[str, ...], Command]) -> tuple[Command, list[str]] | None:
    """Give the command that the first one or two words name, and the words behind them; None for no such command."""
    for length in (2, 1):
        command = table.get(tuple(words[:length])) if len(words) >= length else None
        if command is not None:
            return command, list(words[length:])
    return None


def bind(command: Command, words: Sequence[str]) -> Bound | None:
    """Read the arguments of a command where they are written plainly.

    Args:
        command: Its row of the table.
        words: What followed the command's own words.

    Returns:
        The values, or None where a fuller parser has to decide, errors included.
    """
    options = {flag: param for param in command.params if not param.positional for flag in param.flags}
    places = [param for param in command.params if param.positional]
    values: dict[str, Any] = {param.name: param.default for param in command.params}
    taken: list[str] = []
    seen: set[str] = set()
    rest = iter(words)
    for word in rest:
        if word == "--":
            taken += rest
            break
        if word == "-" or not word.startswith("-"):
            taken.append(word)
            continue
        name, equals, value = word.partition("=")
        param = options.get(name)
        if param is None or (param.kind == "bool" and equals) or (param.name in seen and param.kind != "list"):
            return None
        seen.add(param.name)
        if param.kind == "bool":
            values[param.name] = True
            continue
        if not equals:
            value = next(rest, "")
        if not value or (value.startswith("-") and value != "-"):
            return None
        read = value_of(param, value)
        if read is None:
            return None
        values[param.name] = (*values[param.name], read) if param.kind == "list" else read
    many = places.pop() if places and places[-1].kind == "list" else None
    if (len(taken) > len(places) and many is None) or len(taken) < sum(param.required for param in places):
        return None
    if not all(taken):
        return None
    for param, word in zip(places, taken, strict=False):
        if (read := value_of(param, word)) is None:
            return None
        values[param.name] = read
    if many is not None:
        values[many.name] = tuple(taken[len(places) :])
    return Bound(command, values)


def value_of(param: Param, word: str) -> str | int | float | None:
    """Read one value; None where it is not written plainly or is not allowed."""
    if param.choices and word not in param.choices:
        return None
    if param.kind not in {"int", "float"}:
        return word
    digits = word.replace(".", "", 1) if param.kind == "float" else word
    if not (digits.isascii() and digits.isdigit()) or word.startswith(".") or len(word) > 15:  # noqa: PLR2004
        return None
    number = int(word) if param.kind == "int" else float(word)
    fits = (param.low or 0) <= number <= (math.inf if param.high is None else param.high)
    return number if math.isfinite(number) and fits else None

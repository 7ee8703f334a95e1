"""Takes the global flags out of a command line, wherever they stand before a bare `--`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Flags(NamedTuple):
    """What holds for every command.

    Attributes:
        town: Path that ``--town`` named, or None.
        json: Print one JSON document.
        quiet: Say on standard error only what went wrong.
        verbose: Say more on standard error, and show whole records where short ones are usual.
        operation: Id under which a verb is repeated, from ``--id``.
        help: Show help instead.
        version: Show the version instead.
        problem: What is wrong with the flags themselves, or None.
    """

    town: str | None = None
    json: bool = False
    quiet: bool = False
    verbose: bool = False
    operation: str | None = None
    help: bool = False
    version: bool = False
    problem: str | None = None


GLOBAL_HELP: tuple[tuple[str, str], ...] = (
    ("--town, -t PATH", "Folder of the town; else TINYTOWN_TOWN, else the nearest one above"),
    ("--json", "Print one JSON document"),
    ("--quiet, -q", "Say nothing but results and errors"),
    ("--verbose, -v", "Say more"),
    ("--id OPERATION", "Repeat a command whose outcome is unknown, safely"),
    ("--help, -h", "Show this help"),
    ("--version", "Show the version"),
)
"""The flags with their help, in the order in which help shows them."""

_SWITCHES = {
    "--json": "json",
    "--quiet": "quiet",
    "-q": "quiet",
    "--verbose": "verbose",
    "-v": "verbose",
    "--help": "help",
    "-h": "help",
    "--version": "version",
    "-V": "version",
}
_VALUES = {"--town": "town", "-t": "town", "--id": "operation"}


def split(words: Sequence[str]) -> tuple[Flags, list[str]]:
    """Separate the global flags from the words of the command.

    Args:
        words: The command line without the program's name.

    Returns:
        The flags, and what is left in its order. Behind a bare ``--`` nothing is a flag.
    """
    found: dict[str, object] = {}
    left: list[str] = []
    problem: str | None = None
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        if word == "--":
            left += [word, *words[position:]]
            break
        name, equals, value = word.partition("=")
        if word in _SWITCHES:
            found[_SWITCHES[word]] = True
        elif name not in _VALUES:
            left.append(word)
        elif equals:
            found[_VALUES[name]] = value
        elif position < len(words):
            found[_VALUES[name]] = words[position]
            position += 1
        else:
            problem = f"`{name}` needs a value"
    return Flags(**found, problem=problem), left  # pyright: ignore[reportArgumentType] - names and types are _SWITCHES'

"""What a terminal may be given: no control sequences from outside, colour only where it is wanted."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import TextIO

_SEQUENCES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours, cursor, modes
    r"|\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)?"  # titles, clipboard, strings to the terminal
    r"|\x1b[ -/]*[0-~]?"  # the other escapes
    r"|\x9b[0-?]*[ -/]*[@-~]?"
    r"|\x9d[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)?"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_COLOURS = {"red": 31, "green": 32, "yellow": 33, "dim": 2, "bold": 1}


def clean(text: str) -> str:
    """Take everything out that a terminal would act on; line ends and tabs stay.

    Args:
        text: Text that an agent, a person or a file may have brought in.

    Returns:
        The same text in so far as it is only to be read.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _SEQUENCES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROLS.sub("", text)


def one_line(text: str, width: int) -> str:
    """Give the beginning of a text on one line, at most so many columns wide."""
    line = " ".join(clean(text[: width * 4]).split())
    if columns(line) <= width:
        return line if len(text) <= width * 4 else line + "…"
    while columns(line) > width - 1:
        line = line[:-1]
    return line.rstrip() + "…"


def columns(text: str) -> int:
    """Count the columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def wants_colour(stream: TextIO, env: Mapping[str, str]) -> bool:
    """Say whether colour may be used: never under ``NO_COLOR``, always under ``FORCE_COLOR``, else on a terminal."""
    if env.get("NO_COLOR"):
        return False
    if env.get("FORCE_COLOR"):
        return True
    return stream.isatty() and env.get("TERM") != "dumb"


def coloured(text: str, colour: str | None, *, on: bool) -> str:
    """Colour a text, where that is on."""
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if on and colour else text

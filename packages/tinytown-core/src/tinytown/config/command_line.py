"""Split a command line of the user's as a shell splits words, without ever running a shell."""

from __future__ import annotations

import re
import shlex

from tinytown.config.schema import Place

_SHELL = frozenset("$`|<>&;")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")


def split_command(text: str, place: Place) -> tuple[str, ...]:
    """Split a command line into its words.

    Args:
        text: The command line. Quotes and backslashes work as in a shell.
        place: Where it stands in its file, for the error.

    Raises:
        ConfigError: It is empty, a quote is left open, or it has something that only a shell can do.
    """
    if found := needs_shell(text):
        raise place.error(
            f"has {found}, which only a shell can do, and no shell runs it",
            "put that part into a script and name the script, or quote the character; `env` sets variables",
        )
    try:
        words = tuple(shlex.split(text))
    except ValueError:
        raise place.error("has an open quote or ends in a backslash", "close the quote") from None
    if not words or not words[0]:
        raise place.error("is empty", "name the program to run")
    return words


def needs_shell(text: str) -> str | None:
    """Say what in a command line only a shell could do, or None.

    Quoted characters mean themselves: nothing is special between single quotes, and only ``$`` and the backtick are
    between double quotes.
    """
    if _ASSIGNMENT.match(text.lstrip()):
        return "a variable in front of the program"
    quote = ""
    escaped = False
    start_of_word = True
    for character in text:
        if escaped:
            if quote and character in "$`":  # shells drop this backslash, the splitter of the library keeps it
                return _shown(character)
            escaped = False
        elif character == "\\" and quote != "'":
            escaped = True
        elif quote:
            if character == quote:
                quote = ""
            elif quote == '"' and character in "$`":
                return _shown(character)
        elif character in "'\"":
            quote = character
        elif character in _SHELL:
            return _shown(character)
        elif character == "~" and start_of_word:
            return "a `~` at the beginning of a word"
        elif character == "\n":
            return "several lines"
        start_of_word = not quote and not escaped and character in " \t"
    return None


def _shown(character: str) -> str:
    return "a backtick" if character == "`" else f"a `{character}`"

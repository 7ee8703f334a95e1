"""Split a command line from a configuration file into words, and refuse what only a shell could do."""

from __future__ import annotations

import shlex

from tinytown.errors import UsageError

_OPERATORS = frozenset("|&;<>()`")
_HINT = "Tinytown starts it without a shell; quote the character if it is meant as it is, or write `sh -c '…'`"


def split_command(text: str, *, what: str = "command") -> tuple[str, ...]:
    """Split as a shell splits words.

    Args:
        text: The command line.
        what: How the error calls it.

    Returns:
        At least one word.

    Raises:
        UsageError: It is empty, a quote is not closed, or it needs a shell: ``~``, ``$``, ``|`` and the like.
    """
    _refuse_shell(text, what)
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(detail=f"{what} `{text}` cannot be split into words: {error}".lower()) from None
    if not words:
        raise UsageError(detail=f"{what} is empty", hint="write the program and its arguments")
    return words


def _refuse_shell(text: str, what: str) -> None:
    quote, begins, escaped = "", True, False
    for char in text:
        if escaped:
            escaped, begins = False, False
            continue
        if char == "\\" and quote != "'":
            escaped = True
        elif quote:
            if char == quote:
                quote = ""
            elif quote == '"' and char in "$`":
                raise UsageError(detail=f"{what} `{text}` holds `{char}`, which only a shell understands", hint=_HINT)
        elif char in "\"'":
            quote, begins = char, False
        elif char in _OPERATORS or char == "$" or (char == "~" and begins):
            raise UsageError(detail=f"{what} `{text}` holds `{char}`, which only a shell understands", hint=_HINT)
        else:
            begins = char.isspace()

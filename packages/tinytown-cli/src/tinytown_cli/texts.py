"""Long text: `-` is standard input, `@file` is a file, everything else is meant as it stands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import BinaryIO

from tinytown.errors import InvalidValueError

MAX_BYTES = 256 * 1024
"""Largest text; as large as `tinytown.domain.names.MAX_BODY_BYTES`, which a test compares."""


def read_text(word: str, *, what: str) -> str:
    """Give the text that a word of the command line stands for.

    Args:
        word: ``-``, ``@path``, or the text; ``@@`` at its beginning stands for one ``@``.
        what: How an error calls it.

    Raises:
        InvalidValueError: It cannot be read, is not UTF-8, holds NUL, or is too large.
    """
    if word == "-":
        if sys.stdin is None or sys.stdin.isatty():
            raise InvalidValueError(
                what=what,
                detail="was to come from standard input, which is a terminal",
                hint="pipe it in, or use `@file`",
            )
        return _decoded(sys.stdin.buffer, what)
    if word.startswith("@@"):
        return word[1:]
    if not word.startswith("@") or len(word) == 1:
        return word
    try:
        with Path(word[1:]).open("rb") as file:
            return _decoded(file, what)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidValueError(
            what=what,
            detail=f"cannot be read from `{word[1:61]}`: {reason}",
            hint="name a file that can be read, or write `@@` for a text that begins with `@`",
        ) from None


def _decoded(file: BinaryIO, what: str) -> str:
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise InvalidValueError(
            what=what,
            detail=f"is more than {MAX_BYTES} bytes",
            hint="put the long part into a file of the repository and name the file",
        )
    try:
        return data.decode().removesuffix("\n")
    except UnicodeDecodeError:
        raise InvalidValueError(what=what, detail="is not valid UTF-8", hint="convert it to UTF-8 first") from None

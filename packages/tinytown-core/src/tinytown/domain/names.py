"""What may be a name or a text: one place for the rules on everything that people and agents type."""

from __future__ import annotations

import re

from tinytown.domain.ids import looks_like_id
from tinytown.errors import InvalidValueError

RESERVED = frozenset({"conductor", "supervisor", "all", "me"})
"""Names that commands give a meaning of their own."""

SENDERS = frozenset({"person", "town"})
"""By these names mail and histories call who is no agent, so no agent may have them."""

MAX_BODY_BYTES = 256 * 1024
"""Largest body of a message or description of a task, in bytes of UTF-8."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def agent_name(text: str, *, what: str = "agent name") -> str:
    """Check a name or nickname of an agent and fold its case.

    Args:
        text: What was typed.
        what: How the error calls it.

    Returns:
        The name in lower case.

    Raises:
        InvalidValueError: It is empty, too long, reserved, looks like an id, or has other characters than
            letters, digits, ``-`` and ``_``.
    """
    name = plain_name(text, what=what)
    if name in RESERVED:
        raise InvalidValueError(what=what, detail=f"`{name}` is reserved", hint="choose another name")
    if looks_like_id(name):
        raise InvalidValueError(what=what, detail=f"`{name}` looks like an id", hint="choose another name")
    return name


def worker_name(text: str, *, what: str = "agent name") -> str:
    """Check a name or nickname for an agent, as `agent_name`; it must not be one that means people or the town.

    Raises:
        InvalidValueError: It is none.
    """
    name = agent_name(text, what=what)
    if name in SENDERS:
        raise InvalidValueError(what=what, detail=f"`{name}` is reserved", hint="choose another name")
    return name


def plain_name(text: str, *, what: str) -> str:
    """Check the form of a name (town, agent, role, gate, tag) and fold its case."""
    name = text.lower()
    if not _NAME.fullmatch(name):
        shown = text if len(text) <= 40 else text[:37] + "..."  # noqa: PLR2004 - only shortens the echo
        raise InvalidValueError(
            what=what,
            detail=f"{shown!r} is not a name",
            hint="use 1 to 63 letters, digits, `-` and `_`, and begin with a letter or digit",
        )
    return name


def body(text: str, *, what: str, allow_empty: bool = False) -> str:
    """Check a text that is kept whole: the description of a task, a message, a result.

    Args:
        text: The text. Surrogates stand for bytes that were not UTF-8.
        what: How the error calls it.
        allow_empty: Whether a text of only white space is fine.

    Returns:
        The text, unchanged.

    Raises:
        InvalidValueError: Not UTF-8, holds NUL, is empty, or is larger than ``MAX_BODY_BYTES``.
    """
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidValueError(what=what, detail="is not valid UTF-8", hint="convert it to UTF-8 first") from None
    if "\0" in text:
        raise InvalidValueError(what=what, detail="holds a NUL character", hint="take the NUL character out")
    if not allow_empty and not text.strip():
        raise InvalidValueError(what=what, detail="is empty", hint="give it some text")
    if size > MAX_BODY_BYTES:
        raise InvalidValueError(
            what=what,
            detail=f"is {size} bytes, more than {MAX_BODY_BYTES}",
            hint="put the long part into a file of the repository and name the file",
        )
    return text

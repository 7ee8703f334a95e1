"""Ids: a letter, a dash and random characters of Crockford's base 32 in lower case.

The client makes the id of a new record before it first sends anything, so that sending again makes no second record.
Source: Douglas Crockford's base 32, which leaves out the letters that look like digits.
"""

from __future__ import annotations

import os
import re
from enum import StrEnum

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH = 10

CONDUCTOR_ID = "a-00000000"
"""The mailbox that `conductor` and `supervisor` name. It exists in every town and has no process of ours."""


class IdKind(StrEnum):
    """The letter in front of an id."""

    TASK = "t"
    AGENT = "a"
    MESSAGE = "m"
    ROUND = "r"
    NODE = "n"
    ATTENTION = "q"
    OPERATION = "o"


_LOOKS_LIKE = re.compile(r"(?:[tamrnqo]-[0-9a-hjkmnp-tv-z]{8,}|mission-[0-9a-hjkmnp-tv-z]{8,})")


def new_id(kind: IdKind) -> str:
    """Make an id that no other record has.

    Args:
        kind: What the id is for.

    Returns:
        For example ``t-9k3fq2xa7m``: 50 random bits behind the letter.
    """
    return f"{kind.value}-" + "".join(_ALPHABET[byte & 31] for byte in os.urandom(_LENGTH))


def looks_like_id(text: str) -> bool:
    """Say whether a text has the form of an id of any kind, which no name may have."""
    return _LOOKS_LIKE.fullmatch(text) is not None


def kind_of(ref: str) -> IdKind | None:
    """Give the kind that the letter of an id or of its beginning names, or None for a name."""
    letter, dash, _rest = ref.partition("-")
    # Asking the enum itself whether it holds a text is an error before Python 3.12.
    return next((kind for kind in IdKind if kind.value == letter), None) if dash else None


def derived_id(kind: IdKind, origin: str) -> str:
    """Make the id of something that was somewhere else before: of the same origin always the same.

    Args:
        kind: What the id is for.
        origin: What names it there, such as a UUID.

    Returns:
        An id with 80 bits behind the letter.
    """
    import hashlib  # no ordinary command needs it

    digest = hashlib.sha256(f"{kind.value}:{origin}".encode()).digest()
    return f"{kind.value}-" + "".join(_ALPHABET[byte & 31] for byte in digest[:16])

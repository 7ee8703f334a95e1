"""From a call to the words on the wire, and from the script's answer back to records."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from tinytown.domain.ids import IdKind, new_id
from tinytown.errors import InvalidValueError, StorageRefusedError
from tinytown.storage.protocol import Call
from tinytown.storage.redis.scripts import Script
from tinytown.storage.redis.wire import Command
from tinytown.storage.refusals import raise_refusal

T = TypeVar("T")


def operation_for(call: Call[Any], given: str | None) -> str | None:
    """Give the operation id a call is sent with: none for queries and for what is repeatable by its own ids."""
    if not call.changes or call.natural:
        return None
    return given or new_id(IdKind.OPERATION)


def arguments(call: Call[Any]) -> str:
    """Write a call's arguments as JSON.

    Raises:
        InvalidValueError: A text holds half a character and cannot be UTF-8.
    """
    text = json.dumps(call.args, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidValueError(what=f"a text given to `{call.verb}`", detail="is not UTF-8") from error
    return text


def commands_for(script: Script, prefix: str, operation: str | None, now: str, args: str) -> tuple[Command, Command]:
    """Give the short form, and the form with the whole script for a server that does not know it."""
    rest: Command = (1, prefix, operation or "", now, args)
    return ("EVALSHA", script.sha, *rest), ("EVAL", script.source, *rest)


def decode(call: Call[T], reply: Any, *, url: str) -> T:
    """Read a script's answer.

    Raises:
        TinytownError: The script refused; nothing was changed.
        StorageRefusedError: What came is no answer of ours.
    """
    try:
        answer: Any = json.loads(reply)
    except (TypeError, ValueError) as error:
        raise StorageRefusedError(
            url=url,
            detail=f"the answer to `{call.verb}` cannot be read",
            hint="see that client and server are of the same version of Tinytown",
        ) from error
    if "error" in answer:
        raise_refusal(answer["error"])
    return call.decode(answer)

"""Turns the refusal that a script answers into the typed error with the same code.

A script that refuses answers ``{"error": {"code": …, fields…}}`` and has changed nothing. Both storages use this.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from tinytown import errors


def raise_refusal(error: Mapping[str, Any]) -> NoReturn:
    """Raise the error that a refusal stands for.

    Args:
        error: The object under ``error``: a ``code`` and the fields of its class.

    Raises:
        TinytownError: Always, of the class of that code; `RefusedError` for a code without a class.
    """
    fields = {str(key): value for key, value in error.items() if key != "code"}
    code = str(error["code"])
    hint = fields.pop("hint", None)
    if code == errors.AmbiguousError.code:
        raise errors.AmbiguousError(ref=str(fields["ref"]), candidates=tuple(fields["candidates"]))
    kind = _BY_CODE.get(code)
    if kind is None:
        raise errors.RefusedError(detail=str(fields.get("detail", code)), refusal=code, hint=hint)
    raise kind(**fields, hint=hint) if hint is not None else kind(**fields)


_BY_CODE: Mapping[str, type[errors.TinytownError]] = {
    kind.code: kind
    for kind in (
        errors.NotFoundError,
        errors.NameTakenError,
        errors.WrongStateError,
        errors.StaleRoundError,
        errors.StaleNodeError,
        errors.InvalidValueError,
        errors.TownConflictError,
        errors.TownUnfinishedError,
        errors.EventsTrimmedError,
        errors.StorageCorruptError,
    )
}

"""Every error: a code of its own, one sentence, a hint in the form of an order."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from tinytown import errors
from tinytown.storage.refusals import raise_refusal


def _all(kind: type[errors.TinytownError]) -> list[type[errors.TinytownError]]:
    return [kind, *(below for direct in kind.__subclasses__() for below in _all(direct))]


ERRORS = [kind for kind in _all(errors.TinytownError) if kind.__module__ == errors.__name__]


def _made(kind: type[errors.TinytownError]) -> errors.TinytownError:
    values: dict[str, Any] = {"candidates": ("t-1", "t-2"), "seconds": 2.5}
    needed = [field.name for field in attrs.fields(kind) if field.default is attrs.NOTHING]
    return kind(**{name: values.get(name, f"<{name}>") for name in needed})


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_has_a_code_a_sentence_and_perhaps_a_hint(kind: type[errors.TinytownError]) -> None:
    error = _made(kind)
    assert kind.code.replace("_", "").isalpha()
    assert kind.code == kind.code.lower()
    sentence = str(error)
    assert sentence
    assert "{" not in sentence
    assert not sentence.endswith(".")
    if error.hint:
        assert error.hint[0].islower() or error.hint[0] == "`"
        assert not error.hint.endswith(".")


def test_no_two_errors_share_a_code() -> None:
    codes = [kind.code for kind in ERRORS]
    assert len(codes) == len(set(codes))


def test_a_refusal_becomes_the_error_of_its_code() -> None:
    fields = {"kind": "task", "id": "t-1", "state": "failed", "verb": "assign", "allowed": "pending"}
    with pytest.raises(errors.WrongStateError) as caught:
        raise_refusal({"code": "wrong_state", **fields})
    assert str(caught.value) == "task `t-1` is `failed`, but `assign` needs pending"
    with pytest.raises(errors.AmbiguousError) as ambiguous:
        raise_refusal({"code": "ambiguous", "ref": "t-", "candidates": ["t-1", "t-2"]})
    assert ambiguous.value.candidates == ("t-1", "t-2")


def test_a_refusal_of_a_newer_server_is_still_a_sentence() -> None:
    with pytest.raises(errors.RefusedError) as caught:
        raise_refusal({"code": "moon_is_full", "detail": "not tonight", "hint": "wait"})
    assert (str(caught.value), caught.value.refusal, caught.value.hint) == ("not tonight", "moon_is_full", "wait")

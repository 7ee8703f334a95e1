"""A contract suite may be extended but not weakened in silence."""

from __future__ import annotations

import pytest
from tinytown.testing import Contract


class Swims(Contract):
    def test_it_floats(self):
        assert self.departures == {}


def test_overriding_without_a_reason_is_an_error():
    with pytest.raises(TypeError, match="overrides `test_it_floats`"):
        type("Stone", (Swims,), {"test_it_floats": lambda _self: None})


def test_a_reason_must_say_something():
    with pytest.raises(TypeError, match="without a reason"):
        type("Stone", (Swims,), {"test_it_floats": lambda _self: None, "departures": {"test_it_floats": " "}})


def test_a_reason_and_further_tests_are_welcome():
    departures = {"test_it_floats": "stones have another contract"}
    made = type("Stone", (Swims,), {"test_it_floats": None, "test_it_sinks": None, "departures": departures})

    assert issubclass(made, Swims)

"""Which gates apply to a task."""

from __future__ import annotations

import pytest
from tinytown.domain.gates import gates_for
from tinytown.domain.records import Gate

LINT, TEST = Gate(name="lint", command="lint"), Gate(name="test", command="test")
QUICK = Gate(name="lint", command="lint --quick")


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ((), (LINT, TEST)),
        ((QUICK,), (TEST, QUICK)),
        ((Gate(name="docs", command="docs"),), (LINT, TEST, Gate(name="docs", command="docs"))),
    ],
)
def test_the_towns_gates_come_first_and_one_of_the_tasks_own_replaces_its_namesake(own, expected):
    assert gates_for((LINT, TEST), own) == expected

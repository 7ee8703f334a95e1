"""Nothing wrong reaches the server: every door relies on these checks."""

from __future__ import annotations

import pytest
from tinytown.domain.records import Gate
from tinytown.errors import InvalidValueError, UsageError
from tinytown.services import checks

BAD = {
    "an empty task": lambda town: town.add_task("  "),
    "a task that is not UTF-8": lambda town: town.add_task("x\udcff"),
    "a task with NUL": lambda town: town.add_task("x\0y"),
    "a task of too many bytes": lambda town: town.add_task("ä" * (128 * 1024 + 1)),
    "an empty reference": lambda town: town.task(" "),
    "a reference of two lines": lambda town: town.task("t-1\nt-2"),
    "a very long reference": lambda town: town.agent("a" * 300),
    "an unknown state": lambda town: town.tasks(state="runing"),
    "a limit of nothing": lambda town: town.tasks(limit=0),
    "a limit that is too high": lambda town: town.agents(limit=100_000),
    "a cursor below zero": lambda town: town.tasks(after=-1),
    "an unknown kind of message": lambda town: town.send("conductor", "hi", kind="order"),
    "a lifetime that is no number": lambda town: town.send("conductor", "hi", ttl_secs=float("nan")),
    "an empty message": lambda town: town.send("conductor", ""),
    "a reserved name": lambda town: town.spawn("conductor"),
    "a name like an id": lambda town: town.spawn("a-9k3fq2xa"),
    "a nickname with spaces": lambda town: town.spawn("w9", nickname="two words"),
    "a role with a slash": lambda town: town.add_task("x", role="a/b"),
    "a tag with a space": lambda town: town.add_task("x", tags=["a b"]),
    "one text instead of tags": lambda town: town.add_task("x", tags="abc"),
    "one text instead of dependencies": lambda town: town.add_task("x", depends_on="t-00000000"),
    "too many tags": lambda town: town.add_task("x", tags=[f"t{n}" for n in range(40)]),
    "an unknown gate": lambda town: town.add_task("x", gates=["test"]),
    "a gate without a command": lambda town: town.add_task("x", gates=["test="]),
    "a gate without a name": lambda town: town.add_task("x", gates=["=make"]),
    "a gate that takes no time": lambda town: town.add_task("x", gates=[Gate(name="a", command="b", timeout_secs=0)]),
    "no rounds at all": lambda town: town.spawn("w9", max_rounds=0),
    "a model of two lines": lambda town: town.spawn("w9", model="a\nb"),
    "a reason that is empty": lambda town: town.fail("t-00000000", " "),
    "an unknown code of a block": lambda town: town.block("t-00000000", "why", code="crashes"),
    "a wait below zero": lambda town: town.wait("t-00000000", timeout=-1),
    "a wait for ever and ever": lambda town: town.wait("t-00000000", timeout=float("inf")),
    "an event id that is none": lambda town: town.events(after="yesterday"),
    "an answer that is empty": lambda town: town.answer("q-00000000", ""),
}


@pytest.mark.parametrize("act", BAD.values(), ids=BAD.keys())
def test_wrong_input_is_refused_with_a_hint_and_changes_nothing(bench, act):
    before = bench.events()
    with pytest.raises(InvalidValueError) as caught:
        act(bench.town)
    assert caught.value.hint
    assert bench.events() == before


def test_an_unknown_word_gets_the_nearest_one_as_hint():
    with pytest.raises(InvalidValueError) as caught:
        checks.word("runing", ["running", "blocked"], what="state")
    assert caught.value.hint == "did you mean `running`?"


def test_gates_may_be_named_or_written_out():
    known = (Gate(name="test", command="pytest"),)
    assert checks.gates(["test", "lint=ruff check ."], known) == (*known, Gate(name="lint", command="ruff check ."))


def test_fields_of_a_new_task_do_not_fit_one_that_exists(bench):
    bench.agent()
    task = bench.town.add_task("x")
    with pytest.raises(UsageError):
        bench.town.assign("w1", task.id, tags=["a"])
    assert bench.town.task(task.id).state == "pending"

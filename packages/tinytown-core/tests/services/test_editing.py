"""Editing tasks: what is refused before anything is sent, and what a record that was read protects."""

from __future__ import annotations

import pytest
from tinytown.errors import InvalidValueError, RefusedError, UsageError, WrongStateError


def test_a_record_that_was_read_protects_what_others_changed_since(bench):
    read = bench.town.add_task("mend the roof")
    bench.town.edit(read.id, text="mend the door")
    with pytest.raises(RefusedError) as caught:
        bench.town.edit(read, text="mend the wall")
    assert caught.value.shown_code == "edit_conflict"
    assert bench.town.edit(read, tags=["wall"]).tags == ("wall",)
    assert bench.town.task(read.id).description == "mend the door"


def test_what_is_left_out_stays_and_what_is_empty_goes(bench):
    above = bench.town.add_task("above")
    task = bench.town.add_task("x", role="mason", tags=["a"], parent=above.id)
    assert bench.town.edit(task.id, role="").role is None
    after = bench.town.edit(task.id, tags=[], parent=" ")
    assert (after.tags, after.parent_id, after.description) == ((), None, "x")


@pytest.mark.parametrize(
    "values",
    [{"text": " "}, {"text": "x\0"}, {"role": "a/b"}, {"tags": ["a b"]}, {"tags": "ab"}, {"parent": "x\ny"}],
)
def test_values_of_a_wrong_form_change_nothing(bench, values):
    task = bench.town.add_task("x")
    before = bench.events()
    with pytest.raises(InvalidValueError):
        bench.town.edit(task.id, **values)
    assert bench.events() == before


def test_nothing_named_and_a_running_task_are_refused(bench):
    agent = bench.agent()
    task = bench.town.assign("w1", "x")
    with pytest.raises(UsageError):
        bench.town.edit(task.id)
    bench.take(agent)
    with pytest.raises(WrongStateError):
        bench.town.edit(task.id, text="y")


def test_an_edit_that_readies_a_task_sees_to_a_node(bench):
    first = bench.town.add_task("first")
    task = bench.town.add_task("x", depends_on=[first.id])
    bench.node.runs = False
    starts = bench.node.starts
    assert bench.town.edit(task.id, depends_on=[]).state == "pending"
    assert bench.node.starts == starts + 1

"""Changing what a task says, and the names that a plan gives to tasks."""

from __future__ import annotations

import pytest

from tinytown.domain.ids import IdKind
from tinytown.errors import TinytownError
from tinytown.storage.calls import edits, tasks
from tinytown.testing.contract.base import ContractPart, refused, unchanged
from tinytown.testing.hands import Hands


class Edits(ContractPart):
    """Edits of open tasks, and their place in the backlog and among others that they wait for."""

    def test_an_edit_changes_what_it_names_and_nothing_else(self, town: Hands) -> None:
        ref = town.add("mend the roof", role="mason", tags=["roof"]).id
        after = town.run(edits.edit(ref, {"description": "mend the door", "tags": ["door", "wood"]})).task
        assert (after.description, after.tags, after.role, after.state) == (
            "mend the door",
            ("door", "wood"),
            "mason",
            "pending",
        )
        assert town.task(ref) == after
        assert town.events("task.edited")[-1]["detail"] == "description, tags"

    def test_empty_values_take_away(self, town: Hands) -> None:
        above, first = town.add().id, town.add().id
        ref = town.add(role="mason", tags=["roof"], parent=above, depends_on=[first]).id
        values: dict[str, str | list[str]] = {"role": "", "tags": [], "parent_id": "", "depends_on": []}
        after = town.run(edits.edit(ref, values)).task
        assert (after.role, after.tags, after.parent_id, after.depends_on) == (None, (), None, ())
        assert after.state == "pending"

    def test_the_same_edit_twice_is_one_edit(self, town: Hands) -> None:
        ref = town.add().id
        town.run(edits.edit(ref, {"role": "mason"}))
        before = len(town.events("task.edited"))
        with unchanged(town):
            town.subject.first.run(edits.edit(ref, {"role": "mason"}))
        assert len(town.events("task.edited")) == before == 1

    def test_what_has_changed_since_it_was_read_is_refused_and_not_lost(self, town: Hands) -> None:
        ref = town.add("mend the roof", tags=["roof"]).id
        seen = {"description": "mend the roof", "tags": ["roof"], "role": ""}
        town.run(edits.edit(ref, {"description": "mend the door"}))
        error = refused(town, TinytownError, edits.edit(ref, {"description": "mend the wall"}, seen=seen))
        assert error.shown_code == "edit_conflict"
        town.run(edits.edit(ref, {"tags": ["wall"], "role": "mason"}, seen=seen))
        town.run(edits.edit(ref, {"description": "mend the door"}, seen=seen))
        assert town.task(ref).description == "mend the door"

    def test_an_edited_role_moves_a_task_to_the_backlog_of_that_role(self, town: Hands) -> None:
        ref = town.add(role="tiler").id
        town.run(edits.edit(ref, {"role": "mason"}))
        assert set(town.subject.dump()) & {"backlog:tiler", "backlog:mason"} == {"backlog:mason"}
        assert town.task(ref).role == "mason"

    @pytest.mark.parametrize("agent", [None, "w1"])
    def test_a_new_open_dependency_lets_a_task_wait_and_its_removal_lets_it_go_on(
        self, town: Hands, agent: str | None
    ) -> None:
        town.spawn("w1")
        first, done = town.add().id, town.add().id
        town.run(tasks.submit(done))
        ref = town.add(agent=agent).id
        ready = "assigned" if agent else "pending"
        assert town.run(edits.edit(ref, {"depends_on": [done]})).task.state == ready
        assert town.run(edits.edit(ref, {"depends_on": [done, first]})).task.state == "waiting"
        assert town.run(edits.edit(ref, {"depends_on": [done]})).task.state == ready
        town.run(edits.edit(ref, {"depends_on": [first]}))
        town.run(tasks.submit(first))
        assert town.task(ref).state == ready

    def test_dropping_the_dependency_that_failed_frees_a_task(self, town: Hands) -> None:
        one, two, three = town.add().id, town.add().id, town.add().id
        ref = town.add(depends_on=[one, two, three]).id
        town.run(tasks.fail(one, "no"))
        town.run(tasks.cancel(two))
        assert town.run(edits.edit(ref, {"depends_on": [two, three]})).task.reason == f"dependency_failed: {two}"
        assert town.run(edits.edit(ref, {"depends_on": [three]})).task.state == "waiting"
        assert town.run(edits.edit(ref, {"depends_on": []})).task.state == "pending"

    def test_a_task_that_waits_for_people_stays_blocked(self, town: Hands) -> None:
        ref, first = town.add().id, town.add().id
        town.run(tasks.block(ref, "question: which roof?"))
        after = town.run(edits.edit(ref, {"depends_on": [first], "description": "mend"})).task
        assert (after.state, after.reason) == ("blocked", "question: which roof?")
        assert len(town.open_items("question")) == 1
        assert town.run(tasks.unblock(ref)).task.state == "waiting"

    def test_a_dependency_that_has_failed_is_refused(self, town: Hands) -> None:
        ref, first = town.add().id, town.add().id
        town.run(tasks.cancel(first))
        error = refused(town, TinytownError, edits.edit(ref, {"depends_on": [first]}))
        assert error.shown_code == "dependency_failed"

    def test_circles_are_refused_with_the_way_round(self, town: Hands) -> None:
        one = town.add().id
        two = town.add(depends_on=[one]).id
        three = town.add(depends_on=[two]).id
        error = refused(town, TinytownError, edits.edit(one, {"depends_on": [three]}))
        assert error.shown_code == "dependency_cycle"
        assert f"{one} -> {three} -> {two} -> {one}" in str(error)
        error = refused(town, TinytownError, edits.edit(one, {"depends_on": [one]}))
        assert f"{one} -> {one}" in str(error)
        part = town.add(parent=one).id
        error = refused(town, TinytownError, edits.edit(one, {"parent_id": part}))
        assert (error.shown_code, f"{one} -> {part} -> {one}" in str(error)) == ("parent_cycle", True)

    def test_nobody_edits_what_a_round_works_on_and_no_round_edits(self, town: Hands) -> None:
        town.spawn("w1")
        ref = town.add(agent="w1").id
        other = town.add().id
        live = town.begin("w1")
        error = refused(town, TinytownError, edits.edit(ref, {"description": "other"}))
        assert error.code == "wrong_state"
        error = refused(town, TinytownError, edits.edit(other, {"description": "other"}, round_id=live.id))
        assert error.shown_code == "people_only"


class PlanNames(ContractPart):
    """One entry of a plan is one task."""

    def test_adding_an_entry_again_gives_the_task_that_it_has(self, town: Hands) -> None:
        first = town.add("mend the roof", plan_id="roof")
        assert first.plan_id == "roof"
        with unchanged(town):
            again = town.subject.first.run(tasks.add(town.new(IdKind.TASK), "other", plan_id="roof", agent="none"))
        assert again.task == first

    def test_a_task_is_named_once_and_a_name_names_one_task(self, town: Hands) -> None:
        town.spawn("w1")
        running = town.add(agent="w1").id
        town.begin("w1")
        other = town.add().id
        assert town.run(edits.link(running, "roof")).task.plan_id == "roof"
        assert town.run(edits.link(running, "door")).task.plan_id == "roof"
        error = refused(town, TinytownError, edits.link(other, "roof"))
        assert error.shown_code == "plan_id_taken"
        assert town.add("more", plan_id="roof").id == running

    def test_entries_and_whole_ids_are_found(self, town: Hands) -> None:
        one, two = town.add(plan_id="roof").id, town.add().id
        found = town.run(edits.planned(["roof", "none", two, "t-none0000"]))
        assert [task.id for task in found] == [one, two]

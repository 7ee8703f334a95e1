"""Tasks that wait for tasks."""

from __future__ import annotations

import pytest

from tinytown.domain.ids import IdKind
from tinytown.errors import NotFoundError, TinytownError
from tinytown.storage.calls import tasks
from tinytown.testing.contract.base import ContractPart, refused
from tinytown.testing.hands import NODE, Hands, gates


class Dependencies(ContractPart):
    """Waiting, freed, blocked and waiting again."""

    def test_a_task_waits_until_the_last_of_its_dependencies_is_completed(self, town: Hands) -> None:
        town.spawn()
        one, two = town.add().id, town.add().id
        named, unnamed = town.add(agent="w1", depends_on=[one, two]), town.add(depends_on=[two, one, two])
        assert named.state == unnamed.state == "waiting"
        assert unnamed.depends_on == (two, one)
        town.run(tasks.submit(one))
        assert town.task(named.id).state == "waiting"
        town.run(tasks.submit(two))
        assert town.task(named.id).state == "assigned"
        assert town.task(unnamed.id).state == "pending"
        assert town.due() == ["w1"]

    def test_completed_dependencies_are_not_waited_for(self, town: Hands) -> None:
        done = town.add().id
        town.run(tasks.submit(done))
        assert town.add(depends_on=[done]).state == "pending"

    @pytest.mark.parametrize("verb", ["fail", "cancel"])
    def test_a_dependency_that_ends_badly_blocks_and_its_reopening_lets_wait_again(
        self, town: Hands, verb: str
    ) -> None:
        first = town.add().id
        second = town.add(depends_on=[first]).id
        third = town.add(depends_on=[second]).id
        town.run(tasks.fail(first, "no") if verb == "fail" else tasks.cancel(first))
        assert (town.task(second).state, town.task(second).reason) == ("blocked", f"dependency_failed: {first}")
        assert town.task(third).state == "waiting"
        assert [(item.kind, item.ref) for item in town.open_items()] == [("dependency_failed", first)]
        refused(town, TinytownError, tasks.add(town.new(IdKind.TASK), "more", depends_on=[first]))
        town.run(tasks.reopen(first))
        assert town.task(second).state == "waiting"
        town.run(tasks.submit(first))
        assert town.task(second).state == "pending"

    def test_a_task_whose_gates_have_not_passed_frees_nobody(self, town: Hands) -> None:
        first = town.add().id
        second = town.add(depends_on=[first]).id
        town.run(tasks.submit(first, gates=gates("tests"), gate_node=NODE))
        assert town.task(second).state == "waiting"
        town.end_gate(town.begin_gate(first), "pass")
        assert town.task(second).state == "pending"

    def test_more_than_a_hundred_dependents_are_freed_by_the_list_that_lasts(self, town: Hands) -> None:
        first = town.add().id
        waiting = [town.add(depends_on=[first]).id for _ in range(230)]
        town.run(tasks.submit(first))
        freed = [town.task(ref).state for ref in waiting]
        assert freed == ["pending"] * 100 + ["waiting"] * 130
        assert town.pull().freed == 1
        assert town.run(tasks.drain()) == (first,)
        assert sum(town.task(ref).state == "pending" for ref in waiting) == 200
        town.run(tasks.drain())
        assert {town.task(ref).state for ref in waiting} == {"pending"}
        assert town.pull().freed == 0
        assert town.run(tasks.drain()) == ()

    def test_more_than_a_hundred_dependents_are_blocked_and_let_wait_again(self, town: Hands) -> None:
        first = town.add().id
        waiting = [town.add(depends_on=[first]).id for _ in range(130)]
        town.run(tasks.cancel(first))
        town.run(tasks.drain())
        assert {town.task(ref).state for ref in waiting} == {"blocked"}
        town.run(tasks.reopen(first))
        town.run(tasks.drain())
        assert {town.task(ref).state for ref in waiting} == {"waiting"}
        assert town.pull().freed == 0

    def test_a_person_who_submits_a_waiting_task_frees_it_from_what_it_waited_for(self, town: Hands) -> None:
        town.spawn()
        first = town.add().id
        second = town.add(agent="w1", depends_on=[first]).id
        town.run(tasks.submit(second, gates=gates("tests"), gate_node=NODE))
        town.end_gate(town.begin_gate(second), "reject")
        live = town.begin("w1")
        assert live.task_id == second
        town.run(tasks.requeue(second))
        town.end(live, "interrupted")
        assert town.task(second).state == "pending"
        town.run(tasks.submit(first))
        assert town.task(second).state == "pending"

    def test_nothing_depends_on_a_task_that_does_not_exist(self, town: Hands) -> None:
        refused(town, NotFoundError, tasks.add(town.new(IdKind.TASK), "more", depends_on=["t-zzzzzzzz"]))

    def test_a_task_that_waits_does_not_go_into_the_backlog(self, town: Hands) -> None:
        ref = town.add(depends_on=[town.add().id]).id
        refused(town, TinytownError, tasks.requeue(ref))
        town.run(tasks.block(ref, "question: ?"))
        refused(town, TinytownError, tasks.requeue(ref))

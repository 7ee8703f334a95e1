"""Imports: records from elsewhere keep their times, states and order; what is there already is never touched."""

from __future__ import annotations

from typing import Any

import pytest

from tinytown.domain.ids import CONDUCTOR_ID
from tinytown.domain.records import Agent, Task
from tinytown.errors import NameTakenError, NotFoundError
from tinytown.storage.calls import agents, imports, mail, tasks
from tinytown.testing.contract.base import ContractPart, refused, unchanged
from tinytown.testing.hands import NODE, Hands


def bring_agent(town: Hands, ref: str = "a-oldoldo1", name: str = "w1", **more: Any) -> Agent:
    """Import an agent."""
    given: dict[str, Any] = {
        "cli": "script",
        "role": "worker",
        "node": NODE,
        "created_at": 1_000,
        "last_active_at": 2_000,
        **more,
    }
    return town.run(imports.agent(ref, name, **given))[0]


def bring_task(town: Hands, ref: str, state: str = "pending", **more: Any) -> Task:
    """Import a task."""
    given: dict[str, Any] = {"created_at": 1_000, "updated_at": 2_000, "closed_at": 2_000, "by": "ann", **more}
    return town.run(imports.task(ref, f"old {ref}", state=state, **given))[0]


class Imports(ContractPart):
    """What lived elsewhere goes on here, once."""

    def test_an_agent_comes_stopped_with_its_times_and_counters_and_goes_on_when_restarted(self, town: Hands) -> None:
        agent = bring_agent(town, nickname="max", tasks_completed=7, rounds_completed=9)
        assert (agent.name, agent.state, agent.wanted, agent.node) == ("w1", "stopped", "stopped", NODE)
        assert (agent.created_at, agent.last_active_at) == (1_000, 2_000)
        assert (agent.tasks_completed, agent.rounds_completed) == (7, 9)
        bring_task(town, "t-oldoldo1", agent=agent.id)
        assert town.due() == []
        town.want("max", "restart")
        assert town.due() == ["w1"]

    def test_a_name_that_another_has_is_refused(self, town: Hands) -> None:
        town.spawn("w1", nickname="max")
        given: dict[str, Any] = {"cli": "x", "role": "worker", "node": NODE, "created_at": 1, "last_active_at": 1}
        refused(town, NameTakenError, imports.agent("a-oldoldo1", "w1", **given))
        refused(town, NameTakenError, imports.agent("a-oldoldo1", "max", **given))
        refused(town, NameTakenError, imports.agent("a-oldoldo1", "w2", nickname="w1", **given))

    def test_a_parent_is_kept_if_it_is_there(self, town: Hands) -> None:
        above = bring_agent(town)
        assert bring_agent(town, "a-oldoldo2", "w2", parent=above.id).parent_id == above.id
        assert bring_agent(town, "a-oldoldo3", "w3", parent="a-zzzzzzzz").parent_id is None

    @pytest.mark.parametrize("state", ["completed", "failed", "cancelled"])
    def test_a_closed_task_keeps_its_times_and_what_came_of_it(self, town: Hands, state: str) -> None:
        agent = bring_agent(town, tasks_completed=3)
        task = bring_task(
            town, "t-oldoldo1", state, agent=agent.id, result="done", reason="why", started_at=1_500, closed_at=1_900
        )
        assert (task.state, task.agent, task.created_by) == (state, "w1", "ann")
        assert (task.created_at, task.started_at, task.closed_at, task.updated_at) == (1_000, 1_500, 1_900, 2_000)
        assert (task.result, task.reason) == (("done", None) if state == "completed" else (None, "why"))
        assert town.agent("w1").tasks_completed == 3

    def test_open_tasks_are_in_the_backlog_or_in_their_agents_queue_in_the_order_of_import(self, town: Hands) -> None:
        agent = bring_agent(town)
        assert bring_task(town, "t-oldoldo3", agent=agent.id).state == "assigned"
        assert bring_task(town, "t-oldoldo2").state == "pending"
        assert bring_task(town, "t-oldoldo1", created_at=5).state == "pending"
        backlog = town.run(tasks.listing(state="pending")).items
        assert [task.id for task in backlog] == ["t-oldoldo2", "t-oldoldo1"]
        assert town.agent("w1").queued_tasks == 1

    def test_a_task_whose_agent_is_gone_goes_into_the_backlog(self, town: Hands) -> None:
        agent = town.spawn("w1")
        town.want("w1", "kill")
        town.remove("w1")
        assert bring_task(town, "t-oldoldo1", agent=agent.id).state == "pending"
        assert bring_task(town, "t-oldoldo2", agent="a-zzzzzzzz").state == "pending"

    def test_a_task_waits_for_what_is_open_and_goes_on_when_that_is_completed(self, town: Hands) -> None:
        bring_task(town, "t-oldoldo1")
        bring_task(town, "t-oldoldo2", "completed")
        task = bring_task(town, "t-oldoldo3", depends_on=["t-oldoldo1", "t-oldoldo2", "t-zzzzzzzz"])
        assert (task.state, task.depends_on) == ("waiting", ("t-oldoldo1", "t-oldoldo2"))
        town.run(tasks.submit("t-oldoldo1"))
        assert town.task("t-oldoldo3").state == "pending"

    def test_a_task_that_depends_on_a_failed_one_is_blocked_until_that_is_reopened(self, town: Hands) -> None:
        bring_task(town, "t-oldoldo1", "failed", reason="no")
        task = bring_task(town, "t-oldoldo2", depends_on=["t-oldoldo1"])
        assert (task.state, task.reason) == ("blocked", "dependency_failed: t-oldoldo1")
        town.run(tasks.reopen("t-oldoldo1"))
        assert town.task("t-oldoldo2").state == "waiting"

    def test_a_blocked_task_asks_a_person(self, town: Hands) -> None:
        task = bring_task(town, "t-oldoldo1", "blocked", reason="mission: it had failed")
        assert (task.state, task.updated_at) == ("blocked", 2_000)
        assert [(item.kind, item.ref) for item in town.open_items()] == [("mission", task.id)]

    def test_mail_is_queued_in_the_order_of_import_and_wakes_nobody_who_has_stopped(self, town: Hands) -> None:
        agent = bring_agent(town)
        for number, urgent in enumerate((False, True, False)):
            call = imports.message(
                f"m-oldoldo{number}", agent.id, f"{number}", sender="bob", kind="task", created_at=9, urgent=urgent
            )
            message, made = town.run(call)
            assert (made, message.state, message.sender, message.created_at) == (True, "queued", "bob", 9)
        assert [item.body for item in town.run(mail.peek("w1")).items] == ["1", "0", "2"]
        assert town.due() == []
        given: dict[str, Any] = {"sender": "bob", "kind": "info", "created_at": 9}
        assert town.run(imports.message("m-oldoldo8", CONDUCTOR_ID, "hello", **given))[0].to == "conductor"
        refused(town, NotFoundError, imports.message("m-oldoldo9", "a-zzzzzzzz", "x", **given))

    def test_once_more_answers_what_is_there_and_changes_nothing(self, town: Hands) -> None:
        agent = bring_agent(town)
        bring_task(town, "t-oldoldo1", agent=agent.id)
        given: dict[str, Any] = {"sender": "bob", "kind": "task", "created_at": 9}
        town.run(imports.message("m-oldoldo1", agent.id, "x", **given))
        town.want("w1", "restart")
        town.run(tasks.cancel("t-oldoldo1"))
        with unchanged(town):
            assert bring_agent(town, name="w7").name == "w1"
            assert bring_task(town, "t-oldoldo1").state == "cancelled"
            assert town.run(imports.message("m-oldoldo1", agent.id, "y", **given)) == (
                town.message("m-oldoldo1"),
                False,
            )
        ids = ["t-oldoldo1", "t-oldoldo2", "m-oldoldo1", agent.id]
        assert town.run(imports.known(ids)) == ("t-oldoldo1", "m-oldoldo1", agent.id)
        assert town.run(imports.known([])) == ()
        assert [item.id for item in town.run(agents.listing()).items] == [agent.id]

"""The table of a task, row by row: from every state, what a person's verb does."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from tinytown.domain.states import TASK
from tinytown.errors import TinytownError, WrongStateError
from tinytown.storage.calls import edits, tasks
from tinytown.storage.calls.answers import Changed
from tinytown.storage.protocol import Call
from tinytown.testing.contract.base import ContractPart, refused
from tinytown.testing.hands import NODE, Hands, gates

STATES = ("waiting", "pending", "assigned", "running", "verifying", "blocked", "completed", "failed", "cancelled")
OPEN = STATES[:6]


def task_in(town: Hands, state: str) -> str:
    """Bring a new task into a state, with ``w1`` as its agent where it has one; gives its id."""
    ways: Mapping[str, Callable[[], str]] = {
        "waiting": lambda: town.add(depends_on=[town.add("comes first").id]).id,
        "pending": lambda: town.add().id,
        "assigned": lambda: town.add(agent="w1").id,
        "running": lambda: _running(town),
        "verifying": lambda: _after(town, lambda ref: tasks.submit(ref, gates=gates("tests"), gate_node=NODE)),
        "blocked": lambda: _after(town, lambda ref: tasks.block(ref, "question: which roof?")),
        "completed": lambda: _after(town, tasks.submit),
        "failed": lambda: _after(town, lambda ref: tasks.fail(ref, "too hard")),
        "cancelled": lambda: _after(town, tasks.cancel),
    }
    ref = ways[state]()
    assert town.task(ref).state == state
    return ref


def _after(town: Hands, call: Callable[[str], Call[Changed]]) -> str:
    ref = town.add(agent="w1").id
    town.run(call(ref))
    return ref


def _running(town: Hands) -> str:
    ref = town.add(agent="w1").id
    assert town.begin("w1").task_id == ref
    return ref


CALLS: Mapping[str, Callable[[str], Call[Changed]]] = {
    "assign": lambda ref: tasks.assign(ref, "w2"),
    "submit": tasks.submit,
    "fail": lambda ref: tasks.fail(ref, "too hard"),
    "block": lambda ref: tasks.block(ref, "question: how?"),
    "unblock": tasks.unblock,
    "requeue": tasks.requeue,
    "cancel": tasks.cancel,
    "reopen": tasks.reopen,
    "edit": lambda ref: edits.edit(ref, {"description": "mend the door"}),
}

LEADS_TO: Mapping[str, Mapping[str, str]] = {
    "assign": dict.fromkeys(("pending", "assigned", "blocked"), "assigned")
    | {"waiting": "waiting", "running": "order"},
    "submit": dict.fromkeys(OPEN, "completed") | {"running": "order"},
    "fail": dict.fromkeys(OPEN, "failed") | {"running": "order"},
    "block": dict.fromkeys(OPEN, "blocked") | {"running": "order"},
    "unblock": {"blocked": "assigned"},
    "requeue": dict.fromkeys(("assigned", "verifying", "blocked"), "pending") | {"running": "order"},
    "cancel": dict.fromkeys(OPEN, "cancelled") | {"running": "order"},
    "reopen": {"failed": "assigned", "cancelled": "assigned"},
    "edit": {state: state for state in ("waiting", "pending", "assigned", "blocked")},
}
"""Where a verb leads from each state; what is not here is refused."""

AFTER_ORDER = {
    "assign": "assigned",
    "submit": "completed",
    "fail": "failed",
    "block": "blocked",
    "requeue": "pending",
    "cancel": "cancelled",
}


class TaskTable(ContractPart):
    """Each row of the table from each legal and each illegal state."""

    @pytest.mark.parametrize("state", STATES)
    @pytest.mark.parametrize("verb", sorted(CALLS))
    def test_a_verb_moves_a_task_as_its_table_says_or_is_refused(self, town: Hands, verb: str, state: str) -> None:
        town.spawn("w1")
        town.spawn("w2")
        ref = task_in(town, state)
        expected = LEADS_TO[verb].get(state)
        if expected is None:
            error = refused(town, TinytownError, CALLS[verb](ref))
            assert error.code in {"wrong_state", "dependency_open", "refused"}
            assert ref in str(error)
            return
        changed = town.run(CALLS[verb](ref))
        assert changed.ordered == (expected == "order")
        assert changed.task == town.task(ref)
        if expected == "order":
            assert changed.task.state == "running"
        else:
            assert changed.task.state == expected
            assert state in TASK[verb].sources
            assert expected in TASK[verb].targets

    @pytest.mark.parametrize("verb", sorted(AFTER_ORDER))
    @pytest.mark.parametrize("outcome", ["ok", "interrupted", "crashed"])
    def test_an_order_is_applied_by_the_end_of_the_round(self, town: Hands, verb: str, outcome: str) -> None:
        town.spawn("w1")
        town.spawn("w2")
        ref = task_in(town, "running")
        live = town.task(ref).round_id
        assert live is not None
        town.run(CALLS[verb](ref))
        assert town.pull().ends == (live,)
        ended = town.end(town.agent_round("w1"), outcome)
        assert ended.task is not None
        assert ended.task.state == AFTER_ORDER[verb]
        assert ended.task.order is None
        assert ended.task.crashes == 0
        assert town.pull().ends == ()
        assert town.agent("w1").round_id is None

    def test_a_hand_over_never_passes_through_the_backlog(self, town: Hands) -> None:
        town.spawn("w1")
        town.spawn("w2")
        ref = task_in(town, "running")
        town.run(tasks.assign(ref, "w2"))
        town.end(town.agent_round("w1"), "interrupted")
        assert town.task(ref).agent == "w2"
        states = [event["new"] for event in town.events() if event.get("task_id") == ref and "new" in event]
        assert "pending" not in states
        assert town.due() == ["w2"]

    def test_the_last_order_counts_and_beats_what_the_agent_said(self, town: Hands) -> None:
        town.spawn("w1")
        town.spawn("w2")
        ref = task_in(town, "running")
        live = town.agent_round("w1")
        town.submit(ref, live, result="mended")
        town.run(tasks.requeue(ref))
        town.run(tasks.cancel(ref, reason="no roof"))
        task = town.end(live).task
        assert task is not None
        assert (task.state, task.reason) == ("cancelled", "no roof")

    def test_an_order_for_an_agent_that_ended_meanwhile_means_the_backlog(self, town: Hands) -> None:
        town.spawn("w1")
        town.spawn("w2")
        ref = task_in(town, "running")
        town.run(tasks.assign(ref, "w2"))
        town.want("w2", "kill")
        task = town.end(town.agent_round("w1"), "interrupted").task
        assert task is not None
        assert (task.state, task.agent) == ("pending", None)

    @pytest.mark.parametrize(("agent", "state"), [("w1", "assigned"), (None, "pending")])
    def test_add_gives_a_task_to_the_agent_that_is_named_or_to_the_backlog(
        self, town: Hands, agent: str | None, state: str
    ) -> None:
        town.spawn("w1")
        task = town.add("mend", agent=agent, role="mason", tags=["roof"], gates=gates("tests"), by="ann")
        assert (task.state, task.agent, task.created_by) == (state, agent, "ann")
        assert (task.role, task.tags, [gate.name for gate in task.gates]) == ("mason", ("roof",), ["tests"])
        assert (task.created_at, task.updated_at, task.closed_at) == (town.clock.now_ms(), town.clock.now_ms(), 0)
        assert town.due() == (["w1"] if agent else [])

    def test_a_task_that_waits_is_only_given_the_name_of_its_agent(self, town: Hands) -> None:
        town.spawn("w1")
        first = town.add("comes first")
        task = town.add(depends_on=[first.id])
        changed = town.run(tasks.assign(task.id, "w1"))
        assert (changed.task.state, changed.task.agent) == ("waiting", "w1")
        assert town.due() == []
        town.run(tasks.submit(first.id))
        assert town.task(task.id).state == "assigned"
        assert town.due() == ["w1"]

    def test_a_claim_takes_from_the_backlog_alone(self, town: Hands) -> None:
        town.spawn("w1")
        town.spawn("w2")
        ref = town.add().id
        town.run(tasks.assign(ref, "w1", only_pending=True))
        error = refused(town, WrongStateError, tasks.assign(ref, "w2", only_pending=True))
        assert "pending" in str(error)

    @pytest.mark.parametrize("verb", ["close", "kill"])
    def test_an_agent_that_ends_is_given_no_new_work(self, town: Hands, verb: str) -> None:
        town.spawn("w1")
        ref = town.add().id
        town.want("w1", verb)
        error = refused(town, TinytownError, tasks.assign(ref, "w1"))
        assert "w1" in str(error)
        assert error.hint

    def test_the_conductor_takes_no_tasks(self, town: Hands) -> None:
        refused(town, TinytownError, tasks.assign(town.add().id, "conductor"))

    def test_a_task_that_a_person_completes_without_gates_keeps_that_in_its_evidence(self, town: Hands) -> None:
        town.spawn("w1")
        ref = town.add(agent="w1").id
        task = town.run(tasks.submit(ref, gates=gates("tests"), gate_node=NODE, no_gates=True, by="ann")).task
        assert task.state == "completed"
        assert [(item["kind"], item["by"]) for item in task.evidence] == [("no_gates", "ann")]
        assert task.closed_at == town.clock.now_ms()
        assert town.agent("w1").tasks_completed == 1

    @pytest.mark.parametrize("state", ["waiting", "pending", "assigned", "blocked"])
    def test_a_person_may_submit_any_open_task_to_its_gates(self, town: Hands, state: str) -> None:
        town.spawn("w1")
        ref = task_in(town, state)
        town.run(tasks.submit(ref, result="done by hand", gates=gates("tests"), gate_node=NODE))
        assert (town.task(ref).state, town.task(ref).result) == ("verifying", "done by hand")
        assert town.pull().verify == (ref,)

    def test_unblock_prefers_waiting_then_the_agent_then_the_backlog(self, town: Hands) -> None:
        town.spawn("w1")
        waits, assigned, pending = task_in(town, "waiting"), town.add(agent="w1").id, town.add().id
        for ref, state in ((waits, "waiting"), (assigned, "assigned"), (pending, "pending")):
            town.run(tasks.block(ref, "question: how?"))
            task = town.run(tasks.unblock(ref, answer="with tiles")).task
            assert (task.state, task.answer, task.reason) == (state, "with tiles", None)

    def test_reopening_begins_anew_with_the_same_agent(self, town: Hands) -> None:
        town.spawn("w1")
        ref = town.add(agent="w1").id
        town.end(town.begin("w1"), "crashed")
        town.run(tasks.fail(ref, "too hard"))
        task = town.run(tasks.reopen(ref)).task
        assert (task.state, task.agent, task.crashes, task.reason, task.closed_at) == ("assigned", "w1", 0, None, 0)
        town.clock.advance(60_000)
        town.begin("w1")
        assert town.task(ref).attempt == 2

    def test_reopening_a_task_of_a_stopped_agent_puts_it_into_the_backlog(self, town: Hands) -> None:
        town.spawn("w1")
        ref = town.add(agent="w1").id
        town.run(tasks.cancel(ref))
        town.want("w1", "kill")
        task = town.run(tasks.reopen(ref)).task
        assert (task.state, task.agent) == ("pending", None)

    def test_a_task_keeps_the_last_fifty_lines_of_its_history(self, town: Hands) -> None:
        town.spawn("w1")
        ref = town.add(agent="w1").id
        for _ in range(30):
            town.run(tasks.requeue(ref))
            town.run(tasks.assign(ref, "w1"))
        assert town.history(ref) == ["requeue", "assign"] * 25

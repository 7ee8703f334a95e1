"""Gates: from "submitted" to "completed", back to the author, or to a person."""

from __future__ import annotations

import pytest

from tinytown.domain.ids import IdKind
from tinytown.domain.outcomes import MAX_GATE_TRIES, MAX_REJECTIONS
from tinytown.storage.calls import rounds, tasks
from tinytown.testing.contract.base import ContractPart
from tinytown.testing.hands import NODE, NONCE, Hands, gates


def _submitted(town: Hands, *names: str) -> str:
    """A task of ``w1`` that was submitted inside a round and verifies."""
    if not town.run(_list_agents()).items:
        town.spawn()
    ref = town.add(agent="w1").id
    live = town.begin("w1")
    town.submit(ref, live, result="mended")
    town.end(live, gates=gates(*names), head_after="c0ffee")
    assert town.task(ref).state == "verifying"
    return ref


def _list_agents():  # noqa: ANN202 - a call of the public kind
    from tinytown.storage.calls import agents

    return agents.listing()


class Gates(ContractPart):
    """Done means checked."""

    def test_all_gates_in_their_order_make_a_task_completed_with_evidence(self, town: Hands) -> None:
        ref = _submitted(town, "lint", "tests")
        first = town.begin_gate(ref)
        assert (first.kind, first.gate, first.task_id, first.head_before) == ("gate", "lint", ref, "c0ffee")
        assert town.pull().verify == ()
        ended = town.end_gate(first, "pass")
        assert ended.task is not None
        assert (ended.task.state, [gate.name for gate in ended.task.gates_left]) == ("verifying", ["tests"])
        assert town.pull().verify == (ref,)
        task = town.end_gate(town.begin_gate(ref), "pass").task
        assert task is not None
        assert task.state == "completed"
        assert [(item["name"], item["head"]) for item in task.evidence] == [("lint", "c0ffee"), ("tests", "c0ffee")]
        assert town.agent("w1").tasks_completed == 1
        assert [event["type"] for event in town.events("task.completed", "gate.passed")] == [
            "gate.passed",
            "gate.passed",
            "task.completed",
        ]

    def test_a_rejection_goes_back_to_the_author_with_the_findings(self, town: Hands) -> None:
        ref = _submitted(town, "tests")
        task = town.end_gate(town.begin_gate(ref), "reject", findings="2 failed").task
        assert task is not None
        assert (task.state, task.agent, task.findings, task.rejections) == ("assigned", "w1", "2 failed", 1)
        assert town.due() == ["w1"]
        bundle = town.take("w1")
        assert bundle.task is not None
        assert bundle.task.findings == "2 failed"
        assert len(town.events("task.rejected")) == 1

    def test_a_rejection_of_a_stopped_author_goes_into_the_backlog(self, town: Hands) -> None:
        ref = _submitted(town, "tests")
        town.want("w1", "kill")
        task = town.end_gate(town.begin_gate(ref), "reject").task
        assert task is not None
        assert (task.state, task.agent) == ("pending", None)

    def test_too_many_rejections_block(self, town: Hands) -> None:
        ref = _submitted(town, "tests")
        for _ in range(MAX_REJECTIONS - 1):
            town.end_gate(town.begin_gate(ref), "reject")
            live = town.begin("w1")
            town.submit(ref, live)
            town.end(live, gates=gates("tests"))
        town.end_gate(town.begin_gate(ref), "reject", findings="still")
        assert town.task(ref).state == "blocked"
        assert "still" in (town.task(ref).reason or "")
        assert [item.ref for item in town.open_items("rejected")] == [ref]
        task = town.run(tasks.unblock(ref)).task
        assert (task.state, task.rejections) == ("assigned", 0)

    def test_a_gate_that_could_not_run_is_tried_again_and_then_blocks_without_a_reject(self, town: Hands) -> None:
        ref = _submitted(town, "tests")
        for tries in range(1, MAX_GATE_TRIES):
            town.end_gate(town.begin_gate(ref), "unavailable", outcome="start_failed", detail="no shell")
            task = town.task(ref)
            wait = 5_000 * 2 ** (tries - 1)
            assert (task.state, task.gate_tries, task.not_before) == ("verifying", tries, town.clock.now_ms() + wait)
            assert town.pull().verify == ()
            early = rounds.gate_take(town.new(IdKind.ROUND), ref, node_id=NODE, nonce=NONCE)
            assert town.run(early).nothing == "later"
            town.clock.advance(wait)
            assert town.pull().verify == (ref,)
        town.end_gate(town.begin_gate(ref), "unavailable", detail="no shell")
        task = town.task(ref)
        assert (task.state, task.rejections) == ("blocked", 0)
        assert (task.reason or "").startswith("gate_unavailable")
        assert town.events("task.passed", "task.rejected") == []
        assert town.run(tasks.unblock(ref)).task.state == "verifying"
        assert town.pull().verify == (ref,)
        town.end_gate(town.begin_gate(ref), "pass")
        assert town.task(ref).state == "completed"

    def test_a_gate_that_was_lost_runs_again_and_counts_against_nobody(self, town: Hands) -> None:
        ref = _submitted(town, "tests")
        for _ in range(5):
            town.end_gate(town.begin_gate(ref), "lost", outcome="node_lost")
            assert (town.task(ref).state, town.task(ref).gate_tries) == ("verifying", 0)
            assert town.pull().verify == (ref,)
        assert town.events("task.passed", "task.rejected") == []

    @pytest.mark.parametrize("result", ["pass", "reject", "unavailable", "lost"])
    @pytest.mark.parametrize(
        ("verb", "state"),
        [
            ("requeue", "pending"),
            ("cancel", "cancelled"),
            ("fail", "failed"),
            ("block", "blocked"),
            ("submit", "completed"),
        ],
    )
    def test_an_order_during_a_gate_is_applied_at_its_end(
        self, town: Hands, verb: str, state: str, result: str
    ) -> None:
        ref = _submitted(town, "tests")
        gate = town.begin_gate(ref)
        call = {
            "requeue": tasks.requeue(ref),
            "cancel": tasks.cancel(ref),
            "fail": tasks.fail(ref, "no"),
            "block": tasks.block(ref, "question: ?"),
            "submit": tasks.submit(ref, no_gates=True),
        }[verb]
        assert town.run(call).ordered
        assert town.pull().ends == (gate.id,)
        task = town.end_gate(gate, result).task
        assert task is not None
        assert task.state == state
        assert town.pull().ends == ()

    def test_the_same_gate_begins_and_ends_once(self, town: Hands) -> None:
        ref = _submitted(town, "tests")
        round_id = town.new(IdKind.ROUND)
        call = rounds.gate_take(round_id, ref, node_id=NODE, nonce=NONCE, head="c0ffee")
        assert town.run(call) == town.run(call)
        assert town.run(rounds.gate_take(town.new(IdKind.ROUND), ref, node_id=NODE, nonce=NONCE)).nothing
        gate = town.round(round_id)
        town.end_gate(gate, "reject")
        town.end_gate(gate, "pass")
        assert (town.task(ref).state, town.task(ref).rejections) == ("assigned", 1)
        assert town.round(round_id).state == "ended"

    def test_a_gate_runs_on_the_node_that_it_was_given_to(self, town: Hands) -> None:
        ref = _submitted(town, "tests")
        town.join("n-00000002", "other")
        call = rounds.gate_take(town.new(IdKind.ROUND), ref, node_id="n-00000002", nonce="other")
        assert town.run(call).nothing == "not_verifying"
        assert town.pull().verify == (ref,)

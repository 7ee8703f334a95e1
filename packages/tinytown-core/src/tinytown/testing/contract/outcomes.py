"""The table of outcomes, row by row: what an end means for the task, for its mail and for the counters."""

from __future__ import annotations

import pytest

from tinytown.domain.outcomes import COUNTED, MAX_CRASHES, MAX_REMINDERS, UNCOUNTED
from tinytown.testing.contract.base import ContractPart
from tinytown.testing.hands import Hands, gates

BACKOFF_MS = 5_000


def _round_with_mail(town: Hands) -> tuple[str, str]:
    """An agent with a task and a message begins a round; gives the ids of both."""
    town.spawn()
    ref, message = town.add(agent="w1").id, town.send("w1").id
    bundle = town.take("w1")
    assert bundle.task is not None
    assert [item.id for item in bundle.messages] == [message]
    assert (town.task(ref).state, town.message(message).state) == ("running", "delivered")
    return ref, message


class Outcomes(ContractPart):
    """Every row of the table."""

    def test_ok_with_a_result_goes_to_the_gates(self, town: Hands) -> None:
        ref, message = _round_with_mail(town)
        live = town.agent_round("w1")
        town.submit(ref, live, result="mended")
        ended = town.end(live, gates=gates("tests"), head_after="c0ffee", branch="roof", exit_code=0)
        assert ended.task is not None
        assert (ended.task.state, ended.task.head, ended.task.branch) == ("verifying", "c0ffee", "roof")
        assert ended.task.reminders == ended.task.crashes == 0
        assert town.message(message).state == "handled"
        assert (ended.round.state, ended.round.outcome, ended.round.exit_code) == ("ended", "ok", 0)
        assert town.pull().verify == (ref,)

    def test_ok_without_a_result_is_asked_for_twice_and_blocked_the_third_time(self, town: Hands) -> None:
        ref, message = _round_with_mail(town)
        for reminder in range(1, MAX_REMINDERS + 1):
            task = town.end(town.agent_round("w1")).task
            assert task is not None
            assert (task.state, task.agent, task.reminders) == ("assigned", "w1", reminder)
            assert town.message(message).state == "handled"
            assert town.due() == ["w1"]
            town.begin("w1")
        town.end(town.agent_round("w1"))
        assert town.task(ref).state == "blocked"
        assert (town.task(ref).reason or "").startswith("not_closed")
        assert [item.ref for item in town.open_items("not_closed")] == [ref]

    def test_a_question_blocks_the_task_with_the_question(self, town: Hands) -> None:
        ref, message = _round_with_mail(town)
        town.end(town.agent_round("w1"), "needs_input", detail="which roof?")
        assert (town.task(ref).state, town.task(ref).reason) == ("blocked", "needs_input: which roof?")
        assert town.message(message).state == "handled"
        assert [(item.ref, item.text) for item in town.open_items("needs_input")] == [(ref, "which roof?")]

    @pytest.mark.parametrize("outcome", sorted(UNCOUNTED))
    def test_what_is_nobodys_fault_counts_against_nobody(self, town: Hands, outcome: str) -> None:
        _ref, message = _round_with_mail(town)
        ended = town.end(town.agent_round("w1"), outcome, detail="so it was")
        assert ended.task is not None
        assert ended.agent is not None
        assert (ended.task.state, ended.task.agent, ended.task.not_before) == ("assigned", "w1", 0)
        assert (ended.task.crashes, ended.task.reminders, ended.task.contexts) == (0, 0, 0)
        assert ended.agent.failures == 0
        back = town.message(message)
        assert (back.state, back.deliveries, back.shown_at) == ("queued", 0, 0)
        assert town.history(message) == ["queued", "delivered", "back"]

    @pytest.mark.parametrize("outcome", sorted(COUNTED))
    def test_a_failure_waits_longer_each_time_and_blocks_the_task_at_the_limit(self, town: Hands, outcome: str) -> None:
        ref, message = _round_with_mail(town)
        for crash in range(1, MAX_CRASHES):
            task = town.end(town.agent_round("w1"), outcome).task
            wait = BACKOFF_MS * 2 ** (crash - 1)
            assert task is not None
            assert (task.state, task.crashes, task.not_before) == ("assigned", crash, town.clock.now_ms() + wait)
            back = town.message(message)
            assert (back.state, back.deliveries, back.shown_at) == ("queued", crash, town.clock.now_ms())
            assert town.due() == []
            assert town.pull().next_at == town.clock.now_ms() + wait
            town.clock.advance(wait)
            assert town.due() == ["w1"]
            town.begin("w1")
        town.end(town.agent_round("w1"), outcome, detail="boom")
        assert town.task(ref).state == "blocked"
        assert town.task(ref).reason == f"crashes: {MAX_CRASHES} rounds ended as {outcome}; boom"
        assert town.message(message).state == "queued"

    def test_a_full_context_begins_a_fresh_session_with_half_the_mail(self, town: Hands) -> None:
        town.spawn()
        ref = town.add(agent="w1").id
        for _ in range(6):
            town.send("w1")
        live = town.begin("w1")
        assert len(live.messages) == 6
        first = town.end(live, "interrupted", session_id="s-1").agent
        assert first is not None
        assert first.session_id == "s-1"
        agent = town.end(town.begin("w1"), "context_full").agent
        assert agent is not None
        assert agent.session_id is None
        live = town.begin("w1")
        assert (len(live.messages), town.task(ref).contexts) == (3, 1)
        town.end(live, "context_full")
        live = town.begin("w1")
        assert len(live.messages) == 1
        town.end(live, "context_full")
        assert town.task(ref).state == "blocked"
        assert (town.task(ref).reason or "").startswith("context_full")
        assert town.agent("w1").failures == 0

    def test_usage_is_counted_for_round_task_and_agent(self, town: Hands) -> None:
        ref, _message = _round_with_mail(town)
        town.end(town.agent_round("w1"), input_tokens=10, output_tokens=2, cost_micros=1_500)
        live = town.begin("w1")
        ended = town.end(live, input_tokens=5, output_tokens=1)
        assert ended.agent is not None
        assert (ended.round.input_tokens, ended.round.output_tokens, ended.round.cost_micros) == (5, 1, None)
        for record in (town.task(ref), ended.agent):
            assert (record.input_tokens, record.output_tokens, record.cost_micros) == (15, 3, 1_500)

    def test_the_node_submits_for_an_agent_that_cannot_run_commands(self, town: Hands) -> None:
        ref, _message = _round_with_mail(town)
        town.end(town.agent_round("w1"), verdict={"verb": "submit", "result": "by the node"})
        assert (town.task(ref).state, town.task(ref).result) == ("completed", "by the node")

    def test_what_the_agent_said_itself_counts_whatever_its_process_did(self, town: Hands) -> None:
        ref, message = _round_with_mail(town)
        live = town.agent_round("w1")
        town.submit(ref, live)
        town.end(live, "crashed")
        assert town.task(ref).state == "completed"
        assert town.task(ref).crashes == 0
        assert town.message(message).state == "handled"

    def test_uncommitted_changes_go_back_to_the_author_where_gates_need_a_commit(self, town: Hands) -> None:
        ref, _message = _round_with_mail(town)
        live = town.agent_round("w1")
        town.submit(ref, live)
        town.end(live, gates=gates("tests"), uncommitted=["roof.py"])
        task = town.task(ref)
        assert (task.state, task.agent, task.rejections) == ("assigned", "w1", 1)
        assert "roof.py" in (task.findings or "")

    def test_a_task_that_too_many_rounds_did_not_finish_is_blocked(self, town: Hands) -> None:
        town.spawn()
        ref = town.add(agent="w1").id
        for _ in range(3):
            town.end(town.begin("w1", max_rounds_per_task=3), "interrupted")
        assert town.take("w1", max_rounds_per_task=3).nothing == "idle"
        assert (town.task(ref).reason or "").startswith("too_many_rounds")

    def test_an_agent_that_fails_again_and_again_is_given_up_and_a_person_is_asked(self, town: Hands) -> None:
        town.spawn()
        for _ in range(6):
            town.add(agent="w1")
            town.clock.advance(3_600_000)
            town.end(town.begin("w1"), "crashed")
        assert town.agent("w1").state == "error"
        assert [item.ref for item in town.open_items("agent_error")] == [town.agent("w1").id]
        assert town.due() == []
        town.want("w1", "restart")
        assert (town.agent("w1").state, town.agent("w1").failures) == ("cold", 0)
        assert town.open_items("agent_error") == []

    def test_a_clock_that_was_far_ahead_holds_nobody_back(self, town: Hands) -> None:
        town.spawn()
        town.add(agent="w1")
        town.clock.advance(10 * 3_600_000)
        town.end(town.begin("w1"), "crashed")
        town.clock.advance(-10 * 3_600_000)
        assert town.take("w1").round is not None

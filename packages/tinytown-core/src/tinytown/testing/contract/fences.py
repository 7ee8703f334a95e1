"""Late, foreign and repeated writes: what a round may say, and what the server does when it says it again."""

from __future__ import annotations

import pytest

from tinytown.domain.ids import IdKind
from tinytown.domain.records import Task
from tinytown.errors import RefusedError, StaleNodeError, StaleRoundError, TinytownError
from tinytown.storage.calls import mail, nodes, rounds, tasks
from tinytown.storage.calls.answers import Ended
from tinytown.storage.protocol import Call
from tinytown.testing.contract.base import ContractPart, refused, refused_doing, unchanged
from tinytown.testing.hands import NODE, NONCE, Hands, gates


class Fences(ContractPart):
    """Writes that come from the past change nothing."""

    def test_what_a_round_says_is_recorded_and_applied_when_it_has_ended(self, town: Hands) -> None:
        town.spawn()
        ref = town.add(agent="w1").id
        live = town.begin("w1")
        said = town.submit(ref, live, result="mended")
        assert said.recorded
        assert said.task.state == "running"
        assert town.pull().ends == (live.id,)
        task = town.end(live).task
        assert task is not None
        assert (task.state, task.result) == ("completed", "mended")
        assert town.agent("w1").tasks_completed == 1

    def test_an_end_that_has_not_heard_what_the_round_said_changes_nothing(self, town: Hands) -> None:
        town.spawn()
        ref = town.add(agent="w1").id
        live = town.begin("w1")

        def end(heard: str) -> Call[Ended]:
            return rounds.end(live.id, rounds.RoundReport(outcome="ok"), node_id=NODE, nonce=NONCE, heard=heard)

        refused(town, RefusedError, end("submit"))
        town.submit(ref, live, result="mended")
        refused(town, RefusedError, end(""))
        refused(town, RefusedError, end("fail"))
        assert town.run(end("submit")).round.state == "ended"
        assert town.task(ref).state == "completed"

    def test_the_bell_for_what_a_round_said_names_it_and_what_else_happened_rings_plainly(self, town: Hands) -> None:
        town.spawn()
        ref = town.add(agent="w1").id
        live = town.begin("w1")
        storage = town.subject.first
        before = storage.newest_id(f"bell:{NODE}")
        town.submit(ref, live)
        [(position, said)] = storage.read_stream(f"bell:{NODE}", after=before, limit=10)
        assert (said["said"], said["verb"]) == (live.id, "submit")
        town.run(tasks.cancel(ref))
        [(_, ordered)] = storage.read_stream(f"bell:{NODE}", after=position, limit=10)
        assert "said" not in ordered
        assert town.pull().ends == (live.id,)

    def test_a_round_may_speak_of_its_own_task_alone(self, town: Hands) -> None:
        town.spawn()
        mine, other = town.add(agent="w1"), town.add()
        live = town.begin("w1")
        for call in (
            tasks.submit(other.id, round_id=live.id),
            tasks.fail(other.id, "no", round_id=live.id),
            tasks.block(other.id, "question: ?", round_id=live.id),
        ):
            refused(town, StaleRoundError, call)
        assert town.submit(mine.id, live).recorded

    def test_a_round_decides_nothing_about_work_that_is_not_its_own(self, town: Hands) -> None:
        town.spawn()
        town.spawn("w2")
        town.add(agent="w1")
        ours, free, closed = town.add(agent="w2").id, town.add().id, town.add().id
        town.run(tasks.cancel(closed))
        live = town.begin("w1")
        for call in (
            tasks.cancel(ours, round_id=live.id),
            tasks.requeue(ours, round_id=live.id),
            tasks.unblock(ours, round_id=live.id),
            tasks.reopen(closed, round_id=live.id),
            tasks.assign(ours, "w1", round_id=live.id),
            tasks.assign(free, "w2", round_id=live.id, only_pending=True),
        ):
            assert refused(town, RefusedError, call).shown_code == "people_only"
        claimed = town.run(tasks.assign(free, "w1", round_id=live.id, only_pending=True))
        assert (claimed.task.state, claimed.task.agent) == ("assigned", "w1")

    def test_a_round_that_is_over_changes_nothing(self, town: Hands) -> None:
        town.spawn()
        ref = town.add(agent="w1").id
        live = town.begin("w1")
        message = town.send("w1")
        town.end(live, "interrupted")
        for call in (
            tasks.submit(ref, round_id=live.id),
            tasks.fail(ref, "no", round_id=live.id),
            tasks.cancel(ref, round_id=live.id),
            tasks.add(town.new(IdKind.TASK), "more", round_id=live.id),
            mail.send(town.new(IdKind.MESSAGE), "w1", "hello", round_id=live.id),
            mail.show(round_id=live.id),
            mail.handle(message.id, round_id=live.id),
        ):
            refused(town, StaleRoundError, call)

    def test_an_earlier_attempt_says_nothing_of_a_later_one(self, town: Hands) -> None:
        town.spawn()
        ref = town.add(agent="w1").id
        first = town.begin("w1")
        town.end(first, "interrupted")
        town.begin("w1")
        refused(town, StaleRoundError, tasks.submit(ref, round_id=first.id))
        assert town.task(ref).attempt == 2

    @pytest.mark.parametrize("later", ["running", "verifying", "completed", "assigned", "failed"])
    def test_the_same_submit_is_answered_alike_in_every_later_state(self, town: Hands, later: str) -> None:
        town.spawn()
        ref = town.add(agent="w1").id
        live = town.begin("w1")
        town.submit(ref, live, result="mended")
        if later != "running":
            town.end(live, gates=gates("tests") if later in {"verifying", "assigned"} else ())
        if later == "assigned":
            town.end_gate(town.begin_gate(ref), "reject")
        if later == "failed":
            other = town.add(agent="w1").id
            ref, live = other, town.begin("w1")
            town.submit(ref, live, result="mended")
            town.run(tasks.fail(ref, "too late"))
            town.end(live)
        assert town.task(ref).state == later
        with unchanged(town):
            again = town.submit(ref, live, result="mended")
        assert again.recorded
        assert isinstance(again.task, Task)
        assert again.task.id == ref

    def test_a_round_says_one_thing_of_its_task(self, town: Hands) -> None:
        town.spawn()
        ref = town.add(agent="w1").id
        live = town.begin("w1")
        town.submit(ref, live)
        error = refused(town, TinytownError, tasks.fail(ref, "no", round_id=live.id))
        assert "submit" in str(error)

    def test_a_round_that_only_talked_has_no_task_to_speak_of(self, town: Hands) -> None:
        town.spawn()
        town.send("w1")
        live = town.begin("w1")
        assert live.task_id is None
        refused(town, StaleRoundError, tasks.submit(town.add().id, round_id=live.id))

    def test_the_same_round_id_takes_the_same_bundle_again(self, town: Hands) -> None:
        town.spawn()
        town.add(agent="w1")
        town.send("w1")
        round_id = town.new(IdKind.ROUND)
        first = town.take("w1", round_id=round_id)
        town.send("w1", "later")
        with unchanged(town):
            again = town.take("w1", round_id=round_id)
        assert again.round == first.round
        assert again.task == first.task
        assert again.messages == first.messages

    def test_the_same_end_again_changes_nothing(self, town: Hands) -> None:
        town.spawn()
        ref = town.add(agent="w1").id
        live = town.begin("w1")
        first = town.end(live, "crashed", input_tokens=5)
        with unchanged(town):
            again = town.end(live, "crashed", input_tokens=5)
        assert again.round == first.round
        assert again.task == first.task == town.task(ref)
        assert town.task(ref).crashes == 1

    def test_one_agent_has_one_round(self, town: Hands) -> None:
        town.spawn()
        town.add(agent="w1")
        town.add(agent="w1")
        town.begin("w1")
        assert town.take("w1").nothing == "not_idle"

    def test_a_round_id_belongs_to_its_agent(self, town: Hands) -> None:
        town.spawn("w1")
        town.spawn("w2")
        town.add(agent="w1")
        live = town.begin("w1")
        refused_doing(town, StaleRoundError, lambda: town.take("w2", round_id=live.id))

    def test_an_earlier_life_of_a_node_writes_nothing(self, town: Hands) -> None:
        agent = town.spawn()
        town.spawn("cold", ready=False)
        town.add(agent="w1")
        live = town.begin("w1")
        verifying = town.add().id
        town.run(tasks.submit(verifying, gates=gates("tests"), gate_node=NODE))
        gate = town.begin_gate(verifying)
        town.join(nonce="second-life", force=True)
        new = town.new
        for call in (
            rounds.take(new(IdKind.ROUND), agent.id, node_id=NODE, nonce=NONCE),
            rounds.end(live.id, rounds.RoundReport(outcome="ok"), node_id=NODE, nonce=NONCE),
            rounds.gate_take(new(IdKind.ROUND), verifying, node_id=NODE, nonce=NONCE),
            rounds.gate_end(gate.id, "lost", node_id=NODE, nonce=NONCE, outcome="node_lost"),
            nodes.beat(NODE, NONCE, running=1),
            nodes.leave(NODE, NONCE, "down"),
            nodes.reconcile(NODE, NONCE),
        ):
            refused(town, StaleNodeError, call)
        refused_doing(town, StaleNodeError, lambda: town.ready("cold"))

    def test_a_gate_and_a_round_of_work_are_ended_each_in_its_own_way(self, town: Hands) -> None:
        town.spawn()
        ref = town.add(agent="w1").id
        live = town.begin("w1")
        town.submit(ref, live)
        town.end(live, gates=gates("tests"))
        gate = town.begin_gate(ref)
        refused_doing(town, StaleRoundError, lambda: town.end(gate))
        refused_doing(town, StaleRoundError, lambda: town.end_gate(live, "pass"))

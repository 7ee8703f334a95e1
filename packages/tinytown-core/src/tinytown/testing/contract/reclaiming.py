"""Taking back what ended agents hold: nothing is lost on the way, and what has moved on is left alone."""

from __future__ import annotations

import pytest

from tinytown.domain.ids import CONDUCTOR_ID
from tinytown.errors import NotFoundError, RefusedError, WrongStateError
from tinytown.storage.calls import agents, mail, reclaim, tasks
from tinytown.testing.contract.base import ContractPart, refused, unchanged
from tinytown.testing.hands import NODE, NONCE, Hands, gates


class Reclaiming(ContractPart):
    """Mail keeps its id, sender, order, history and counts; tasks keep their state and reason."""

    def test_mail_moves_with_all_that_is_known_of_it(self, town: Hands) -> None:
        holder = town.spawn("w1").id
        town.spawn("w2")
        early = town.send("w2", body="early").id
        sent = [town.send("w1", body=f"{n}", urgent=n == 2, kind=("task", "info", "query")[n]) for n in range(3)]
        town.end(town.begin("w1"), "crashed")
        late = town.send("w2", body="late").id
        town.want("w1", "kill")
        moved = town.run(reclaim.move_mail(holder, "w2", [item.id for item in sent]))
        assert [item.id for item in moved] == [item.id for item in sent]
        assert town.run(mail.peek("w1")).items == ()
        found = town.run(mail.peek("w2")).items
        assert [item.id for item in found] == [sent[2].id, early, sent[0].id, sent[1].id, late]
        assert [(item.sender, item.to, item.deliveries) for item in found if item.id == sent[0].id] == [
            ("person", "w2", 1)
        ]
        assert town.history(sent[0].id) == ["queued", "delivered", "back", "moved"]
        assert town.due() == ["w2"]
        town.remove("w1")

    def test_mail_moves_to_the_conductor_and_wakes_nobody(self, town: Hands) -> None:
        holder = town.spawn("w1").id
        ref = town.send("w1", kind="query").id
        town.want("w1", "kill")
        town.run(reclaim.move_mail(holder, "conductor", [ref]))
        assert town.message(ref).to_id == CONDUCTOR_ID
        assert [item.id for item in town.run(mail.show()).items] == [ref]

    def test_what_no_longer_waits_for_the_holder_is_left_alone(self, town: Hands) -> None:
        holder = town.spawn("w1").id
        town.spawn("w2")
        handled, others, letter = town.send("w1").id, town.send("w2").id, town.send("w1").id
        ref = town.add(agent="w1").id
        town.run(mail.handle(handled))
        town.want("w1", "kill")
        with unchanged(town):
            assert town.run(reclaim.move_mail(holder, "w2", [handled, others, "m-zzzzzzzz"])) == ()
        town.want("w1", "restart")
        with unchanged(town):
            assert town.run(reclaim.move_mail(holder, "w2", [letter])) == ()
            assert town.run(reclaim.message_to_task(letter, holder)) is None
            for verb in ("assign", "requeue", "cancel"):
                assert town.run(reclaim.reclaim_task(ref, holder, verb, agent="w2")) is None
        refused(town, WrongStateError, reclaim.delete_task(ref, town.task(ref).updated_at, holder=holder))

    @pytest.mark.parametrize("to", ["w1", "stopped", "error", "draining"])
    def test_an_agent_that_cannot_work_takes_nothing_over(self, town: Hands, to: str) -> None:
        holder = town.spawn("w1").id
        letter, ref = town.send("w1").id, town.add(agent="w1").id
        town.want("w1", "kill")
        if to != "w1":
            other = town.spawn(to, ready=to != "error")
            if to == "error":
                town.run(agents.error(other.id, 1, "none", node_id=NODE, nonce=NONCE))
            else:
                town.want(to, "kill" if to == "stopped" else "close")
        for call in (reclaim.move_mail(holder, to, [letter]), reclaim.reclaim_task(ref, holder, "assign", agent=to)):
            assert refused(town, RefusedError, call).shown_code == "agent_ends"

    def test_a_message_becomes_a_task_once(self, town: Hands) -> None:
        holder = town.spawn("w1").id
        letter = town.send("w1", body="mend the roof", urgent=True)
        town.want("w1", "kill")
        call = reclaim.message_to_task(letter.id, holder)
        task = town.run(call)
        assert task is not None
        assert (task.state, task.description, task.created_by, task.agent) == (
            "pending",
            "mend the roof",
            "person",
            None,
        )
        assert task.id == "t-" + letter.id[2:]
        assert (town.message(letter.id).state, town.history(letter.id)[-1]) == ("handled", "handled")
        with unchanged(town):
            assert town.run(call) == task
        town.remove("w1")

    @pytest.mark.parametrize("kind", ["query", "info", "ack"])
    def test_only_a_message_that_asks_for_work_becomes_a_task(self, town: Hands, kind: str) -> None:
        holder = town.spawn("w1").id
        letter = town.send("w1", kind=kind).id
        town.want("w1", "kill")
        assert refused(town, RefusedError, reclaim.message_to_task(letter, holder)).shown_code == "not_a_task"

    @pytest.mark.parametrize("verb", ["assign", "requeue"])
    def test_tasks_that_are_assigned_wait_or_are_blocked_change_hands(self, town: Hands, verb: str) -> None:
        holder, other = town.spawn("w1").id, town.spawn("w2").id
        needed = town.add().id
        assigned, waiting, blocked = (town.add(agent="w1", depends_on=needs).id for needs in ([], [needed], []))
        town.run(tasks.block(blocked, "question: which?"))
        town.want("w1", "kill")
        for ref in (assigned, waiting, blocked):
            done = town.run(reclaim.reclaim_task(ref, holder, verb, agent="w2" if verb == "assign" else None))
            assert done is not None
            assert done.agent_id == (other if verb == "assign" else None)
        assert town.task(assigned).state == ("assigned" if verb == "assign" else "pending")
        assert town.task(waiting).state == "waiting"
        assert (town.task(blocked).state, town.task(blocked).reason) == ("blocked", "question: which?")
        assert [item.ref for item in town.open_items("question")] == [blocked]
        town.run(tasks.unblock(blocked, answer="this"))
        town.submit(needed)
        state = "assigned" if verb == "assign" else "pending"
        assert {town.task(ref).state for ref in (assigned, waiting, blocked)} == {state}
        town.remove("w1")

    def test_a_task_whose_gates_decide_needs_no_agent_and_stays(self, town: Hands) -> None:
        holder = town.spawn("w1").id
        town.spawn("w2")
        ref = town.add(agent="w1").id
        live = town.begin("w1")
        town.submit(ref, live)
        town.end(live, gates=gates("tests"))
        town.want("w1", "kill")
        with unchanged(town):
            assert town.run(reclaim.reclaim_task(ref, holder, "requeue")) is None
        refused(town, WrongStateError, reclaim.delete_task(ref, town.task(ref).updated_at, holder=holder))
        town.end_gate(town.begin_gate(ref), "reject")
        assert (town.task(ref).state, town.task(ref).agent) == ("pending", None)

    def test_an_orphan_is_cancelled_with_the_reason(self, town: Hands) -> None:
        holder = town.spawn("w1").id
        ref = town.add(agent="w1").id
        town.want("w1", "kill")
        done = town.run(reclaim.reclaim_task(ref, holder, "cancel", reason="nobody does it"))
        assert done is not None
        assert (done.state, done.reason) == ("cancelled", "nobody does it")

    @pytest.mark.parametrize("close", ["cancel", "complete", "fail", "orphan"])
    def test_a_deleted_task_leaves_nothing_behind(self, town: Hands, close: str) -> None:
        holder = town.spawn("w1").id
        needed = town.add().id
        ref = town.add(agent="w1", depends_on=[needed] if close != "complete" else [], description="x" * 900).id
        if close == "orphan":
            town.want("w1", "kill")
        else:
            verbs = {"cancel": tasks.cancel(ref), "complete": tasks.submit(ref), "fail": tasks.fail(ref, "no")}
            town.run(verbs[close])
        closed_one = town.add(depends_on=[needed]).id
        call = reclaim.delete_task(ref, town.task(ref).updated_at, holder=holder if close == "orphan" else None)
        assert town.run(call) == ref
        refused(town, NotFoundError, call)
        left = [name for name, key in town.subject.dump().items() if ref in name or ref in str(key.value)]
        assert {name.partition(":")[0] for name in left} <= {"events", "op"}
        assert town.task(closed_one).state == "waiting"

    def test_a_task_that_an_open_one_depends_on_is_not_deleted(self, town: Hands) -> None:
        holder = town.spawn("w1").id
        ref = town.add(agent="w1").id
        waiting = town.add(depends_on=[ref]).id
        town.want("w1", "kill")
        call = reclaim.delete_task(ref, town.task(ref).updated_at, holder=holder)
        error = refused(town, RefusedError, call)
        assert error.shown_code == "task_needed"
        assert waiting in error.message
        town.run(tasks.cancel(waiting))
        town.run(call)
        assert town.run(tasks.reopen(waiting)).task.state == "pending"

    def test_an_open_or_changed_task_is_not_deleted(self, town: Hands) -> None:
        ref = town.add().id
        seen = town.task(ref).updated_at
        refused(town, WrongStateError, reclaim.delete_task(ref, seen))
        town.clock.advance(1)
        town.run(tasks.cancel(ref))
        assert refused(town, RefusedError, reclaim.delete_task(ref, seen)).shown_code == "changed"

    def test_rounds_take_nothing_from_others(self, town: Hands) -> None:
        holder = town.spawn("w1").id
        town.spawn("w2")
        letter, ref = town.send("w1").id, town.add(agent="w1").id
        town.want("w1", "kill")
        town.add(agent="w2")
        live = town.begin("w2").id
        for call in (
            reclaim.move_mail(holder, "w2", [letter], round_id=live),
            reclaim.message_to_task(letter, holder, round_id=live),
            reclaim.reclaim_task(ref, holder, "requeue", round_id=live),
            reclaim.delete_task(ref, town.task(ref).updated_at, holder=holder, round_id=live),
        ):
            assert refused(town, RefusedError, call).shown_code == "people_only"

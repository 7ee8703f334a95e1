"""Mail: lanes and their order, what wakes, what a round is handed, and where a message may end."""

from __future__ import annotations

import pytest

from tinytown.domain.ids import CONDUCTOR_ID
from tinytown.errors import StaleRoundError, TinytownError, WrongStateError
from tinytown.storage.calls import mail
from tinytown.testing.contract.base import ContractPart, refused
from tinytown.testing.hands import Hands

HOUR_MS = 3_600_000


class Mail(ContractPart):
    """Nothing that was accepted is lost, and nothing is handed out twice by accident."""

    def test_urgent_mail_comes_first_and_each_lane_keeps_its_order(self, town: Hands) -> None:
        town.spawn()
        sent = [town.send(body=f"{n}", urgent=n in {2, 4}).id for n in range(5)]
        expected = [sent[2], sent[4], sent[0], sent[1], sent[3]]
        assert [item.id for item in town.run(mail.peek("w1")).items] == expected
        agent = town.agent("w1")
        assert (agent.urgent_mail, agent.mail) == (2, 5)
        assert [item.id for item in town.take("w1").messages] == expected
        agent = town.agent("w1")
        assert (agent.urgent_mail, agent.mail, agent.waking_mail) == (0, 0, 0)

    def test_mail_that_came_back_keeps_its_place(self, town: Hands) -> None:
        town.spawn()
        first = town.send().id
        live = town.begin("w1")
        second = town.send().id
        town.end(live, "interrupted")
        assert [item.id for item in town.take("w1").messages] == [first, second]

    @pytest.mark.parametrize(("kind", "wakes"), [("task", True), ("query", True), ("info", False), ("ack", False)])
    def test_tasks_and_queries_wake_and_the_rest_rides_along(self, town: Hands, kind: str, wakes: bool) -> None:
        town.spawn()
        ref = town.send(kind=kind).id
        assert town.due() == (["w1"] if wakes else [])
        if not wakes:
            assert town.take("w1").nothing == "idle"
            assert town.message(ref).state == "queued"
            town.add(agent="w1")
        assert [item.id for item in town.take("w1").messages] == [ref]

    def test_a_bundle_keeps_to_its_budget_but_holds_one_message_at_least(self, town: Hands) -> None:
        town.spawn()
        for size in (9_000, 9_000, 10):
            town.send(body="é" * (size // 2))
        assert len(town.run(mail.peek("w1")).items) == 3
        live = town.begin("w1", budget_bytes=10_000)
        assert len(live.messages) == 1
        town.end(live)
        assert len(town.begin("w1", budget_bytes=10_000).messages) == 2

    def test_a_body_that_goes_into_a_file_counts_only_its_first_lines(self, town: Hands) -> None:
        town.spawn()
        bodies = ["x" * 200_000, "y" * 200_000, "z" * 10]
        for body in bodies:
            town.send(body=body)
        bundle = town.take("w1", budget_bytes=40_000)
        assert [item.body for item in bundle.messages] == bodies

    def test_suspicious_mail_is_handed_out_alone_and_given_up_only_then(self, town: Hands) -> None:
        town.spawn()
        bad, good = town.send(body="bad").id, town.send(body="good").id
        handed: list[tuple[str, ...]] = []
        while town.message(bad).state != "dead":
            live = town.begin("w1")
            handed.append(live.messages)
            town.end(live, "crashed" if bad in live.messages else "ok")
            town.clock.advance(HOUR_MS)
            assert len(handed) < 10
        assert handed == [(bad, good), (bad, good), (bad,)]
        assert town.message(good).state == "queued"
        assert town.history(bad)[-1] == "dead"
        assert [item.ref for item in town.open_items("dead_letter")] == [bad]
        town.end(town.begin("w1"))
        assert town.message(good).state == "handled"

    def test_mail_is_not_given_up_for_the_failures_of_a_task(self, town: Hands) -> None:
        town.spawn()
        ref = town.send().id
        for _ in range(4):
            task = town.add(agent="w1").id
            live = town.begin("w1")
            assert live.task_id == task
            town.end(live, "crashed")
            town.submit(task)
            town.clock.advance(HOUR_MS)
        assert town.message(ref).state == "queued"
        assert town.message(ref).deliveries == 4

    def test_a_reply_handles_what_it_answers(self, town: Hands) -> None:
        town.spawn("w1")
        town.spawn("w2")
        live = _round_of(town, "w1")
        asked = town.send("w2", "how?", kind="query", round_id=live).id
        answering = town.begin("w2")
        answer = town.send("w1", "so", kind="info", reply_to=asked, round_id=answering.id)
        assert (answer.reply_to, answer.sender, answer.from_id) == (asked, "w2", town.agent("w2").id)
        assert town.message(asked).state == "handled"
        town.end(answering, "crashed")
        assert town.message(asked).state == "handled"

    def test_a_reply_of_somebody_else_handles_nothing(self, town: Hands) -> None:
        town.spawn("w1")
        asked = town.send("w1", kind="query").id
        town.send("conductor", "I think", reply_to=asked, by="ann")
        assert town.message(asked).state == "queued"

    def test_talk_that_goes_back_and_forth_too_often_no_longer_wakes(self, town: Hands) -> None:
        town.spawn("w1")
        town.spawn("w2")
        names, last = ("w1", "w2"), town.send("w1").id
        for hop in range(1, 7):
            here, there = names[(hop - 1) % 2], names[hop % 2]
            live = town.begin(here)
            last = town.send(there, reply_to=last, round_id=live.id).id
            town.end(live)
        assert town.message(last).hops == 6
        assert town.due() == []
        assert len(town.open_items("mail_loop")) == 1
        assert town.message(last).state == "queued"

    def test_rounds_of_talk_are_limited_by_the_hour(self, town: Hands) -> None:
        town.spawn()
        for _ in range(20):
            town.send()
            town.clock.advance(1_000)
            town.end(town.begin("w1"))
        ref = town.send().id
        assert town.take("w1").nothing == "mail_loop"
        assert len(town.open_items("mail_loop")) == 1
        assert town.take("w1").nothing == "mail_loop"
        assert len(town.open_items("mail_loop")) == 1
        town.add(agent="w1")
        town.end(town.begin("w1"), "ok")
        assert town.message(ref).state == "handled"
        town.clock.advance(HOUR_MS)
        town.end(town.agent_round("w1")) if town.agent("w1").round_id else None
        town.send()
        assert town.take("w1").round is not None

    def test_the_hour_passes_and_mail_wakes_again(self, town: Hands) -> None:
        town.spawn()
        start = town.clock.now_ms()
        for _ in range(2):
            town.send()
            town.end(town.begin("w1", mail_rounds_per_hour=2))
        town.send()
        assert town.take("w1", mail_rounds_per_hour=2).nothing == "mail_loop"
        assert town.pull().next_at == start + HOUR_MS
        town.clock.advance(HOUR_MS)
        assert town.due() == ["w1"]
        town.begin("w1", mail_rounds_per_hour=2)

    def test_the_inbox_inside_a_round_shows_and_outside_it_only_peeks(self, town: Hands) -> None:
        town.spawn()
        live = _round_of(town, "w1")
        ref = town.send().id
        assert [item.id for item in town.run(mail.peek("w1")).items] == [ref]
        assert town.message(ref).state == "queued"
        shown = town.run(mail.show(round_id=live))
        assert [(item.id, item.state) for item in shown.items] == [(ref, "shown")]
        assert (town.message(ref).shown_in, town.message(ref).shown_at) == (live, town.clock.now_ms())
        assert town.run(mail.show(round_id=live)).items == ()
        town.end(town.agent_round("w1"))
        assert town.message(ref).state == "handled"

    def test_mail_shown_in_a_round_that_failed_comes_back_marked_as_shown(self, town: Hands) -> None:
        town.spawn()
        live = _round_of(town, "w1")
        ref = town.send().id
        town.run(mail.show(round_id=live))
        town.end(town.agent_round("w1"), "crashed")
        back = town.message(ref)
        assert (back.state, back.shown_in, back.deliveries) == ("queued", live, 1)

    def test_an_agent_handles_its_own_mail_alone(self, town: Hands) -> None:
        town.spawn("w1")
        town.spawn("w2")
        live = _round_of(town, "w1")
        mine, other = town.send("w1").id, town.send("w2").id
        refused(town, StaleRoundError, mail.handle(other, round_id=live))
        assert town.run(mail.handle(mine, round_id=live)).state == "handled"
        assert town.run(mail.handle(mine)).state == "handled"
        assert town.run(mail.handle(other, by="ann")).state == "handled"
        assert town.agent("w2").waking_mail == 0

    def test_a_dead_letter_is_not_handled_any_more(self, town: Hands) -> None:
        town.spawn()
        ref = town.send().id
        for _ in range(3):
            town.end(town.begin("w1"), "crashed")
            town.clock.advance(HOUR_MS)
        assert town.message(ref).state == "dead"
        refused(town, WrongStateError, mail.handle(ref))

    def test_the_conductor_reads_keeps_and_handles_its_mail(self, town: Hands) -> None:
        town.spawn()
        live = _round_of(town, "w1")
        one, two = town.send("conductor", "done", round_id=live), town.send("supervisor", "and?", round_id=live)
        assert one.to_id == two.to_id == CONDUCTOR_ID
        shown = town.run(mail.show())
        assert [(item.id, item.state) for item in shown.items] == [(one.id, "shown"), (two.id, "shown")]
        assert [item.id for item in town.run(mail.show()).items] == [one.id, two.id]
        town.send("w1", "thanks", reply_to=one.id, by="conductor")
        town.run(mail.handle(two.id, by="conductor"))
        assert town.run(mail.show()).items == ()
        assert town.message(one.id).state == town.message(two.id).state == "handled"

    def test_mail_with_a_time_to_live_expires_and_somebody_is_told(self, town: Hands) -> None:
        town.spawn()
        ref, kept = town.send(ttl_ms=1_000).id, town.send(kind="info").id
        town.clock.advance(1_000)
        assert town.take("w1").nothing == "idle"
        assert (town.message(ref).state, town.message(kept).state) == ("expired", "queued")
        assert [item.ref for item in town.open_items("expired")] == [ref]

    def test_mail_for_a_stopped_agent_waits_and_the_sender_learns_its_state(self, town: Hands) -> None:
        town.spawn()
        town.want("w1", "kill")
        sent = town.run(mail.send("m-zzzzzzzz", "w1", "hello"))
        assert (sent.to_state, sent.to_wanted) == ("stopped", "stopped")
        town.want("w1", "restart")
        town.ready("w1")
        assert [item.id for item in town.take("w1").messages] == ["m-zzzzzzzz"]

    def test_a_message_id_is_used_once(self, town: Hands) -> None:
        town.spawn()
        ref = town.send().id
        refused(town, TinytownError, mail.send(ref, "w1", "again"))

    def test_the_history_of_a_message_names_time_actor_and_round(self, town: Hands) -> None:
        town.spawn()
        ref = town.send(by="ann").id
        live = town.begin("w1")
        town.end(live)
        from tinytown.storage.calls.town import show

        lines = town.run(show(ref)).history
        assert [(line["verb"], line["by"], line.get("round_id")) for line in lines] == [
            ("queued", "ann", None),
            ("delivered", "w1", live.id),
            ("handled", "w1", live.id),
        ]
        assert all(line["at"] == town.clock.now_ms() for line in lines)


def _round_of(town: Hands, name: str) -> str:
    """Begin a round with a task for an agent; gives the round's id."""
    town.add(agent=name)
    return town.begin(name).id

"""Mailboxes in pages, answers to the conductor's mail, and the story of each message: when, who, where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tinytown.domain.ids import CONDUCTOR_ID
from tinytown.storage.calls import mail, tasks
from tinytown.storage.calls.town import show
from tinytown.testing.contract.base import ContractPart
from tinytown.testing.hands import NODE, Hands


class Mailboxes(ContractPart):
    """Each message of each mailbox can be reached, and what became of it can be told."""

    @pytest.mark.parametrize("limit", [1, 2, 3, 100])
    def test_pages_of_a_mailbox_hold_each_message_once_urgent_ones_first(self, town: Hands, limit: int) -> None:
        sent = [town.send("conductor", f"{n}", urgent=n % 3 == 0).id for n in range(11)]
        assert _pages(town, "conductor", limit) == sent[::3] + [ref for n, ref in enumerate(sent) if n % 3]

    def test_a_page_goes_on_where_the_one_before_ended_whatever_has_happened_to_its_mail(self, town: Hands) -> None:
        sent = [town.send("conductor", f"{n}", urgent=n < 2).id for n in range(6)]
        first = town.run(mail.peek("conductor", limit=3))
        assert [item.id for item in first.items] == sent[:3]
        for ref in sent[:3]:
            town.run(mail.handle(ref))
        new = town.send("conductor", "new").id
        rest = town.run(mail.peek("conductor", after=first.next, limit=10))
        assert [item.id for item in rest.items] == [*sent[3:], new]
        assert rest.next is None

    def test_the_conductor_reaches_what_is_new_behind_much_that_it_has_not_dealt_with(self, town: Hands) -> None:
        sent = [town.send("conductor", f"{n}", by="ann").id for n in range(12)]
        found: list[str] = []
        after: int | None = None
        while True:
            page = town.run(mail.show(after=after, limit=5, by="conductor"))
            found += [item.id for item in page.items]
            after = page.next
            if after is None:
                break
        assert found == sent
        assert {town.message(ref).state for ref in sent} == {"shown"}
        assert town.history(sent[-1]) == ["queued", "shown"]

    def test_an_agent_reads_more_than_a_page_by_asking_again(self, town: Hands) -> None:
        town.spawn()
        town.add(agent="w1")
        live = town.begin("w1").id
        sent = [town.send(kind="info", urgent=n == 4).id for n in range(5)]
        read = [town.run(mail.show(round_id=live, limit=2)) for _ in range(3)]
        assert [[item.id for item in page.items] for page in read] == [[sent[4], sent[0]], sent[1:3], sent[3:4]]
        assert [page.next is None for page in read] == [False, False, True]
        assert town.round(live).messages == (sent[4], *sent[:4])

    def test_a_persons_answer_settles_what_was_sent_to_the_conductor(self, town: Hands) -> None:
        town.spawn()
        town.add(agent="w1")
        asked = town.send("conductor", "which?", kind="query", round_id=town.begin("w1").id).id
        answer = town.send("w1", "the second", reply_to=asked)
        assert town.message(asked).state == "handled"
        last = _lines(town, asked)[-1]
        assert (last["verb"], last["by"], last["how"]) == ("handled", "person", f"answered by {answer.id}")

    def test_a_message_in_a_prompt_tells_when_who_and_where(self, town: Hands) -> None:
        agent = town.spawn()
        ref = town.send("w1", "hello", urgent=True, by="conductor").id
        begun = town.clock.now_ms()
        live = town.begin("w1")
        town.clock.advance(9_000)
        town.end(live, shown={"after_ms": 40, "at": {ref: [12, 345]}})
        expected: list[dict[str, Any]] = [
            {"verb": "queued", "at": begun, "by": "conductor", "by_id": CONDUCTOR_ID, "lane": "urgent"},
            {"verb": "delivered", "at": begun, "by_id": agent.id, "round_id": live.id, "node_id": NODE},
            {"verb": "shown", "at": begun + 40, "by_id": agent.id, "prompt_line": 12, "prompt_offset": 345},
            {"verb": "handled", "at": begun + 9_000, "by_id": agent.id, "how": "its round ended as ok"},
        ]
        lines = _lines(town, ref)
        assert [
            {name: line.get(name) for name in wanted} for line, wanted in zip(lines, expected, strict=True)
        ] == expected
        message = town.message(ref)
        assert (message.shown_at, message.shown_in) == (begun + 40, live.id)
        assert [event["type"] for event in town.events() if event.get("message_id") == ref] == [
            f"message.{line['verb']}" for line in expected
        ]

    def test_lines_of_a_task_name_the_agent_by_its_id_also_when_another_has_its_name(self, town: Hands) -> None:
        first = town.spawn()
        ref = town.add(agent="w1").id
        live = town.begin("w1")
        made = town.add("found on the way", round_id=live.id).id
        town.run(tasks.submit(ref, round_id=live.id))
        town.end(live)
        town.want("w1", "kill")
        town.remove("w1")
        assert town.spawn().id != first.id
        told = [(line["verb"], line["by"], line.get("by_id")) for line in _lines(town, ref)]
        assert told == [("add", "person", None), *((v, "w1", first.id) for v in ("start", "say submit", "submit"))]
        assert [line.get("by_id") for line in _lines(town, made)] == [first.id]

    @pytest.mark.parametrize(
        ("outcome", "verbs"),
        [
            ("crashed", ["queued", "delivered", "shown", "back"]),
            ("interrupted", ["queued", "delivered", "shown", "back"]),
        ],
    )
    def test_what_was_in_the_prompt_of_a_round_that_broke_off_was_shown_and_comes_back(
        self, town: Hands, outcome: str, verbs: list[str]
    ) -> None:
        town.spawn()
        ref = town.send().id
        town.end(town.begin("w1"), outcome, shown={"after_ms": 1, "at": {ref: [1, 2]}})
        assert town.history(ref) == verbs
        assert town.message(ref).state == "queued"

    def test_mail_that_was_dealt_with_in_its_round_is_not_shown_a_second_time(self, town: Hands) -> None:
        town.spawn()
        ref = town.send().id
        live = town.begin("w1")
        town.run(mail.handle(ref, round_id=live.id))
        town.end(live, shown={"after_ms": 1, "at": {ref: [1, 2], "m-zzzzzzzz": [3, 4]}})
        assert town.history(ref) == ["queued", "delivered", "handled"]

    def test_what_people_want_of_an_agent_tells_who_wanted_it(self, town: Hands) -> None:
        town.spawn()
        town.want("w1", "interrupt")
        assert town.events("agent.interrupt")[-1]["detail"] == "person"


def _pages(town: Hands, whose: str, limit: int) -> list[str]:
    found: list[str] = []
    after: int | None = None
    while True:
        page = town.run(mail.peek(whose, after=after, limit=limit))
        assert len(page.items) <= limit
        found += [item.id for item in page.items]
        after = page.next
        if after is None:
            return found


def _lines(town: Hands, ref: str) -> list[Mapping[str, Any]]:
    return list(town.run(show(ref)).history)

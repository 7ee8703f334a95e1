"""References, lists, events and repeated operations: what people and programs read, and say twice."""

from __future__ import annotations

from typing import Any

import pytest

from tinytown.domain.ids import CONDUCTOR_ID, IdKind
from tinytown.errors import AmbiguousError, EventsTrimmedError, NotFoundError, TinytownError
from tinytown.storage.calls import agents, mail, tasks
from tinytown.storage.calls import town as towns
from tinytown.testing.contract.base import ContractPart, refused, unchanged
from tinytown.testing.hands import NODE, Hands
from tinytown.testing.replay import broken_moves, replayed_states


class Reading(ContractPart):
    """Every id that we print can be typed back; lists and events have neither holes nor repeats."""

    @pytest.mark.parametrize("ref", ["w1", "W1", "max", "max [mason]", "a-77777777", "a-7", " a-7777 "])
    def test_an_agent_is_found_by_name_nickname_label_id_and_its_beginning(self, town: Hands, ref: str) -> None:
        call = agents.spawn("a-77777777", "w1", cli="script", node="n-00000001", nickname="max", role="mason")
        town.run(call)
        assert town.agent(ref).id == "a-77777777"

    @pytest.mark.parametrize("ref", ["conductor", "supervisor", "Conductor"])
    def test_both_names_of_the_conductor_are_one_mailbox(self, town: Hands, ref: str) -> None:
        assert town.agent(ref).id == CONDUCTOR_ID

    def test_an_ambiguous_beginning_lists_its_candidates(self, town: Hands) -> None:
        for ref in ("t-aaaaaaaa", "t-aaaaaaab", "t-aaaaaaaac"):
            town.run(tasks.add(ref, "more"))
        error = refused(town, AmbiguousError, tasks.submit("t-aaaa"))
        assert isinstance(error, AmbiguousError)
        assert set(error.candidates) == {"t-aaaaaaaa", "t-aaaaaaab", "t-aaaaaaaac"}
        assert town.task("t-aaaaaaab").id == "t-aaaaaaab"

    def test_an_exact_id_beats_the_beginning_of_another(self, town: Hands) -> None:
        for ref in ("t-aaaaaaaa", "t-aaaaaaaac"):
            town.run(tasks.add(ref, "more"))
        assert town.task("t-aaaaaaaa").id == "t-aaaaaaaa"
        assert town.task("t-aaaaaaaac").id == "t-aaaaaaaac"

    @pytest.mark.parametrize("ref", ["", " ", "t", "t-", "nobody", "t-zzzz", "*", "t-*", "[", "é", "a" * 5000])
    @pytest.mark.parametrize("kind", ["task", "agent", "message"])
    def test_what_names_nothing_is_not_found(self, town: Hands, kind: str, ref: str) -> None:
        town.add()
        refused(town, NotFoundError, towns.show(ref, kind))

    def test_an_id_of_another_kind_is_not_found(self, town: Hands) -> None:
        ref = town.spawn().id
        refused(town, NotFoundError, tasks.submit(ref))

    def test_a_name_that_looks_like_the_beginning_of_an_id_is_a_name(self, town: Hands) -> None:
        agent = town.spawn("t-shirts")
        assert town.run(towns.show("t-shirts")).kind == "agent"
        assert town.run(towns.wait_facts("t-shirts")).record.id == agent.id

    def test_lists_come_in_pages_without_gaps_or_repeats_while_records_are_added(self, town: Hands) -> None:
        known = [town.add(f"{n}").id for n in range(25)]
        seen: list[str] = []
        after = None
        while True:
            page = town.run(tasks.listing(after=after, limit=4))
            seen += [task.id for task in page.items]
            if len(seen) < 30:
                known.append(town.add("added meanwhile").id)
            if page.next is None:
                break
            after = page.next
        assert seen == known[: len(seen)]
        assert len(seen) >= 30

    def test_lists_can_be_of_one_state_or_one_agent(self, town: Hands) -> None:
        town.spawn()
        mine, other = town.add(agent="w1").id, town.add().id
        assert [task.id for task in town.run(tasks.listing(state="pending")).items] == [other]
        assert [task.id for task in town.run(tasks.listing(agent="w1")).items] == [mine]
        assert town.run(tasks.listing(state="failed")).items == ()

    @pytest.mark.parametrize("state", [None, "pending", "waiting", "blocked", "assigned", "completed", "failed"])
    def test_a_page_of_one_agents_tasks_is_full_while_more_match(self, town: Hands, state: str | None) -> None:
        town.spawn()
        town.spawn("w2")
        first = town.add().id
        mine: list[str] = []
        for number in range(300):
            who = "w1" if number % 100 == 50 else "w2"
            needs = [first] if state == "waiting" else []
            ref = town.add(agent=None if state == "pending" else who, depends_on=needs).id
            if who == "w1":
                mine.append(ref)
            if state == "blocked":
                town.run(tasks.block(ref, "question: ?"))
            elif state == "completed":
                town.run(tasks.submit(ref, no_gates=True))
            elif state == "failed":
                town.run(tasks.fail(ref, "no"))
        if state == "pending":  # nobody's, so no agent has any
            assert town.run(tasks.listing(state=state, agent="w1", limit=2)).items == ()
            assert len(town.run(tasks.listing(state=state, limit=300)).items) == 300
            return
        page = town.run(tasks.listing(state=state, agent="w1", limit=2))
        assert [task.id for task in page.items] == mine[:2]
        rest = town.run(tasks.listing(state=state, agent="w1", after=page.next, limit=2))
        assert ([task.id for task in rest.items], rest.next) == (mine[2:], None)
        assert town.run(tasks.listing(state=state, agent="w1", limit=3)).next is None

    def test_open_and_closed_tasks_of_an_agent_come_in_one_order(self, town: Hands) -> None:
        town.spawn()
        refs = [town.add(agent="w1").id for _ in range(8)]
        town.run(tasks.submit(refs[1], no_gates=True))
        town.run(tasks.fail(refs[3], "no"))
        town.run(tasks.cancel(refs[4]))
        town.run(tasks.reopen(refs[4]))
        town.run(tasks.cancel(refs[6]))
        seen: list[str] = []
        after = None
        while True:
            page = town.run(tasks.listing(agent="w1", after=after, limit=3))
            seen += [task.id for task in page.items]
            after = page.next
            if after is None:
                break
        assert seen == refs
        assert [task.id for task in town.run(tasks.listing(agent="w1", state="cancelled")).items] == [refs[6]]

    def test_agents_and_open_items_come_in_pages_too(self, town: Hands) -> None:
        names = [f"w{number}" for number in range(5)]
        for name in names:
            town.spawn(name)
            town.run(tasks.block(town.add().id, "question: ?"))
        first = town.run(agents.listing(limit=3))
        rest = town.run(agents.listing(after=first.next, limit=3))
        assert [agent.name for agent in (*first.items, *rest.items)] == names
        assert rest.next is None
        page = town.run(towns.attention(limit=3))
        assert len(page.items) + len(town.run(towns.attention(after=page.next)).items) == 5

    def test_the_overview_counts_everything(self, town: Hands) -> None:
        town.spawn()
        town.add()
        town.add(agent="w1")
        town.begin("w1")
        town.send("conductor")
        town.run(tasks.block(town.add().id, "question: ?"))
        found = town.run(towns.status())
        assert {state: count for state, count in found.tasks.items() if count} == {
            "pending": 1,
            "running": 1,
            "blocked": 1,
        }
        assert (found.agents_total, found.attention_total, found.conductor_mail, found.live) == (1, 1, 1, 1)
        assert [agent.name for agent in found.agents] == ["w1"]
        assert found.town["name"] == "kit"

    def test_a_wait_learns_what_is_still_to_come(self, town: Hands) -> None:
        town.spawn()
        facts = town.run(towns.wait_facts("w1"))
        assert (facts.kind, facts.tasks, facts.busy, facts.backlog) == ("agent", (), False, 0)
        ref = town.add(agent="w1").id
        town.add()
        facts = town.run(towns.wait_facts("w1"))
        assert ([task.id for task in facts.tasks], facts.busy, facts.backlog) == ([ref], True, 1)
        assert town.run(towns.wait_facts(ref)).kind == "task"

    def test_a_wait_is_told_what_moves_or_else_what_does_not(self, town: Hands) -> None:
        town.spawn()
        blocked = [town.add(agent="w1").id for _ in range(25)]
        for ref in blocked:
            town.run(tasks.block(ref, "question: ?"))
        facts = town.run(towns.wait_facts("w1"))
        assert (facts.moving, facts.stuck, facts.stuck_total) == (None, tuple(blocked[:20]), 25)
        assert (facts.open, len(facts.tasks)) == (tuple(blocked), 20)
        first = town.add(agent="w1").id
        last = town.add(depends_on=[first]).id
        assert town.run(towns.wait_facts("w1")).moving == first
        facts = town.run(towns.wait_facts(last))
        assert (facts.moving, set(facts.because)) == (last, {last, first, town.agent("w1").id})
        assert town.run(towns.wait_facts(last, local=NODE, runs=False)).moving is None
        town.run(tasks.block(first, "question: ?"))
        assert town.run(towns.wait_facts(last)).stuck == (last,)

    def test_a_wait_follows_at_most_a_hundred_dependencies(self, town: Hands) -> None:
        first = last = town.add().id
        for _ in range(105):
            last = town.add(depends_on=[last]).id
        assert town.run(towns.wait_facts(last)).moving == last
        assert town.run(towns.wait_facts(first)).moving is None

    def test_a_wait_counts_only_backlog_that_the_agent_may_claim(self, town: Hands) -> None:
        town.spawn("critic", role="reviewer")
        town.add()
        town.add(role="mason")
        assert town.run(towns.wait_facts("critic", apart=["reviewer"])).backlog == 0
        town.add(tags=["reviewer"])
        assert town.run(towns.wait_facts("critic", apart=["reviewer"])).backlog == 1
        assert town.run(towns.wait_facts("critic")).backlog == 2
        assert town.run(towns.wait_facts("conductor")).backlog == 0

    def test_the_current_task_is_that_of_the_live_round(self, town: Hands) -> None:
        town.spawn()
        ref = town.add(agent="w1").id
        assert town.run(tasks.current("w1")) is None
        town.begin("w1")
        found = town.run(tasks.current("w1"))
        assert found is not None
        assert found.id == ref

    def test_why_gathers_agent_round_blockers_and_items(self, town: Hands) -> None:
        town.spawn()
        first = town.add(agent="w1").id
        second = town.add(depends_on=[first]).id
        live = town.begin("w1")
        assert [task.id for task in town.run(towns.why_facts(second)).blockers] == [first]
        facts = town.run(towns.why_facts(first))
        assert facts.agent is not None
        assert facts.round is not None
        assert (facts.agent.name, facts.round.id) == ("w1", live.id)
        town.end(live, "needs_input", detail="which roof?")
        assert [item.kind for item in town.run(towns.why_facts(first)).attention] == ["needs_input"]

    def test_events_have_no_holes_and_carry_ids_and_states(self, town: Hands) -> None:
        town.spawn()
        ref = town.add(agent="w1").id
        live = town.begin("w1")
        town.submit(ref, live)
        town.end(live)
        mine = [event for event in town.events() if event.get("task_id") == ref and "new" in event]
        moves = [(event["type"], event.get("old"), event["new"]) for event in mine if event["type"].startswith("task.")]
        assert moves == [
            ("task.added", None, "assigned"),
            ("task.started", "assigned", "running"),
            ("task.submitted", "running", "completed"),
            ("task.completed", "running", "completed"),
        ]
        assert [event["round_id"] for event in town.events("round.started", "round.ended")] == [live.id, live.id]
        assert list(broken_moves(town.events())) == []
        assert replayed_states(town.events())[ref] == "completed"

    def test_a_reader_of_events_goes_on_where_it_was(self, town: Hands) -> None:
        storage = town.subject.first
        start = storage.read_stream("events", after="0-0", limit=1_000)[-1][0]
        refs = [town.add().id for _ in range(5)]
        seen: list[str] = []
        after = start
        while page := storage.read_stream("events", after=after, limit=2):
            seen += [fields["task_id"] for _ref, fields in page]
            after = page[-1][0]
        assert seen == refs
        assert after == storage.newest_id("events")

    def test_events_that_are_no_longer_kept_are_not_passed_over_in_silence(self, town: Hands) -> None:
        storage = town.subject.first
        first = storage.read_stream("events", after="0-0", limit=1)[0][0]
        town.run(towns.claim("kit", "instance-1", max_events=20))
        for _ in range(300):
            town.add()
        with pytest.raises(EventsTrimmedError) as caught:
            storage.read_stream("events", after=first, limit=10)
        assert storage.read_stream("events", after=caught.value.oldest, limit=1)
        town.trimmed = True

    def test_the_same_operation_is_done_once_and_answered_alike(self, town: Hands) -> None:
        town.spawn()
        ref, operation = town.add(agent="w1").id, town.new(IdKind.OPERATION)
        call = tasks.requeue(ref)
        first = town.run(call, operation=operation)
        town.run(tasks.assign(ref, "w1"))
        with unchanged(town):
            assert town.subject.second.run(call, operation=operation) == first
        assert town.run(call, operation=town.new(IdKind.OPERATION)).task.state == "pending"

    def test_every_changing_call_said_twice_is_done_once(self, town: Hands) -> None:
        town.spawn("w1")
        ref = town.add(agent="w1").id
        calls: list[Any] = [
            tasks.add(town.new(IdKind.TASK), "more"),
            tasks.block(ref, "question: ?"),
            tasks.unblock(ref, answer="so"),
            tasks.requeue(ref),
            tasks.assign(ref, "w1"),
            tasks.fail(ref, "no"),
            tasks.reopen(ref),
            tasks.cancel(ref),
            mail.send(town.new(IdKind.MESSAGE), "w1", "x" * 5_000),
            mail.show(),
            agents.spawn(town.new(IdKind.AGENT), "w2", cli="script", node="n-00000001"),
            agents.want("w2", "restart"),
            agents.want("w2", "kill"),
        ]
        for call in calls:
            operation = town.new(IdKind.OPERATION)
            first = town.run(call, operation=operation)
            with unchanged(town):
                again = town.run(call, operation=operation)
            assert again == first

    def test_a_kept_answer_is_forgotten_after_a_while_and_a_refusal_is_not_kept(self, town: Hands) -> None:
        town.spawn()
        ref, operation = town.add().id, town.new(IdKind.OPERATION)
        with pytest.raises(TinytownError):
            town.run(tasks.unblock(ref), operation=operation)
        town.run(tasks.block(ref, "question: ?"))
        assert town.run(tasks.unblock(ref), operation=operation).task.state == "pending"

    def test_two_clients_see_one_town(self, town: Hands) -> None:
        ref = town.subject.second.run(tasks.add(town.new(IdKind.TASK), "more ✓ \u0001 \U0001f3e0")).task.id
        assert town.task(ref).description == "more ✓ \u0001 \U0001f3e0"
        town.run(tasks.cancel(ref))
        assert town.subject.second.run(towns.show(ref)).record.state == "cancelled"  # pyright: ignore[reportAttributeAccessIssue]

    def test_one_question_is_asked_once_and_its_answer_lets_go_on(self, town: Hands) -> None:
        town.spawn()
        ref = town.add(agent="w1").id
        town.run(tasks.block(ref, "question: which roof?"))
        town.run(tasks.block(ref, "question: which house?"))
        (item,) = town.open_items()
        assert (item.kind, item.ref, item.text) == ("question", ref, "which house?")
        assert any(ref in suggestion for suggestion in item.suggestions)
        answered = town.run(towns.close_attention(item.id, "answer", answer="the red one"))
        assert (answered.state, answered.answer) == ("answered", "the red one")
        assert (town.task(ref).state, town.task(ref).answer) == ("assigned", "the red one")
        refused(town, TinytownError, towns.close_attention(item.id, "dismiss"))

    def test_another_reason_for_a_block_takes_the_place_of_the_last_question(self, town: Hands) -> None:
        ref = town.add().id
        town.run(tasks.block(ref, "question: which roof?"))
        town.run(tasks.block(ref, "weather: it rains"))
        assert [(item.kind, item.text) for item in town.open_items()] == [("weather", "it rains")]
        town.run(tasks.cancel(ref))
        assert town.open_items() == []

    def test_a_dismissed_question_leaves_the_task_blocked(self, town: Hands) -> None:
        ref = town.add().id
        town.run(tasks.block(ref, "question: which roof?"))
        town.run(towns.close_attention(town.open_items()[0].id, "dismiss"))
        assert town.task(ref).state == "blocked"
        assert town.open_items() == []

"""Agents: what commands want, what the node says, lives, names and accounts."""

from __future__ import annotations

import pytest

from tinytown.domain.ids import IdKind
from tinytown.errors import NameTakenError, TinytownError
from tinytown.storage.calls import agents
from tinytown.storage.calls import town as towns
from tinytown.testing.contract.base import ContractPart, refused, unchanged
from tinytown.testing.hands import NODE, NONCE, Hands


class Agents(ContractPart):
    """Wanted and so are two fields, with one writer each."""

    def test_a_new_agent_is_cold_until_its_node_has_prepared_it(self, town: Hands) -> None:
        agent = town.spawn("w1", ready=False, role="mason", nickname="max", model="large", parent="conductor")
        assert (agent.state, agent.wanted, agent.incarnation, agent.label) == ("cold", "run", 1, "max [mason]")
        assert town.due() == ["w1"]
        town.add(agent="w1")
        assert town.take("w1").nothing == "not_idle"
        assert town.due() == ["w1"]
        assert town.ready("w1").state == "idle"
        with unchanged(town):
            town.ready("w1")
        assert town.due() == ["w1"]

    def test_a_second_spawn_of_a_living_name_is_refused(self, town: Hands) -> None:
        town.spawn("w1", nickname="max")
        for name, nickname in (("w1", None), ("max", None), ("w2", "w1"), ("w2", "max")):
            call = agents.spawn(town.new(IdKind.AGENT), name, cli="script", node=NODE, nickname=nickname)
            refused(town, NameTakenError, call)

    def test_spawning_a_stopped_name_begins_a_new_life_of_the_same_agent(self, town: Hands) -> None:
        first = town.spawn("w1", nickname="max", max_rounds=5)
        mail = town.send("w1").id
        town.want("w1", "kill")
        again = town.spawn("w1", ready=False, role="mason", nickname="moritz")
        assert (again.id, again.incarnation, again.state, again.wanted) == (first.id, 2, "cold", "run")
        assert (again.role, again.nickname, again.max_rounds) == ("mason", "moritz", None)
        assert town.agent("moritz").id == first.id
        town.spawn("max")
        town.ready("w1")
        assert [item.id for item in town.take("w1").messages] == [mail]

    def test_interrupt_ends_the_round_and_holds_the_agent_until_it_is_resumed(self, town: Hands) -> None:
        town.spawn()
        ref = town.add(agent="w1").id
        live = town.begin("w1")
        assert town.want("w1", "interrupt")
        assert town.agent("w1").state == "working"
        assert town.pull().ends == (live.id,)
        town.end(live, "interrupted")
        assert (town.agent("w1").state, town.agent("w1").wanted) == ("idle", "paused")
        assert town.due() == []
        assert town.take("w1").nothing == "not_idle"
        town.send("w1")
        assert town.due() == []
        assert not town.want("w1", "resume")
        assert town.due() == ["w1"]
        assert town.begin("w1").task_id == ref

    def test_close_lets_the_agent_finish_what_it_has(self, town: Hands) -> None:
        town.spawn()
        one, two = town.add(agent="w1").id, town.add(agent="w1").id
        live = town.begin("w1")
        assert not town.want("w1", "close")
        assert town.pull().ends == ()
        town.submit(one, live)
        agent = town.end(live).agent
        assert agent is not None
        assert (agent.state, agent.wanted) == ("idle", "draining")
        live = town.begin("w1")
        town.submit(two, live)
        town.end(live)
        assert town.agent("w1").state == "stopped"
        assert town.due() == []

    def test_close_without_work_stops_at_once(self, town: Hands) -> None:
        town.spawn()
        town.want("w1", "close")
        assert town.agent("w1").state == "stopped"

    def test_a_closing_agent_whose_last_task_was_taken_away_stops(self, town: Hands) -> None:
        town.spawn()
        ref = town.add(agent="w1").id
        town.want("w1", "close")
        assert town.agent("w1").state == "idle"
        from tinytown.storage.calls.tasks import cancel

        town.run(cancel(ref))
        assert town.due() == ["w1"]
        assert town.take("w1").nothing == "idle"
        assert town.agent("w1").state == "stopped"

    def test_kill_is_not_reported_before_the_round_has_ended(self, town: Hands) -> None:
        town.spawn()
        ref = town.add(agent="w1").id
        live = town.begin("w1")
        assert town.want("w1", "kill")
        assert (town.agent("w1").state, town.agent("w1").wanted) == ("working", "stopped")
        town.end(live, "interrupted")
        assert town.agent("w1").state == "stopped"
        assert (town.task(ref).state, town.task(ref).agent) == ("assigned", "w1")
        assert town.due() == []

    def test_restart_is_kill_and_then_a_new_life(self, town: Hands) -> None:
        town.spawn()
        ref = town.add(agent="w1").id
        live = town.begin("w1")
        assert town.want("w1", "restart")
        assert town.agent("w1").incarnation == 1
        town.end(live, "interrupted", session_id="s-1")
        agent = town.agent("w1")
        assert (agent.state, agent.wanted, agent.incarnation, agent.session_id) == ("cold", "run", 2, None)
        assert town.due() == ["w1"]
        town.ready("w1")
        assert town.begin("w1").task_id == ref

    def test_a_kill_after_a_restart_stops(self, town: Hands) -> None:
        town.spawn()
        town.add(agent="w1")
        live = town.begin("w1")
        town.want("w1", "restart")
        town.want("w1", "kill")
        town.end(live, "interrupted")
        assert (town.agent("w1").state, town.agent("w1").incarnation) == ("stopped", 1)

    @pytest.mark.parametrize("before", ["kill", "interrupt", "close"])
    def test_restart_brings_back_an_agent_whatever_was_wanted_before(self, town: Hands, before: str) -> None:
        town.spawn()
        town.want("w1", before)
        assert not town.want("w1", "restart")
        agent = town.agent("w1")
        assert (agent.state, agent.wanted, agent.incarnation) == ("cold", "run", 2)

    @pytest.mark.parametrize("verb", ["interrupt", "resume", "close"])
    def test_a_stopped_agent_can_only_be_restarted(self, town: Hands, verb: str) -> None:
        town.spawn()
        town.want("w1", "kill")
        error = refused(town, TinytownError, agents.want("w1", verb))
        assert "stopped" in str(error)

    def test_what_an_earlier_life_said_of_itself_is_not_heard(self, town: Hands) -> None:
        agent = town.spawn("w1", ready=False)
        town.want("w1", "restart")
        with unchanged(town):
            town.run(agents.ready(agent.id, 1, node_id=NODE, nonce=NONCE))
            town.run(agents.error(agent.id, 1, "no such program", node_id=NODE, nonce=NONCE))
        assert town.agent("w1").state == "cold"

    def test_an_agent_that_cannot_start_asks_a_person(self, town: Hands) -> None:
        agent = town.spawn("w1", ready=False)
        town.run(agents.error(agent.id, 1, "no such program", node_id=NODE, nonce=NONCE))
        found = town.agent("w1")
        assert (found.state, found.reason) == ("error", "no such program")
        assert [(item.kind, item.ref) for item in town.open_items()] == [("start_failed", agent.id)]
        assert town.due() == []
        town.add(agent="w1")
        assert town.due() == []
        town.want("w1", "restart")
        assert town.open_items() == []
        assert town.due() == ["w1"]

    def test_an_agent_stops_after_so_many_rounds(self, town: Hands) -> None:
        town.spawn(max_rounds=2)
        ref = town.add(agent="w1").id
        for _ in range(2):
            town.end(town.begin("w1"), "interrupted")
        assert (town.agent("w1").state, town.agent("w1").reason) == ("stopped", "max_rounds")
        assert town.take("w1").nothing == "not_idle"
        assert town.task(ref).state == "assigned"

    def test_the_conductor_has_no_process_to_change(self, town: Hands) -> None:
        refused(town, TinytownError, agents.want("conductor", "kill"))

    def test_rounds_are_numbered_and_the_last_hundred_are_listed(self, town: Hands) -> None:
        town.spawn()
        for _ in range(103):
            town.send("w1")
            town.end(town.begin("w1", mail_rounds_per_hour=500))
        found = town.run(agents.rounds("w1", limit=200)).items
        assert [item.number for item in found] == list(range(4, 104))
        assert [item.number for item in town.run(agents.rounds("w1", limit=2)).items] == [102, 103]
        assert town.agent("w1").rounds_completed == 103

    def test_a_rate_limit_parks_the_account_and_one_round_probes(self, town: Hands) -> None:
        for name in ("w1", "w2", "w3"):
            town.spawn(name, ready=False)
            town.ready(name, account="shared")
        town.spawn("free")
        for name in ("w1", "w2", "w3", "free"):
            town.add(agent=name)
        town.end(town.begin("w1"), "rate_limited", retry_ms=60_000)
        assert [town.take(name).nothing for name in ("w1", "w2", "w3")] == ["parked"] * 3
        town.begin("free")
        why = town.run(towns.why_facts("w2"))
        assert why.parked_until == town.clock.now_ms() + 60_000
        town.clock.advance(60_000)
        assert sorted(town.due()) == ["w1", "w2", "w3"]
        probe = town.begin("w2")
        assert [town.take(name).nothing for name in ("w1", "w3")] == ["parked"] * 2
        town.end(probe)
        assert (town.pull().next_at or 0) <= town.clock.now_ms() + 2_000
        town.clock.advance(2_000)
        assert {"w1", "w3"} <= set(town.due())
        town.begin("w1")
        town.begin("w3")

    def test_an_agent_that_cannot_start_leaves_its_account_to_the_others(self, town: Hands) -> None:
        for name in ("w1", "w2"):
            town.spawn(name, ready=False)
            town.ready(name, account="shared")
            town.add(agent=name)
        town.end(town.begin("w1"), "start_failed", detail="no folder")
        assert (town.agent("w1").state, "no folder" in (town.agent("w1").reason or "")) == ("error", True)
        assert [item.ref for item in town.open_items("start_failed")] == [town.agent("w1").id]
        assert town.due() == ["w2"]
        town.end(town.begin("w2"))
        town.want("w1", "restart")
        assert (town.agent("w1").state, town.open_items("start_failed")) == ("cold", [])

    def test_an_agent_that_has_ended_leaves_no_limit_and_no_question_behind(self, town: Hands) -> None:
        for name, outcome in (("w1", "auth_required"), ("w2", "rate_limited"), ("w3", "disk_full")):
            town.spawn(name)
            town.add(agent=name)
            town.end(town.begin(name), outcome)
            town.want(name, "kill")
            assert town.agent(name).state == "stopped"
        assert town.open_items() == []
        assert not [name for name in town.subject.dump() if name.startswith("parked:")]

    def test_a_lost_log_in_that_others_share_is_still_asked_for_when_its_agent_has_ended(self, town: Hands) -> None:
        for name in ("w1", "w2"):
            town.spawn(name, ready=False)
            town.ready(name, account="shared")
            town.add(agent=name)
        town.end(town.begin("w1"), "auth_required")
        town.want("w1", "kill")
        assert town.take("w2").nothing == "parked"
        (item,) = town.open_items("auth_required")
        town.run(towns.close_attention(item.id, "dismiss"))
        assert town.due() == ["w2"]
        town.begin("w2")

    def test_an_agent_that_gets_an_account_forgets_the_limit_it_had_without(self, town: Hands) -> None:
        town.spawn()
        town.add(agent="w1")
        town.end(town.begin("w1"), "rate_limited")
        town.want("w1", "restart")
        town.ready("w1", account="shared")
        assert not [name for name in town.subject.dump() if name.startswith("parked:")]
        town.begin("w1")

    def test_an_unknown_reset_backs_off_up_to_an_hour(self, town: Hands) -> None:
        town.spawn()
        town.add(agent="w1")
        waits: list[int] = []
        for _ in range(8):
            town.end(town.begin("w1", max_rounds_per_task=100), "rate_limited")
            until = town.run(towns.why_facts("w1")).parked_until or 0
            waits.append((until - town.clock.now_ms()) // 60_000)
            town.clock.advance(until - town.clock.now_ms())
        assert waits == [1, 2, 4, 8, 16, 32, 60, 60]

    def test_a_lost_log_in_waits_for_a_person_whose_answer_lets_go_on(self, town: Hands) -> None:
        town.spawn()
        town.add(agent="w1")
        town.end(town.begin("w1"), "auth_required", detail="signed out")
        town.clock.advance(24 * 3_600_000)
        assert town.take("w1").nothing == "parked"
        (item,) = town.open_items("auth_required")
        assert item.ref == town.agent("w1").id
        town.run(towns.close_attention(item.id, "answer", answer="signed in"))
        assert town.due() == ["w1"]
        town.begin("w1")

    def test_an_answer_about_a_log_in_lets_all_of_the_account_come_one_first(self, town: Hands) -> None:
        for name in ("w1", "w2"):
            town.spawn(name, ready=False)
            town.ready(name, account="shared")
            town.add(agent=name)
        town.end(town.begin("w1"), "auth_required", detail="signed out")
        assert town.take("w2").nothing == "parked"
        (item,) = town.open_items("auth_required")
        town.run(towns.close_attention(item.id, "answer", answer="signed in"))
        assert sorted(town.due()) == ["w1", "w2"]
        probe = town.begin("w2")
        assert town.take("w1").nothing == "parked"
        town.end(probe, "interrupted")
        assert "w1" in town.due()
        town.begin("w1")

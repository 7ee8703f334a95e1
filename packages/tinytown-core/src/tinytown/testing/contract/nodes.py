"""Nodes: one life at a time, what they have to do, and repairing what was forgotten."""

from __future__ import annotations

import pytest

from tinytown.errors import NameTakenError, TinytownError, TownConflictError
from tinytown.storage.calls import nodes, tasks
from tinytown.storage.calls import town as towns
from tinytown.testing.contract.base import ContractPart, refused, refused_doing
from tinytown.testing.hands import NODE, NONCE, Hands, gates

OTHER = "n-00000002"


class Nodes(ContractPart):
    """Leases, bells and the list of what is due."""

    def test_another_process_takes_a_node_only_when_the_last_is_known_to_be_gone(self, town: Hands) -> None:
        refused_doing(town, TinytownError, lambda: town.join(nonce="thief"))
        town.join()
        town.join(nonce="second", force=True)
        town.run(nodes.leave(NODE, "second", "down"))
        town.join(nonce="third")
        (node,) = town.run(nodes.listing()).items
        assert (node.state, node.nonce, node.beat) == ("up", "third", 4)

    def test_joining_again_with_the_same_nonce_is_the_same_life(self, town: Hands) -> None:
        started = town.run(nodes.listing()).items[0].started_at
        town.clock.advance(5_000)
        town.join()
        (node,) = town.run(nodes.listing()).items
        assert (node.started_at, node.beat_at) == (started, town.clock.now_ms())
        assert len(town.events("node.joined")) == 1

    def test_a_node_that_joins_is_told_which_rounds_are_its_own(self, town: Hands) -> None:
        town.spawn()
        town.add(agent="w1")
        live = town.begin("w1")
        assert town.join(OTHER, "other") == ()
        assert [found.id for found in town.join(nonce="second", force=True)] == [live.id]

    def test_a_beat_counts_and_says_how_much_runs(self, town: Hands) -> None:
        town.clock.advance(1_000)
        node = town.run(nodes.beat(NODE, NONCE, running=3))
        assert (node.beat, node.running, node.beat_at) == (2, 3, town.clock.now_ms())

    def test_whoever_was_woken_first_is_due_first_and_waiting_mail_does_not_lose_the_place(self, town: Hands) -> None:
        for name in ("w1", "w2", "w3"):
            town.spawn(name)
        for name in ("w3", "w1", "w2", "w3"):
            town.add(agent=name)
        assert town.due() == ["w3", "w1", "w2"]
        town.end(town.begin("w3"))
        assert town.due() == ["w1", "w2", "w3"]

    def test_the_bell_rings_for_everything_that_a_node_should_see(self, town: Hands) -> None:
        town.spawn("w1")
        bell = lambda: town.subject.first.newest_id(f"bell:{NODE}")  # noqa: E731 - read before and after each
        town.add(agent="w1")
        rings = [bell()]
        ref = town.add().id
        rings.append(bell())
        town.run(tasks.assign(ref, "w1"))
        rings.append(bell())
        town.begin("w1")
        town.want("w1", "interrupt")
        rings.append(bell())
        town.send("w1", urgent=True)
        rings.append(bell())
        assert len(set(rings)) == len(rings)

    def test_pull_says_when_there_will_be_more(self, town: Hands) -> None:
        town.spawn()
        assert town.pull().next_at is None
        town.add(agent="w1")
        town.end(town.begin("w1"), "failed")
        assert town.pull().due == ()
        assert town.pull().next_at == town.clock.now_ms() + 5_000
        town.add()
        assert (town.pull().backlog, town.pull().now) == (1, town.clock.now_ms())

    def test_reconcile_finds_nothing_in_a_sound_town_and_repairs_a_hole(self, town: Hands) -> None:
        town.spawn("w1")
        town.spawn("w2", ready=False)
        town.add(agent="w1")
        town.run(nodes.reconcile(NODE, NONCE))
        assert town.run(nodes.reconcile(NODE, NONCE)).repaired == ()
        town.subject.remove(f"due:{NODE}")
        assert town.due() == []
        found = town.run(nodes.reconcile(NODE, NONCE))
        assert set(found.repaired) == {town.agent("w1").id, town.agent("w2").id}
        assert sorted(town.due()) == ["w1", "w2"]
        assert len(town.events("node.repaired")) == 1

    @pytest.mark.parametrize("minutes", [30, 60 * 24 * 3])
    def test_what_waits_for_a_time_goes_on_when_the_clock_was_set_back(self, town: Hands, minutes: int) -> None:
        town.spawn("w1")
        ref = town.add(agent="w1").id
        town.end(town.begin("w1"), "crashed")
        town.clock.advance(-minutes * 60_000)
        found = town.run(nodes.reconcile(NODE, NONCE, set_back=True))
        assert found.repaired == (town.agent("w1").id,)
        assert (town.task(ref).not_before, town.agent("w1").not_before) == (0, 0)
        assert town.due() == ["w1"]
        assert (town.begin("w1").task_id, town.task(ref).crashes) == (ref, 1)

    def test_a_parked_account_is_probed_when_the_clock_was_set_back(self, town: Hands) -> None:
        town.spawn("w1")
        town.add(agent="w1")
        town.end(town.begin("w1"), "rate_limited", retry_ms=5 * 86_400_000)
        town.take("w1")
        town.run(nodes.reconcile(NODE, NONCE))
        assert town.take("w1").nothing == "parked"
        town.clock.advance(-3 * 86_400_000)
        town.run(nodes.reconcile(NODE, NONCE, set_back=True))
        assert town.due() == ["w1"]
        assert town.take("w1").round is not None

    def test_a_gate_that_waits_to_be_run_again_is_run_when_the_clock_was_set_back(self, town: Hands) -> None:
        ref = town.add().id
        town.run(tasks.submit(ref, gates=gates("tests"), gate_node=NODE))
        town.end_gate(town.begin_gate(ref), "unavailable", detail="no shell")
        town.clock.advance(-600_000)
        assert town.pull().verify == ()
        town.run(nodes.reconcile(NODE, NONCE, set_back=True))
        assert (town.pull().verify, town.task(ref).not_before) == ((ref,), 0)

    def test_a_node_is_told_at_its_join_that_the_clock_was_set_back(self, town: Hands) -> None:
        again = nodes.join(NODE, name=NODE, pid=1, host="here", nonce=NONCE, capacity=2)
        assert not town.run(again).set_back
        town.clock.advance(-1000)
        assert town.run(again).set_back
        assert not town.run(again).set_back

    def test_an_event_tells_its_time_though_its_id_keeps_growing(self, town: Hands) -> None:
        town.spawn("w1")
        town.clock.advance(-3 * 86_400_000)
        town.add(agent="w1")
        (added,) = town.events("task.added")
        assert int(added["at"]) == town.clock.now_ms()

    def test_reconcile_goes_through_all_agents_in_pages(self, town: Hands) -> None:
        for number in range(7):
            town.spawn(f"w{number}")
        after, pages = None, 0
        while True:
            found = town.run(nodes.reconcile(NODE, NONCE, after=after, limit=3))
            pages += 1
            if found.after is None:
                break
            after = found.after
        assert pages == 3

    def test_reconcile_looks_at_every_task_that_verifies_page_by_page(self, town: Hands) -> None:
        refs = [town.add().id for _ in range(7)]
        for ref in refs:
            town.run(tasks.submit(ref, gates=gates("tests"), gate_node=NODE))
        town.subject.remove(f"verify:{NODE}")
        assert town.pull().verify == ()
        after, repaired = None, list[str]()
        for _ in range(3):
            found = town.run(nodes.reconcile(NODE, NONCE, after_task=after, limit=3))
            repaired += found.repaired
            after = found.after_task
        assert (repaired, after) == (refs, None)
        assert set(town.pull().verify) == set(refs)

    def test_new_work_rings_only_nodes_that_are_not_down(self, town: Hands) -> None:
        town.join(OTHER, "other")
        bells = lambda: [town.subject.first.newest_id(f"bell:{ref}") for ref in (NODE, OTHER)]  # noqa: E731
        town.add()
        first = bells()
        town.run(nodes.leave(OTHER, "other", "stopping"))
        town.add()
        second = bells()
        assert all(now != before for now, before in zip(second, first, strict=True))
        town.run(nodes.leave(OTHER, "other", "down"))
        town.add()
        assert bells()[0] != second[0]
        assert bells()[1] == second[1]

    def test_a_scheduler_sees_idle_agents_of_its_node_and_the_oldest_tasks(self, town: Hands) -> None:
        town.spawn("w1")
        town.spawn("busy")
        town.spawn("mason", role="mason")
        town.join(OTHER, "other")
        town.spawn("far", ready=False, node=OTHER)
        town.add(agent="busy")
        expected = [town.add().id, town.add(role="worker").id, town.add(role="mason").id]
        town.add(role="nobody")
        found = town.run(nodes.snapshot(NODE))
        assert {agent.name for agent in found.agents} == {"w1", "mason"}
        assert sorted(task.id for task in found.tasks) == sorted(expected)

    def test_a_town_of_the_same_name_from_another_folder_is_refused(self, town: Hands) -> None:
        assert not town.run(towns.claim("kit", "instance-1"))
        refused(town, TownConflictError, towns.claim("kit", "instance-2"))
        town.run(towns.claim("kit", "instance-2", replace=True))
        refused(town, TownConflictError, towns.claim("kit", "instance-1"))
        assert NameTakenError.code == "name_taken"

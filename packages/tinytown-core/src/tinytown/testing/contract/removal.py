"""Removing agents: only what has ended and holds nothing goes, and what it has done can still be looked at."""

from __future__ import annotations

import pytest

from tinytown.domain.ids import IdKind
from tinytown.errors import NotFoundError, RefusedError, WrongStateError
from tinytown.storage.calls import agents, mail, nodes, tasks
from tinytown.testing.contract.base import ContractPart, refused, unchanged
from tinytown.testing.hands import NODE, NONCE, Hands, gates


class Removal(ContractPart):
    """An agent off the books holds nothing, and nothing can be given to it."""

    @pytest.mark.parametrize("how", ["kill", "error"])
    def test_an_agent_that_has_ended_is_removed_and_leaves_its_names_free(self, town: Hands, how: str) -> None:
        agent = town.spawn("w1", nickname="max", ready=how == "kill")
        if how == "kill":
            town.want("w1", "kill")
        else:
            town.run(agents.error(agent.id, 1, "no such program", node_id=NODE, nonce=NONCE))
        removed = town.remove("max")
        assert (removed.id, removed.name, removed.state, removed.wanted) == (agent.id, "w1", "removed", "stopped")
        assert town.run(agents.listing()).items == ()
        assert town.open_items() == []
        for name in ("w1", "max"):
            refused(town, NotFoundError, agents.want(name, "restart"))
        again = town.spawn("w1", nickname="max")
        assert again.id != agent.id
        assert [item.id for item in town.run(agents.listing()).items] == [again.id]

    def test_removing_twice_answers_the_same(self, town: Hands) -> None:
        agent = town.spawn("w1")
        town.want("w1", "kill")
        first = town.remove("w1")
        with unchanged(town):
            assert town.remove(agent.id) == first

    @pytest.mark.parametrize("state", ["cold", "idle", "paused", "working", "draining"])
    def test_a_living_agent_is_never_removed(self, town: Hands, state: str) -> None:
        town.spawn("w1", ready=state != "cold")
        if state in {"working", "draining"}:
            town.add(agent="w1")
            town.begin("w1")
        if state in {"paused", "draining"}:
            town.want("w1", {"paused": "interrupt", "draining": "close"}[state])
        refused(town, WrongStateError, agents.remove("w1"))

    @pytest.mark.parametrize("kind", ["task", "query", "info", "ack"])
    @pytest.mark.parametrize("urgent", [True, False], ids=["urgent", "normal"])
    def test_mail_that_waits_keeps_its_agent(self, town: Hands, kind: str, urgent: bool) -> None:
        town.spawn("w1")
        ref = town.send("w1", kind=kind, urgent=urgent).id
        town.want("w1", "kill")
        error = refused(town, RefusedError, agents.remove("w1"))
        assert error.shown_code == "agent_holds"
        assert "0 open tasks and 1 messages" in error.message
        assert "tt reclaim --from w1" in str(error.hint)
        assert town.message(ref).state == "queued"

    @pytest.mark.parametrize("make", ["assigned", "waiting", "blocked", "verifying"])
    def test_an_open_task_that_names_it_keeps_its_agent(self, town: Hands, make: str) -> None:
        town.spawn("w1")
        needed = [town.add().id] if make == "waiting" else []
        ref = town.add(agent="w1", depends_on=needed).id
        if make == "blocked":
            town.run(tasks.block(ref, "question: which?"))
        elif make == "verifying":
            live = town.begin("w1")
            town.submit(ref, live)
            town.end(live, gates=gates("tests"))
        town.want("w1", "kill")
        assert town.task(ref).state == make
        assert refused(town, RefusedError, agents.remove("w1")).shown_code == "agent_holds"
        assert town.agent("w1").open_tasks == 1

    def test_what_it_has_done_can_still_be_looked_at(self, town: Hands) -> None:
        agent = town.spawn("w1")
        ref, note = town.add(agent="w1").id, town.send("w1").id
        live = town.begin("w1")
        town.submit(ref, live)
        town.end(live)
        town.want("w1", "kill")
        town.remove("w1")
        assert (town.task(ref).agent, town.task(ref).agent_id) == ("w1", agent.id)
        assert [item.id for item in town.run(tasks.listing(agent=agent.id)).items] == [ref]
        assert [item.id for item in town.run(agents.rounds(agent.id)).items] == [live.id]
        assert town.agent(agent.id).tasks_completed == 1
        assert (town.message(note).to, town.history(note)[-1]) == ("w1", "handled")

    def test_nothing_can_be_given_to_it_any_more(self, town: Hands) -> None:
        agent = town.spawn("w1").id
        town.spawn("w2")
        ref = town.add().id
        town.want("w1", "kill")
        town.remove("w1")
        calls = [
            tasks.add(town.new(IdKind.TASK), "x", agent=agent),
            tasks.assign(ref, agent),
            mail.send(town.new(IdKind.MESSAGE), agent, "x"),
            agents.spawn(town.new(IdKind.AGENT), "w3", cli="script", node=NODE, parent=agent),
            *(agents.want(agent, verb) for verb in ("restart", "resume", "kill", "close", "interrupt")),
        ]
        for call in calls:
            error = refused(town, NotFoundError, call)
            assert "tt spawn w1" in str(error.hint)

    def test_a_failed_task_of_it_is_reopened_for_anybody(self, town: Hands) -> None:
        town.spawn("w1")
        ref = town.add(agent="w1").id
        town.run(tasks.fail(ref, "no"))
        town.want("w1", "kill")
        town.remove("w1")
        task = town.run(tasks.reopen(ref)).task
        assert (task.state, task.agent) == ("pending", None)

    def test_mail_of_it_that_expires_unread_is_told_to_a_person(self, town: Hands) -> None:
        town.spawn("w1")
        town.spawn("w2")
        town.add(agent="w1")
        live = town.begin("w1")
        ref = town.run(mail.send(town.new(IdKind.MESSAGE), "w2", "soon", ttl_ms=1000, round_id=live.id)).message.id
        town.submit(str(live.task_id), live)
        town.end(live)
        town.want("w1", "kill")
        town.remove("w1")
        town.clock.advance(2000)
        town.run(nodes.reconcile(NODE, NONCE))
        assert town.message(ref).state == "expired"
        assert [item.ref for item in town.open_items("expired")] == [ref]

    def test_the_conductor_stays_and_rounds_remove_nobody(self, town: Hands) -> None:
        town.spawn("w1")
        town.spawn("w2")
        town.want("w2", "kill")
        town.add(agent="w1")
        live = town.begin("w1")
        assert refused(town, RefusedError, agents.remove("conductor")).shown_code == "not_an_agent"
        assert refused(town, RefusedError, agents.remove("w2", round_id=live.id)).shown_code == "people_only"

    def test_a_node_counts_the_agents_that_it_hosts(self, town: Hands) -> None:
        town.spawn("w1")
        town.spawn("w2")
        assert self._hosted(town) == 2
        town.want("w1", "kill")
        assert self._hosted(town) == 2
        town.remove("w1")
        assert self._hosted(town) == 1

    def _hosted(self, town: Hands) -> int:
        return {node.id: node.agents for node in town.run(nodes.listing()).items}[NODE]

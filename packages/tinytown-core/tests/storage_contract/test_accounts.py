"""Many agents on one account: when its limit has passed, all of them go on and none is forgotten."""

from __future__ import annotations

from tinytown.domain.ids import IdKind, new_id
from tinytown.storage.calls import agents, nodes, rounds, tasks
from tinytown.storage.calls import town as town_calls
from tinytown.storage.calls.rounds import RoundReport
from tinytown.testing.subjects import memory_subject

AGENTS = 120
NODE, NONCE = "n-00000001", "one-life"


def test_in_memory_all_agents_of_an_account_go_on_after_the_round_that_tried_it():
    demand_that_all_go_on(memory_subject())


def test_on_a_server_all_agents_of_an_account_go_on_after_the_round_that_tried_it(on_server):
    with on_server() as subject:
        demand_that_all_go_on(subject)


def demand_that_all_go_on(subject):
    run = subject.first.run
    run(town_calls.claim("crowd", "instance-1"))
    run(nodes.join(NODE, name="here", pid=1, host="here", nonce=NONCE, capacity=9))
    crowd = []
    for number in range(AGENTS):
        agent = run(agents.spawn(new_id(IdKind.AGENT), f"w{number}", cli="x", node=NODE)).agent
        run(agents.ready(agent.id, agent.incarnation, account="shared", node_id=NODE, nonce=NONCE))
        run(tasks.add(new_id(IdKind.TASK), "x", agent=agent.id))
        crowd.append(agent.id)

    def take(agent):
        return run(rounds.take(new_id(IdKind.ROUND), agent, node_id=NODE, nonce=NONCE))

    def end(live, outcome, **fields):
        run(rounds.end(live.id, RoundReport(outcome=outcome, **fields), node_id=NODE, nonce=NONCE))

    end(take(crowd[0]).round, "rate_limited", retry_ms=1000)
    subject.clock.advance(2000)
    probe = take(crowd[0]).round
    assert {take(agent).nothing for agent in crowd[1:]} == {"parked"}
    end(probe, "ok")
    first = run(nodes.pull(NODE)).next_at
    assert subject.clock.now_ms() <= first < subject.clock.now_ms() + 200, "they come one after the other"
    subject.clock.advance(2000)
    assert run(nodes.pull(NODE)).next_at is None

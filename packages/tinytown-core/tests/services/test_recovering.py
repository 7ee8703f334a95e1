"""Recovering: what should run is brought back, what was stopped on purpose stays, and a busy agent is never dead."""

from __future__ import annotations

import pytest
from tinytown.errors import NodeStartError, RefusedError
from tinytown.storage.calls import agents

MINI = '[agent_clis.script]\ncommand = "sh"\nprompt = "stdin"\n'


def broken(bench, name="w1"):
    made = bench.agent(name, ready=False)
    call = agents.error(made.id, made.incarnation, "no such program", node_id=made.node, nonce="one-life")
    bench.storage.run(call)
    return made


@pytest.fixture
def town_bench(make_bench):
    return make_bench(MINI)


def test_an_agent_in_error_begins_a_new_life_and_says_why_it_was(town_bench):
    broken(town_bench)
    ref = town_bench.town.assign("w1", "x").id
    plan = town_bench.town.recover(dry_run=True)
    assert town_bench.town.agent("w1").state == "error"
    found = town_bench.town.recover()
    assert [(each.agent.name, each.cause.code, each.restarted) for each in found.agents] == [
        ("w1", "agent_error", True)
    ]
    assert "no such program" in found.agents[0].cause.text
    assert (found.agents, found.node_started) == (plan.agents, plan.node_started)
    agent = town_bench.town.agent("w1")
    assert (agent.state, agent.incarnation, town_bench.town.task(ref).state) == ("cold", 2, "assigned")
    assert town_bench.town.attention().items == ()
    assert [each.restarted for each in town_bench.town.recover().agents] == [False]


def test_a_busy_agent_is_left_alone_however_long_it_is_silent(town_bench):
    """The reference stops agents whose log was not written for two minutes, which every long round is."""
    agent = town_bench.agent("w1")
    town_bench.town.assign("w1", "x")
    live = town_bench.take(agent).round
    town_bench.clock.advance(24 * 3_600_000)
    town_bench.beat()
    found = town_bench.town.recover()
    assert [(each.agent.name, each.restarted) for each in found.agents] == [("w1", False)]
    assert found.agents[0].cause.code == "agent_busy"
    assert town_bench.town.agent("w1").round_id == live.id


def test_the_node_is_started_where_none_runs_even_after_it_was_stopped(town_bench):
    town_bench.agent("w1")
    town_bench.node.runs, town_bench.node.stopped = False, True
    plan = town_bench.town.recover(dry_run=True)
    assert (plan.node_started, town_bench.node.starts) == (True, 0)
    found = town_bench.town.recover()
    assert (found.node_started, found.agents, town_bench.node.starts) == (True, plan.agents, 1)
    assert not town_bench.town.recover().node_started
    assert town_bench.node.starts == 1


def test_a_node_that_does_not_start_is_an_error(town_bench):
    town_bench.node.runs, town_bench.node.broken = False, True
    with pytest.raises(NodeStartError):
        town_bench.town.recover()


@pytest.mark.parametrize(("how", "code"), [("kill", "agent_stopped"), ("interrupt", "agent_paused")])
def test_what_people_have_stopped_or_paused_stays_so(town_bench, how, code):
    town_bench.agent("w1")
    getattr(town_bench.town, how)("w1")
    found = town_bench.town.recover()
    assert [(each.cause.code, each.restarted, bool(each.cause.command)) for each in found.agents] == [
        (code, False, True)
    ]
    assert town_bench.town.recover(dry_run=True).agents == found.agents


def test_a_paused_agent_that_fell_over_is_not_stuck(town_bench):
    """In the reference it can neither be recovered nor restarted before it is killed."""
    made = broken(town_bench)
    town_bench.memory.data[f"agent:{made.id}"]["wanted"] = "paused"
    assert [each.restarted for each in town_bench.town.recover().agents] == [False]
    town_bench.town.restart("w1")
    assert town_bench.town.agent("w1").state == "cold"


def test_one_that_cannot_be_restarted_does_not_keep_the_others(make_bench):
    bench = make_bench(MINI)
    other = bench.storage.run(agents.spawn("a-77777777", "w0", cli="nosuch", node="n-00000001")).agent
    bench.storage.run(agents.error(other.id, 1, "gone", node_id="n-00000001", nonce="one-life"))
    broken(bench, "w1")
    found = {each.agent.name: each for each in bench.town.recover().agents}
    assert not found["w0"].restarted
    assert "nosuch" in str(found["w0"].failed)
    assert found["w1"].restarted
    assert bench.town.agent("w0").state == "error"


def test_a_restart_in_the_meantime_is_not_undone(town_bench):
    made = broken(town_bench)
    town_bench.storage.run(agents.want("w1", "restart"))
    before = town_bench.events()
    town_bench.storage.run(agents.want(made.id, "restart", only_error=True))
    assert town_bench.events() == before
    assert town_bench.town.agent("w1").incarnation == 2


def test_a_round_recovers_nobody(town_bench):
    agent = town_bench.agent("w1")
    town_bench.town.assign("w1", "x")
    with pytest.raises(RefusedError):
        town_bench.inside(town_bench.take(agent).round).recover()

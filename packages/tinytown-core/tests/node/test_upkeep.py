"""What a node does beside its rounds: agents that are idle for too long are closed, and its log stays small."""

from __future__ import annotations


def test_an_agent_that_is_idle_for_too_long_is_closed(running_town):
    town = running_town({"w1": "complete('x')"}, config="[agent]\nidle_timeout_secs = 1")
    town.spawn("w1")
    town.until(town.add(agent="w1"), "completed")
    town.happened("agent.stopped")
    (closed,) = town.events("agent.close")
    assert closed["agent_id"] == town.agent("w1").id
    assert town.agent("w1").state == "stopped"
    assert "idle for more than 1 s" in town.log()


def test_an_agent_with_work_is_not_idle_however_long_its_round_goes_on(running_town):
    lines = "reach('there')\nhold('go')\ncomplete('x')"
    town = running_town({"w1": lines, "w2": "complete('y')"}, config="[agent]\nidle_timeout_secs = 1")
    town.spawn("w1")
    task = town.add(agent="w1")
    town.reached("there")
    town.spawn("w2")
    town.happened("agent.stopped")
    assert town.agent("w1").state == "working"
    town.release("go")
    assert town.until(task, "completed").attempt == 1

"""What a node does beside its rounds: agents that are idle for too long are closed, and its log stays small."""

from __future__ import annotations

import time

from tinytown.node.follow import TURN_SECS, Lines
from tinytown.node.log_file import MAX_BYTES


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


def test_the_log_is_turned_over_while_the_node_runs(make_town):
    town = make_town({"w1": "complete('x')"})
    full = "an old word\n" * (MAX_BYTES // 12)
    town.paths_log().write_text(full)
    town.start()
    town.spawn("w1")
    town.until(town.add(agent="w1"), "completed")
    town.wait(lambda: "ended as ok" in town.log(), "the node tells of the round")
    assert "an old word" not in town.log()
    assert town.paths.node_log.with_suffix(".old").read_text() == full
    assert town.paths.node_log.stat().st_size < MAX_BYTES


def test_a_slow_reader_of_a_flood_of_lines_leaves_the_turn_to_others_and_loses_nothing():
    taken = []

    def slow(line):
        time.sleep(TURN_SECS / 2)
        taken.append(line)

    lines = Lines(slow)
    lines.take(b"".join(b"%d\n" % number for number in range(20)))
    lines.work(TURN_SECS)
    assert 1 <= len(taken) <= 2
    lines.take(b"the rest", final=True)
    while lines.waiting:
        lines.work(TURN_SECS)
    assert taken == [*map(str, range(20)), "the rest"]

"""Settings that change under a running node."""

from __future__ import annotations


def test_a_gate_counts_from_when_it_is_written_down(running_town):
    town = running_town({"w1": "complete()"})
    town.spawn("w1")
    assert town.until(town.add(agent="w1"), "completed").evidence == ()
    town.paths.config.write_text(town.paths.config.read_text() + "[gates]\ntest = 'true'\n")
    (evidence,) = town.until(town.add(agent="w1"), "completed").evidence
    assert evidence["gate"] == "test"
    assert "another name or server" not in town.log()


def test_an_agent_cli_that_is_added_later_can_be_spawned_at_once(running_town):
    town = running_town({"w1": "complete('first')"})
    town.spawn("w1")
    text = town.paths.config.read_text()
    town.paths.config.write_text(
        text + text[text.index("[agent_clis.w1]") :].replace("[agent_clis.w1]", "[agent_clis.w2]")
    )
    assert town.until(town.add(agent=town.spawn("w2")), "completed").result == "first"


def test_settings_that_cannot_be_read_leave_the_old_ones_also_to_a_round(running_town):
    town = running_town({"w1": "complete('all the same')"})
    town.spawn("w1")
    text = town.paths.config.read_text()
    town.paths.config.write_text("no toml [[[")
    assert town.until(town.add(agent="w1"), "completed").result == "all the same"
    town.paths.config.write_text(text + "[gates]\ntest = 'true'\n")
    assert len(town.until(town.add(agent="w1"), "completed").evidence) == 1


def test_another_server_waits_for_another_start_of_the_node(running_town):
    town = running_town({"w1": "complete()"})
    town.spawn("w1")
    text = town.paths.config.read_text()
    town.paths.config.write_text(text.replace("[redis]", '[redis]\nurl = "redis://127.0.0.1:1"'))
    town.until(town.add(agent="w1"), "completed")
    assert "another name or server counts after `tt stop` and `tt start`" in town.log()

"""Agents are what people made them, and come back when people want them back."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def test_an_agent_that_was_closed_for_idleness_works_again_after_a_restart(running_town):
    town = running_town({"w1": "complete('done')"}, config="[agent]\nidle_timeout_secs = 1")
    agent = town.spawn("w1")
    town.facts(lambda: town.agent(agent).state == "stopped", "the idle agent is closed")
    env = {**town.env, "TINYTOWN_TOWN": str(town.root)}
    from tinytown import Town

    with Town.open(town.root, env=env, start=False) as face:
        task = face.add_task("wake up")
        face.restart("w1")
        face.assign("w1", task.id)
    assert town.until(task.id, "completed").result == "done"


def test_a_paused_agent_whose_node_was_killed_goes_on_when_it_is_resumed(running_town):
    town = running_town({"w1": "complete('done')"})
    agent = town.spawn("w1")
    town.happened("agent.ready")
    from tinytown.storage.calls import agents

    town.run(agents.want(agent, "interrupt"))
    task = town.add(agent=agent)
    town.kill()
    town.start()
    assert town.task(task).state == "assigned"
    town.run(agents.want(agent, "resume"))
    assert town.until(task, "completed").result == "done"


def test_a_nickname_is_given_by_people_alone_and_never_hides_a_name(place):
    said = place.tt("spawn", "w1", "--cli", "script", "--json")
    assert json.loads(said.stdout)["nickname"] is None
    place.tt("spawn", "w2", "--cli", "script", "--nickname", "ada")
    refused = place.tt("spawn", "w3", "--cli", "script", "--nickname", "w1", "--json")
    assert refused.returncode == 1
    assert place.town.agent("w1").name == "w1"
    assert place.town.agent("ada").name == "w2"


def test_a_command_line_of_ones_own_keeps_its_flags_whatever_its_first_word(running_town, tmp_path):
    program = tmp_path / "claude"
    lines = (f"#!{sys.executable}", "import pathlib, sys")
    note = f"pathlib.Path({str(tmp_path / 'words')!r}).write_text(repr(sys.argv[1:]))"
    program.write_text("\n".join((*lines, note)) + "\n")
    program.chmod(0o755)
    town = running_town({"own": ""}, options={"own": f'command = "{program} --model large"'})
    agent = town.spawn("own")
    town.add(agent=agent)
    town.happened("round.ended")
    assert Path(tmp_path / "words").read_text() == "['--model', 'large']"

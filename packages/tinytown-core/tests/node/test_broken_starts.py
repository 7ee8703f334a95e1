"""Rounds that cannot start, and rounds whose folder is damaged: who is held back, and what they end as."""

from __future__ import annotations

from pathlib import Path

import pytest
from tinytown.config.files import write_private
from tinytown.domain.records import Gate
from tinytown.errors import ConfigError, LaunchError
from tinytown.node import processes
from tinytown.node.git import GitError
from tinytown.node.launch import files
from tinytown.node.trouble import no_room
from tinytown.storage.calls import agents
from tinytown.storage.calls import town as town_calls

EMPTY_FOLDER = "__import__('shutil').rmtree('.tt/rounds/' + os.environ['TINYTOWN_ROUND_ID'])\n"


def test_an_agent_whose_worktree_cannot_be_made_holds_back_itself_alone(running_town):
    town = running_town({"w1": "complete('x')"}, git=False)
    broken = town.add(agent=town.spawn("w1", workspace="worktree"))
    town.happened("agent.error")
    assert "git repository" in town.agent("w1").reason
    assert [item.kind for item in town.run(town_calls.attention()).items] == ["start_failed"]
    assert town.until(town.add(agent=town.spawn("w2", cli="w1")), "completed").result == "x"
    assert (town.task(broken).state, town.task(broken).crashes) == ("assigned", 0)


def _as_files_do(error):
    try:
        raise error
    except OSError:
        raise ConfigError(path="baseline", detail="cannot be written") from None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
def test_a_full_disk_is_known_behind_every_error_that_was_made_of_it():
    with pytest.raises(OSError, match="No space left") as full:
        Path("/dev/full").write_bytes(b"x")
    with pytest.raises(ConfigError) as said:
        _as_files_do(full.value)
    assert no_room(said.value)
    assert no_room(GitError("fatal: cannot create directory: No space left on device"))
    assert no_room(LaunchError(directory="r-1", detail="[Errno 28] No space left on device: 'lock'"))
    with pytest.raises(ConfigError) as missing:
        write_private(Path("/no/such/folder/file"), b"x")
    assert not no_room(missing.value)


def test_a_round_whose_folder_its_agent_deletes_ends_as_crashed_and_the_node_goes_on(running_town):
    town = running_town({"w1": f"if run > 1: complete('x')\nelse: {EMPTY_FOLDER}"})
    task = town.add(agent=town.spawn("w1"))
    town.happened("round.ended")
    (only,) = town.rounds("w1")
    assert only.outcome == "crashed"
    assert "deleted" in only.detail
    assert town.task(task).crashes == 1
    assert town.process.poll() is None
    other = town.add(agent=town.spawn("w2", cli="w1"))
    assert town.until(other, "completed").result == "x"


def test_an_agent_that_deletes_its_round_does_not_get_past_the_gates(running_town):
    town = running_town({"w1": f"complete('trust me') if run == 1 else None\n{EMPTY_FOLDER}"})
    task = town.add(agent=town.spawn("w1"), gates=[Gate(name="never", command="exit 1")])
    town.happened("gate.failed")
    assert town.task(task).state != "completed"
    town.run(agents.want("w1", "kill"))


def test_a_round_without_a_folder_can_still_be_ended(running_town):
    town = running_town({"w1": f"{EMPTY_FOLDER}reach('there')\nhold('never')"})
    town.spawn("w1")
    town.add(agent="w1")
    town.reached("there")
    mark = f"{files.MARK}={town.rounds('w1')[0].id}"
    (cli,) = [row.identity for row in processes.table().values() if processes.carries(row.pid, mark)]
    town.run(agents.want("w1", "kill"))
    town.facts(lambda: town.agent("w1").state == "stopped", "w1 is stopped")
    assert not processes.alive(cli)


def test_a_submitted_round_that_nobody_can_follow_any_more_still_meets_the_gates(make_town):
    town = make_town({"w1": "complete('trust me')\nreach('there')\nhold('never')"}, config="[gates]\nnever = 'exit 1'")
    town.start()
    town.spawn("w1")
    town.add(agent="w1")
    town.reached("there")
    shim = town.owner(town.rounds("w1")[0].id)
    town.kill()
    processes.send(shim, 9)
    town.wait(lambda: not processes.alive(shim), "the shim is gone")
    town.start()
    town.happened("gate.failed")
    town.run(agents.want("w1", "kill"))


def test_a_round_at_which_the_node_fails_again_and_again_ends_and_asks_a_person(make_town):
    town = make_town({"w1": "reach('there')\nhold('never')"})
    town.start()
    town.spawn("w1")
    task = town.add(agent="w1")
    town.reached("there")
    (live,) = town.rounds("w1")
    cli = town.cli(live.id)
    town.kill()
    (town.paths.round_dir(live.id) / "spec").write_text("no spec any more")
    town.start()
    town.happened("agent.error")
    assert str(town.paths.node_log) in town.agent("w1").reason
    assert not processes.alive(cli)
    assert town.rounds("w1")[0].outcome == "start_failed"
    assert (town.task(task).state, town.task(task).crashes) == ("assigned", 0)


def test_a_gate_whose_task_is_gone_is_ended_and_judges_nothing(make_town):
    town = make_town({"w1": "complete('x')"}, sound=False)
    town.start()
    town.spawn("w1")
    task = town.add(agent="w1", gates=[Gate(name="long", command="echo begun > begun; sleep 600")])
    town.happened("gate.started")
    (gate,) = [event["round_id"] for event in town.events("gate.started")]
    process = town.cli(gate)
    town.kill()
    assert town.command("DEL", f"tt:{{town}}:task:{task}") == 1
    town.start()
    town.happened("gate.lost")
    assert not processes.alive(process)
    assert "has no task to check" in town.log()
    assert "Traceback" not in town.log()

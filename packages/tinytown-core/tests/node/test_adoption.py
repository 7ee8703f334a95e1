"""kill -9 of node, launcher, shim, agent and server: what follows is as if nothing had happened."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal

import pytest
from tinytown.config.paths import TownPaths
from tinytown.node import processes
from tinytown.node.launch import files
from tinytown.storage.calls import agents, nodes
from tinytown.storage.embedded.server import status
from tinytown.testing.towns import DEADLINE_SECS

HOLD = "reach('there')\nhold('go')\ncomplete('after all')"


@pytest.fixture
def held(running_town):
    """A town with one agent that holds in the middle of its round."""

    def make(lines=HOLD, **more):
        town = running_town({"w1": lines}, **more)
        town.spawn("w1")
        town.run(agents.want("w1", "interrupt"))  # else its round might begin before the letter is there
        town.held = town.add(agent="w1")
        town.letter = town.send("w1", "read me")
        town.run(agents.want("w1", "resume"))
        town.reached("there")
        (town.live,) = town.rounds("w1")
        return town

    return make


def launcher(town):
    """The launcher: the child of the node that is no shim."""
    table = processes.table()
    (found,) = [row.identity for row in table.values() if row.parent == town.process.pid]
    return found


def server(town):
    found = status(town.paths)
    return processes.identity(found.pid)


def as_without_a_crash(town, rounds=1):
    done = town.until(town.held, "completed")
    assert (done.result, done.attempt, done.crashes, done.reminders) == ("after all", rounds, 0, 0)
    assert len(town.prompts("w1")) == rounds
    assert town.agent("w1").incarnation == 1
    town.facts(lambda: town.agent("w1").state == "idle", "w1 is idle")
    (started, *rest) = town.rounds("w1")
    assert started.outcome == "ok"
    return rest


def test_a_round_outlives_its_node_and_is_taken_over(held):
    town = held()
    process = town.cli(town.live.id)
    town.kill()
    assert processes.alive(process)
    town.start()
    town.release("go")
    as_without_a_crash(town)
    assert town.rounds("w1")[0].id == town.live.id


def test_a_round_that_ends_while_there_is_no_node_is_recorded_by_the_next(held):
    town = held()
    town.kill()
    shim = town.owner(town.live.id)
    town.release("go")
    town.wait(lambda: not processes.alive(shim), "the shim leaves")
    town.start()
    as_without_a_crash(town)


def test_a_node_killed_between_rounds_changes_nothing(held):
    town = held()
    town.release("go")
    town.until(town.held, "completed")
    town.kill()
    again = town.add(agent="w1")
    town.start()
    town.reached("there")
    town.release("go")
    assert town.until(again, "completed").attempt == 1


def test_an_order_given_while_there_is_no_node_is_carried_out_by_the_next(held):
    from tinytown.storage.calls import tasks

    town = held()
    process = town.cli(town.live.id)
    town.kill()
    assert town.run(tasks.cancel(town.held)).ordered
    town.start()
    town.until(town.held, "cancelled")
    assert not processes.alive(process)


def test_a_dead_launcher_is_replaced_and_its_shims_live_on(held):
    town = held()
    processes.send(launcher(town), signal.SIGKILL)
    town.release("go")
    as_without_a_crash(town)
    again = town.add(agent="w1")
    town.reached("there")
    town.release("go")
    town.until(again, "completed")


def test_node_and_launcher_may_die_together(held):
    town = held()
    victim = launcher(town)
    town.kill()
    processes.send(victim, signal.SIGKILL)
    town.start()
    town.release("go")
    as_without_a_crash(town)


@pytest.mark.parametrize("with_node", [False, True], ids=["alone", "with the node"])
def test_a_dead_shim_takes_its_agent_along_and_the_round_counts_as_crashed(held, with_node):
    town = held("(reach('there'), hold('go')) if run == 1 else None\ncomplete('after all')")
    process, shim = town.cli(town.live.id), town.owner(town.live.id)
    if with_node:
        town.kill()
    processes.send(shim, signal.SIGKILL)
    if with_node:
        town.start()
    done = town.until(town.held, "completed")
    assert (done.attempt, done.crashes) == (2, 1)
    assert not processes.alive(process)
    assert [live.outcome for live in town.rounds("w1")] == ["crashed", "ok"]


@pytest.mark.parametrize("with_node", [False, True], ids=["alone", "with the node"])
def test_a_killed_agent_program_is_a_crash(held, with_node):
    town = held("(reach('there'), hold('go')) if run == 1 else None\ncomplete('after all')")
    if with_node:
        town.kill()
    processes.send(town.cli(town.live.id), signal.SIGKILL)
    if with_node:
        town.start()
    done = town.until(town.held, "completed")
    assert (done.attempt, done.crashes) == (2, 1)
    assert town.rounds("w1")[0].outcome == "crashed"


@pytest.mark.parametrize("with_node", [False, True], ids=["alone", "with the node"])
def test_a_killed_server_comes_back_with_everything(held, with_node):
    town = held(fsync="always")
    victim = server(town)
    if with_node:
        town.kill()
    processes.send(victim, signal.SIGKILL)
    town.wait(lambda: not processes.alive(victim), "the server is gone")
    if with_node:
        town.start()
    town.wait(lambda: status(town.paths).pid, "a server runs again")
    town.release("go")
    as_without_a_crash(town)


VICTIMS = {
    "server": server,
    "launcher": launcher,
    "shim": lambda town: town.owner(town.live.id),
    "agent": lambda town: town.cli(town.live.id),
}


@pytest.mark.parametrize("pair", list(itertools.combinations(VICTIMS, 2)), ids="+".join)
def test_any_two_of_the_others_may_die_together(held, pair):
    town = held("(reach('there'), hold('go')) if run == 1 else None\ncomplete('after all')", fsync="always")
    victims = [VICTIMS[name](town) for name in pair]
    for victim in victims:
        processes.send(victim, signal.SIGKILL)
    town.wait(lambda: not any(map(processes.alive, victims)), "both are gone")
    town.wait(lambda: status(town.paths).pid, "a server runs")
    crashed = bool({"shim", "agent"} & set(pair))
    if not crashed:
        town.release("go")
    done = town.until(town.held, "completed")
    assert (done.result, done.attempt, done.crashes) == ("after all", 1 + crashed, int(crashed))
    assert town.agent("w1").incarnation == 1


def test_an_idle_node_revives_its_server(running_town):
    town = running_town({"w1": "complete('x')"}, fsync="always")
    town.spawn("w1")
    town.facts(lambda: town.agent("w1").state == "idle", "w1 is idle")
    victim = server(town)
    processes.send(victim, signal.SIGKILL)
    town.wait(lambda: not processes.alive(victim), "the server is gone")
    town.wait(lambda: status(town.paths).pid, "the node starts another")
    assert town.until(town.add(agent="w1"), "completed").result == "x"


def test_a_server_that_stands_still_for_some_seconds_ends_nothing(held):
    town = held()
    victim = server(town)
    processes.send(victim, signal.SIGSTOP)
    try:
        town.release("go")
        shim = town.owner(town.live.id)
        town.wait(lambda: "the server is away" in town.log() or "cannot hear" in town.log(), "the node notices")
        assert processes.alive(shim)
    finally:
        processes.send(victim, signal.SIGCONT)
    as_without_a_crash(town)


def test_a_server_that_lost_its_data_ends_what_it_forgot_and_nothing_crashes(held):
    town = held()
    process = town.cli(town.live.id)
    town.command("FLUSHALL")
    town.wait(lambda: not processes.alive(process), "the forgotten round is ended")
    assert town.process.poll() is None
    town.spawn("w2", cli="w1")
    again = town.add(agent="w2")
    town.reached("there")
    town.release("go")
    town.until(again, "completed")


def test_a_round_of_an_earlier_boot_is_handed_back_uncounted(held):
    town = held("(reach('there'), hold('go')) if run == 1 else None\ncomplete('after all')")
    town.kill()
    shim, process = town.owner(town.live.id), town.cli(town.live.id)
    processes.send(shim, signal.SIGKILL)
    processes.send(process, signal.SIGKILL)
    claim = town.paths.round_dir(town.live.id) / files.STARTED
    claim.write_text(json.dumps({**json.loads(claim.read_text()), "boot_id": "another-boot"}))
    town.start()
    done = town.until(town.held, "completed")
    assert (done.attempt, done.crashes) == (2, 0)
    assert town.rounds("w1")[0].outcome == "reboot"


def test_a_second_node_of_a_town_leaves_at_once(held):
    town = held()
    first = town.process
    second = town.start(wait=False)
    assert second.wait(20) == 3
    town.process = first
    town.release("go")
    as_without_a_crash(town)


def test_a_node_whose_lease_was_taken_ends_its_rounds_and_leaves(held):
    town = held()
    process = town.cli(town.live.id)
    town.run(nodes.join(town.node_id, name="thief", pid=1, host="elsewhere", nonce="other", capacity=1, force=True))
    assert town.process.wait(30) == 1
    assert not processes.alive(process)


def test_a_copied_town_touches_nothing_of_the_original(held, tmp_path):
    from tinytown.config.paths import TownPaths
    from tinytown.testing.towns import TestTown

    town = held()
    process, shim = town.cli(town.live.id), town.owner(town.live.id)
    base = tmp_path / "copy"
    base.mkdir()
    shutil.copytree(
        town.root, base / "town", symlinks=True, ignore=lambda _folder, names: [n for n in names if n in {"life", "s"}]
    )
    copy = TestTown(base, env={})
    copy.root = base / "town"
    copy.paths = TownPaths(copy.root)
    try:
        copy.run(agents.want("w1", "interrupt"))  # the copy shall not begin the task anew beside the original
        copy.start()
        copy.facts(lambda: copy.rounds("w1")[0].state == "ended", "the copy gives the round up")
        assert copy.rounds("w1")[0].outcome == "node_lost"
        assert processes.alive(process)
        assert processes.alive(shim)
    finally:
        copy.run(agents.want("w1", "kill"))
        copy.stop()
        copy.close()
    town.release("go")
    as_without_a_crash(town)


def test_a_moved_town_is_the_same_town(held):
    town = held()
    town.release("go")
    town.until(town.held, "completed")
    town.facts(lambda: town.agent("w1").state == "idle", "w1 is idle")
    town.move("elsewhere")
    town.start()
    again = town.add(agent="w1")
    town.reached("there")
    town.release("go")
    assert town.until(again, "completed").attempt == 1


def test_a_town_moved_with_a_live_round_hands_the_task_out_again(held):
    town = held("(reach('there'), hold('go')) if run == 1 else None\ncomplete('after all')")
    shim, process = town.owner(town.live.id), town.cli(town.live.id)
    town.kill()
    town.move("elsewhere")
    town.start()
    town.release("go")
    done = town.until(town.held, "completed")
    assert done.result == "after all"
    town.wait(lambda: not processes.alive(shim) and not processes.alive(process), "the old round is over")


def test_a_node_whose_town_is_moved_away_under_it_leaves_and_its_successor_goes_on(held):
    town = held("(reach('there'), hold('go')) if run == 1 else None\ncomplete('after all')")
    old, shim = town.root, town.owner(town.live.id)
    old.rename(town.base / "elsewhere")
    assert town.process.wait(DEADLINE_SECS) == 0
    assert processes.alive(shim)
    assert not old.exists()
    town.root = town.base / "elsewhere"
    town.paths = TownPaths(town.root)
    town.start()
    town.release("go")
    assert town.until(town.held, "completed").result == "after all"
    town.wait(lambda: not processes.alive(shim), "the old round is over")


def test_a_node_starts_although_its_folder_holds_the_traces_of_a_killed_one(held):
    town = held()
    town.kill()
    (town.paths.node_dir / "ready").write_text("1")
    town.paths.node_pid.write_text(str(os.getpid()))
    town.start()
    town.release("go")
    as_without_a_crash(town)


def test_a_round_tells_the_commit_that_it_began_at_also_after_it_was_taken_over(held):
    town = held()
    head = town.git("rev-parse", "HEAD")
    town.kill()
    town.start()
    town.release("go")
    town.until(town.held, "completed")
    assert town.rounds("w1")[0].head_before == head

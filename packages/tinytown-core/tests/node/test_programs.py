"""Agent programs that behave badly, what a round's environment holds, and how many run at a time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest
from tinytown.node import processes
from tinytown.storage.calls import agents
from tinytown.storage.calls import town as town_calls

DAEMON = """
child = subprocess.Popen(['sleep', '600'], start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
write(str(words.base / 'child'), str(child.pid))
complete()
"""


@pytest.mark.slow
def test_a_flood_of_output_is_cut_in_the_middle_and_stops_nobody(running_town):
    flood = "line = b'x' * 1023 + b'\\n'\nfor _ in range(1600): os.write(1, line * 64)\ncomplete('flooded')"
    town = running_town({"w1": flood, "w2": "complete('quick')"}, config="[logs]\nmax_log_bytes = 1000000")
    task = town.add(agent=town.spawn("w1"))
    town.until(task, "running")
    other = town.add(agent=town.spawn("w2"))
    town.until(other, "completed")
    assert town.until(task, "completed").result == "flooded"
    assert (town.paths.round_dir(town.rounds("w1")[0].id) / "log").stat().st_size < 1_100_000


def test_output_that_is_no_text_does_no_harm(running_town):
    lines = "os.write(1, b'\\xff\\xfe\\0 half \\xc3')\nos.write(1, b'\\n\\0\\0\\n')\nsys.exit(3)"
    town = running_town({"w1": lines})
    task = town.add(agent=town.spawn("w1"))
    town.happened("round.ended")
    assert town.task(task).crashes == 1


def test_a_daemon_that_was_left_behind_ends_with_its_round(running_town):
    town = running_town({"w1": DAEMON})
    task = town.add(agent=town.spawn("w1"))
    town.until(task, "completed")
    pid = int((town.base / "child").read_text())
    assert processes.identity(pid) is None


def test_a_shared_daemon_may_be_kept(running_town):
    town = running_town({"w1": DAEMON}, config="keep = ['sleep']", sound=False)
    task = town.add(agent=town.spawn("w1"))
    town.until(task, "completed")
    kept = processes.identity(int((town.base / "child").read_text()))
    assert kept is not None


def test_a_program_that_hears_no_signal_is_ended_all_the_same(running_town):
    lines = (
        "import signal\n[signal.signal(n, signal.SIG_IGN) for n in (2, 15)]\nreach('there')\nwhile True: time.sleep(60)"
    )
    town = running_town({"w1": lines}, config="[agent]\nround_timeout_secs = 1")
    task = town.add(agent=town.spawn("w1"))
    town.reached("there")
    town.happened("round.ended")
    (only,) = town.rounds("w1")
    assert only.outcome == "timed_out"
    assert town.task(task).crashes == 1


def test_a_program_outside_python_takes_its_prompt_from_a_file_or_a_word(running_town, tmp_path):
    copy = tmp_path / "copy.sh"
    copy.write_text(f'#!/bin/sh\nprintf %s "$1" > {tmp_path}/out.$TINYTOWN_AGENT_NAME\n')
    copy.chmod(0o700)
    options = {
        "w1": f"command = '{copy}'\nprompt = 'argv'",
        "w2": f"command = '{copy} {{prompt_file}}'",
    }
    town = running_town({"w1": "", "w2": ""}, options=options)
    for name in ("w1", "w2"):
        town.spawn(name)
        town.send(name, "it's $HOME")
        town.happened("round.ended", agent_id=town.agent(name).id)
    assert "it's $HOME" in (tmp_path / "out.w1").read_text()
    named = (tmp_path / "out.w2").read_text()
    assert named.endswith("/prompt.md")


def test_the_environment_of_a_round_holds_what_was_handed_over_and_no_secret(running_town):
    lines = "import json\nwrite(str(words.base / 'env'), json.dumps(dict(os.environ)))\ncomplete()"
    env = {"MINI_LEVEL": "2", "LC_ALL": "C.UTF-8"}
    town = running_town({"w1": lines}, options={"w1": "env = { FROM_TABLE = 'yes' }"}, env=env)
    town.env |= {
        "TINYTOWN_REDIS_PASSWORD": "s3cret",
        "TINYTOWN_REDIS_URL": "unix:///s3cret",
        "REDIS_URL": "s3cret",
        "TINYTOWN_ROUND_ID": "r-00000000",
        "TINYTOWN_TASK_ID": "t-00000000",
    }
    agent = town.spawn("w1")
    task = town.add(agent=agent)
    town.until(task, "completed")
    found = json.loads((town.base / "env").read_text())
    (only,) = town.rounds("w1")
    assert {name: value for name, value in found.items() if name.startswith("TINYTOWN_")} == {
        "TINYTOWN_TOWN": str(town.root),
        "TINYTOWN_AGENT_ID": agent,
        "TINYTOWN_AGENT_NAME": "w1",
        "TINYTOWN_ROUND_ID": only.id,
        "TINYTOWN_TASK_ID": task,
    }
    assert "s3cret" not in "".join(found.values())
    assert (found["MINI_LEVEL"], found["FROM_TABLE"], found["LC_ALL"]) == ("2", "yes", "C.UTF-8")
    assert "s3cret" not in town.prompts("w1")[0].decode()
    for file in (town.paths.agent_env(agent), town.paths.connection):
        assert file.stat().st_mode & 0o777 == 0o600


def test_no_more_rounds_than_allowed_go_on_at_a_time(running_town):
    town = running_town({"w": "reach('there')\nhold('go')\ncomplete()"}, config="max_agents = 2")
    work = [town.add(agent=town.spawn(f"w{number}", cli="w")) for number in range(4)]
    for done in range(4):
        town.reached("there")
        if done == 0:
            town.reached("there")
        assert sum(town.task(ref).state == "running" for ref in work) <= 2
        town.release("go")
        if done < 3:
            town.facts(
                lambda n=done: sum(town.task(ref).state == "completed" for ref in work) == n + 1, "one more is done"
            )
        if done == 2:
            break
    town.release("go")
    for ref in work:
        town.until(ref, "completed")


@pytest.mark.slow
def test_thirty_agents_with_work_all_finish(make_town):
    town = make_town({"w": "complete(agent)"}, config="max_agents = 4")
    work = {town.add(agent=town.spawn(f"w{number}", cli="w")): f"w{number}" for number in range(30)}
    town.start()
    for ref, name in work.items():
        assert town.until(ref, "completed", secs=50).result == name


def test_an_idle_node_says_next_to_nothing_to_its_server(running_town):
    town = running_town({"w": "complete()"})
    for number in range(5):
        town.spawn(f"w{number}", cli="w")
    town.facts(lambda: all(town.agent(f"w{n}").state == "idle" for n in range(5)), "all are idle")
    beat = town.run(town_calls.status()).nodes[0].beat
    before = commands(town)

    def two_beats():
        return town.run(town_calls.status()).nodes[0].beat >= beat + 2

    asked = []
    town.facts(lambda: (asked.append(1), two_beats())[1], "the node beats twice", secs=20)
    spent = commands(town) - before - 3 * len(asked)  # the questions of this test, generously
    assert spent <= 2 * 10


def commands(town):
    text = town.command("INFO", "commandstats")
    kinds = ("cmdstat_evalsha:", "cmdstat_eval:", "cmdstat_fcall:")
    return sum(int(line.split("calls=")[1].split(",")[0]) for line in text.splitlines() if line.startswith(kinds))


def test_idle_agents_take_matching_work_from_the_backlog(running_town):
    town = running_town({"w": "complete(agent)"})
    town.spawn("w1", cli="w", role="tester")
    town.spawn("w2", cli="w", role="worker")
    for_testers, for_all = town.add(role="tester"), town.add(role="worker")
    assert town.until(for_testers, "completed").result == "w1"
    assert town.until(for_all, "completed").result == "w2"


def test_agents_take_nothing_where_that_is_switched_off(running_town):
    town = running_town({"w": "complete(agent)"}, config="auto_claim = false")
    town.spawn("w1", cli="w")
    loose = town.add()
    town.until(town.add(agent="w1"), "completed")
    assert town.task(loose).state == "pending"


@pytest.mark.slow
@pytest.mark.parametrize("where", ["agent", "task", "list"])
def test_a_clock_that_jumped_holds_nothing_up_for_long(running_town, where):
    town = running_town({"w1": "complete('now')"})
    town.spawn("w1")
    town.facts(lambda: town.agent("w1").state == "idle", "w1 is idle")
    far, start = 4_000_000_000_000, f"tt:{{{town.name}}}:"
    if where == "agent":  # as a clock left it that was ahead and has come back
        town.command("HSET", f"{start}agent:{town.agent('w1').id}", "not_before", far)
        task = town.add(agent="w1")
    else:
        town.run(agents.want("w1", "interrupt"))
        task = town.add(agent="w1")
        town.command("HSET", f"{start}task:{task}", "not_before", far)
        town.stop()
        town.run(agents.want("w1", "resume"))
        if where == "list":
            town.command("ZADD", f"{start}due:{town.node_id}", far, town.agent("w1").id)
        town.start()
    assert town.until(task, "completed", secs=45).result == "now"


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mount") is None, reason="only root can make a small disk")
def test_a_full_disk_hands_the_task_back_uncounted(make_town):
    town = make_town({"w1": "os.write(1, b'x' * 4000000)\nreach('there')\nsys.exit(1)"})
    town.paths.dot.mkdir(mode=0o700, exist_ok=True)
    town.paths.rounds_dir.mkdir(mode=0o700)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs", str(town.paths.rounds_dir)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("this container may not mount")
    try:
        town.start()
        task = town.add(agent=town.spawn("w1"))
        town.happened("round.ended")
        assert town.rounds("w1")[0].outcome == "disk_full"
        back = town.task(task)
        assert (back.state, back.crashes) == ("assigned", 0)
        assert [item.kind for item in town.run(town_calls.attention()).items] == ["disk_full"]
        town.run(agents.want("w1", "kill"))
        town.stop()
    finally:
        subprocess.run(["umount", "-l", str(town.paths.rounds_dir)], check=True)


def test_a_full_disk_does_not_keep_a_round_from_being_recorded_when_it_cannot_even_start(make_town):
    town = make_town({"w1": "complete()"})
    town.paths.dot.mkdir(mode=0o700, exist_ok=True)
    town.paths.rounds_dir.write_text("a file where a folder belongs")
    town.start()
    task = town.add(agent=town.spawn("w1"))
    town.wait(lambda: "could not start" in town.log(), "the node says so")
    assert town.task(task).state in {"running", "assigned"}
    town.paths.rounds_dir.unlink()
    town.happened("round.ended")
    town.run(agents.want("w1", "restart"))
    town.until(task, "completed")


def test_stopping_hands_back_what_goes_on_and_a_new_node_goes_on_with_it(running_town):
    town = running_town({"w1": "(reach('there'), hold('never')) if run == 1 else None\ncomplete('second')"})
    task = town.add(agent=town.spawn("w1"))
    town.reached("there")
    process = town.cli(town.rounds("w1")[0].id)
    assert town.stop() == 0
    assert not processes.alive(process)
    back = town.task(task)
    assert (back.state, back.crashes) == ("assigned", 0)
    assert town.run(town_calls.status()).nodes[0].state == "down"
    town.start()
    assert town.until(task, "completed").result == "second"

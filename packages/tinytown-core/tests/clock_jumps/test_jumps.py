"""Real clocks that are set while real programs run: nothing is lost, nothing is done twice, and `why` stays true."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import time

import pytest
from tinytown.domain.records import Gate
from tinytown.errors import TinytownError
from tinytown.services.town import Town
from tinytown.services.watching import read_event
from tinytown.storage.calls import agents, mail
from tinytown.storage.calls import tasks as task_calls
from tinytown.storage.calls import town as town_calls
from tinytown.testing import towns
from tinytown.testing.wall_clock import DAY, HOUR, YEAR

JUMPS = (HOUR, 3 * DAY, 10 * YEAR, -HOUR, -3 * DAY, 0)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]  # of several processes that each ask the clock


def on(cases, *names):
    """Try cases on the server that stands first in each: what a server itself does with time needs both kinds."""
    found = [case if isinstance(case, tuple) else (case,) for case in cases]
    return pytest.mark.parametrize(("make_clocked", *names), found, indirect=["make_clocked"])


LIMITS = "[agent]\nround_timeout_secs = 100\nstall_timeout_secs = 50"


def why(clocked, ref):
    """The codes and sentences of what `tt why` answers, as a command on the node's machine gives them."""
    with Town.open(clocked.town.root, env=clocked.town.env, start=False) as opened:
        return {cause.code: cause.text for cause in opened.why(ref).causes}


def sane(text):
    """Whether every length of time in a sentence is one that has really passed here: less than two minutes."""
    return not re.search(r"\d+ (d|h)\b", text) and not re.search(r"\b([2-9]|\d\d+) min\b", text)


@on([("redis", "server"), ("valkey", "server"), ("valkey", "machine"), ("redis", "both")], "where")
def test_a_round_outlives_every_jump_and_why_says_how_long_it_has_really_gone_on(make_clocked, where):
    lines = (
        "for _ in range(6):\n    print('still here', flush=True)\n    reach('there')\n    hold('go')\ncomplete('done')"
    )
    clocked = make_clocked({"w1": lines}, config=LIMITS)
    town = clocked.town
    task = town.add(agent=clocked.spawn("w1"))
    for seconds in JUMPS:
        town.reached("there")
        clocked.jump(where, seconds)
        said = why(clocked, task)
        assert list(said) == ["running"]
        assert sane(said["running"]), said
        town.release("go")
    done = town.until(task, "completed")
    (only,) = town.rounds("w1")
    assert (done.result, done.attempt, done.crashes, only.outcome) == ("done", 1, 0, "ok")
    ended = json.loads((town.paths.round_dir(only.id) / "exit").read_bytes().split(b" ", 1)[1])
    assert 0 <= ended["ended_ms"] - ended["started_ms"] < 120_000


@on([("redis", -HOUR // 2), ("valkey", -3 * DAY), ("redis", 3 * DAY)], "seconds")
def test_a_retry_waits_for_seconds_and_not_for_as_long_as_a_clock_went_back(make_clocked, seconds):
    clocked = make_clocked({"w1": "sys.exit(3) if run == 1 else complete('again')"})
    town = clocked.town
    task = town.add(agent=clocked.spawn("w1"))
    town.happened("round.ended")
    clocked.jump("both", seconds)
    done = town.until(task, "completed")
    assert (done.result, done.attempt, done.crashes) == ("again", 2, 1)
    if seconds < 0:
        assert "the server's clock went back" in town.log()


@on([("valkey", -HOUR // 2), ("redis", -3 * DAY)], "back")
def test_a_node_that_starts_after_the_clock_went_back_holds_nothing_up(make_clocked, back):
    clocked = make_clocked({"w1": "sys.exit(3) if run == 1 else complete('again')"})
    town = clocked.town
    task = town.add(agent=clocked.spawn("w1"))
    town.happened("round.ended")
    town.kill()
    clocked.jump("server", back)
    town.start()
    assert town.until(task, "completed").attempt == 2


@on(["valkey"])
def test_an_account_at_its_limit_is_tried_again_after_the_clock_went_back(make_clocked, tmp_path):
    clocked = make_clocked({})
    town, steps = clocked.town, tmp_path / "steps.json"
    limited = {"kind": "rate_limit", "text": "too many", "final": True, "retry_after_s": 600}
    steps.write_text(json.dumps({"steps": [{"event": limited}]}))
    env = {**clocked.clocks["machine"].env, "TINYTOWN_SCRIPT": str(steps)}
    task = town.add(agent=town.spawn("w1", cli="script", env=env))
    town.happened("round.ended")
    assert list(why(clocked, task)) == ["parked"]
    steps.write_text(json.dumps({"steps": [{"tt": ["task", "complete", "<<task_id>>", "--result", "x"]}]}))
    clocked.jump("both", -3 * DAY)
    assert town.until(task, "completed").crashes == 0


@on([("redis", 3 * DAY), ("valkey", -3 * DAY)], "seconds")
def test_mail_that_may_expire_is_handed_over_or_its_sender_is_told(make_clocked, seconds):
    clocked = make_clocked({"w1": "complete() if task_id else None"})
    town = clocked.town
    town.spawn("w2", cli="w1", env=clocked.clocks["machine"].env)
    clocked.spawn("w1")
    town.facts(lambda: town.agent("w1").state == "idle", "w1 is idle")
    town.run(agents.want("w1", "interrupt"))
    sent = town.send("w1", "hello", ttl_ms=HOUR * 1000)
    clocked.jump("server", seconds)
    town.run(agents.want("w1", "resume"))
    expected = "expired" if seconds > 0 else "handled"
    town.facts(lambda: town.message(sent).state == expected, f"the message is {expected}")
    told = [(item.kind, item.ref) for item in town.run(town_calls.attention()).items]
    assert told == ([("expired", sent)] if seconds > 0 else [])
    assert ("mail_expired" if seconds > 0 else "mail_handled") in why(clocked, sent)


@on(["redis"])
def test_a_gate_outlives_every_jump(make_clocked, tmp_path):
    clocked = make_clocked({"w1": "commit()\ncomplete()  # not reach('gate') nor hold('gate'), the gate does that"})
    town, pipes = clocked.town, clocked.town.base / "pipes"
    gate = Gate(name="slow", command=f"echo . > {pipes}/gate.reached; head -c1 {pipes}/gate.held", timeout_secs=100)
    task = town.add(agent=clocked.spawn("w1"), gates=[gate])
    town.reached("gate", secs=90)
    for seconds in JUMPS:
        clocked.jump("both", seconds)
        said = why(clocked, task)
        assert list(said) == ["gate_running"]
        assert sane(said["gate_running"]), said
    town.release("gate")
    done = town.until(task, "completed")
    assert (done.attempt, done.rejections, len(done.evidence)) == (1, 0, 1)
    assert 0 <= done.evidence[0]["duration_ms"] < 120_000


@on([("redis", HOUR), ("valkey", HOUR), ("redis", -3 * DAY), ("valkey", -3 * DAY)], "seconds")
def test_a_wait_ends_when_its_time_is_over_on_the_waiter_s_own_clock(make_clocked, seconds):
    clocked = make_clocked({"w1": "reach('there')\nhold('go')\ncomplete()"}, config=LIMITS)
    town = clocked.town
    task = town.add(agent=clocked.spawn("w1"))
    town.reached("there")
    began = time.monotonic()
    waiting = subprocess.Popen(
        [sys.executable, "-m", "tinytown_cli", "wait", task, "--timeout", "3"],
        cwd=town.root,
        env={**town.env, "TINYTOWN_TOWN": str(town.root)},
        stdin=subprocess.DEVNULL,
    )
    town.wait(lambda: " blocked_clients:0" not in blocked(town) and blocked(town) >= "blocked_clients:2", "it waits")
    clocked.jump("server", seconds)
    assert waiting.wait(towns.DEADLINE_SECS) == 4
    assert time.monotonic() - began >= 3
    town.release("go")
    town.until(task, "completed")


def blocked(town):
    return next(
        line for line in str(town.command("INFO", "clients")).splitlines() if line.startswith("blocked_clients")
    )


@on(["redis", "valkey"])
def test_events_come_once_in_order_and_with_their_time_whatever_the_clock_does(make_clocked):
    clocked = make_clocked({"w1": "complete()"})
    town = clocked.town
    clocked.spawn("w1")
    for seconds in JUMPS:
        clocked.jump("server", seconds)
        town.until(town.add(agent="w1"), "completed", secs=90)
        entries = town.storage.read_stream("events", after="0", limit=5000)
        newest = read_event(*entries[-1])
        assert abs(newest.at / 1000 - int(clocked.server.command("TIME")[0])) < 60
    places = [tuple(map(int, ref.split("-"))) for ref, _ in entries]
    assert places == sorted(set(places))
    assert len([1 for _, fields in entries if fields["type"] == "task.completed"]) == len(JUMPS)


@on(["redis", "valkey"])
def test_a_command_that_is_repeated_after_its_answer_was_forgotten_does_nothing_twice(make_clocked):
    clocked = make_clocked({"w1": "reach('there')\nhold('go')\ncomplete()"})
    town = clocked.town
    agent = clocked.spawn("w1")
    town.facts(lambda: town.agent("w1").state == "idle", "w1 is idle")
    town.run(agents.want("w1", "interrupt"))
    calls = [
        task_calls.add("t-00000000ab", "once", agent="w1"),
        mail.send("m-00000000ab", "w1", "once"),
        task_calls.block("t-00000000ab", "on_hold: wait"),
        task_calls.unblock("t-00000000ab"),
        task_calls.assign("t-00000000ab", "w1"),
        agents.want("w1", "interrupt"),
    ]
    for number, call in enumerate(calls):
        town.storage.run(call, operation=f"op{number}")
        clocked.jump("server", HOUR * (number + 1))
        before = records(town)
        with contextlib.suppress(TinytownError):  # a refusal names what is there already
            town.storage.run(call, operation=f"op{number}")
        assert records(town) == before
    assert town.agent("w1").id == agent


def records(town):
    """What there is of everything, and the state of each."""
    found = town.run(town_calls.status())
    mine = [item.id for item in town.run(mail.peek("w1", limit=5)).items]
    task = town.task("t-00000000ab")
    return dict(found.tasks), mine, task.state, task.agent, task.attempt, town.agent("w1").wanted


@on(["valkey"])
def test_a_clock_that_was_set_ahead_closes_no_idle_agent(make_clocked):
    clocked = make_clocked({"w1": "complete()"}, config="[agent]\nidle_timeout_secs = 4")
    town = clocked.town
    town.until(town.add(agent=clocked.spawn("w1")), "completed")
    done = time.monotonic()
    clocked.jump("server", 3 * DAY)
    town.happened("agent.stopped")
    assert time.monotonic() - done >= 4


@on(["redis"])
def test_a_clock_that_was_set_ten_years_ahead_deletes_no_log(make_clocked):
    clocked = make_clocked({"w1": "print('kept')\ncomplete()"})
    town = clocked.town
    town.until(town.add(agent=clocked.spawn("w1")), "completed")
    (only,) = town.rounds("w1")
    town.stop()
    before = town.paths.node_clock.read_bytes()
    clocked.jump("both", 10 * YEAR)
    town.start()
    town.wait(lambda: town.paths.node_clock.read_bytes() != before, "the node has swept")
    assert (town.paths.round_dir(only.id) / "log").read_text() == "kept\n"

"""The table of outcomes, row by row, with real processes."""

from __future__ import annotations

import json

import pytest

COUNTED_BACKOFF_MS = 5000
HANG = "reach('there')\nhold('never')"


@pytest.fixture
def played(running_town, tmp_path):
    """Make a town for agents of the adapter `script`, which plays steps and prints events."""

    def make(*steps):
        town = running_town()
        file = tmp_path / "steps.json"
        town.played = {"TINYTOWN_SCRIPT": str(file)}
        town.play = lambda *steps: file.write_text(json.dumps({"steps": list(steps)}))
        town.play(*steps)
        return town

    return make


def test_a_submitted_task_is_completed_when_its_round_is_over(running_town):
    town = running_town({"w1": "complete('fixed it')"})
    task = town.add(agent=town.spawn("w1"))
    done = town.until(task, "completed")
    assert (done.result, done.attempt, done.crashes, done.reminders) == ("fixed it", 1, 0, 0)
    (only,) = town.rounds("w1")
    assert (only.outcome, only.exit_code, only.state) == ("ok", 0, "ended")
    assert "task.submitted" in [event["type"] for event in town.events()]


def test_a_task_that_nobody_closes_is_asked_for_twice_and_then_blocked(running_town):
    town = running_town({"w1": "pass"})
    task = town.add(agent=town.spawn("w1"))
    blocked = town.until(task, "blocked")
    assert blocked.reason.startswith("not_closed")
    assert (blocked.attempt, blocked.crashes) == (3, 0)
    first, second, third = town.prompts("w1")
    assert b"without closing" not in first
    assert b"without closing" in second
    assert b"without closing" in third


def test_a_question_blocks_the_task_until_a_person_answers(running_town):
    from tinytown.storage.calls import tasks

    town = running_town({"w1": "complete() if run > 1 else block('needs_input: red or blue?')"})
    task = town.add(agent=town.spawn("w1"))
    assert "red or blue?" in town.until(task, "blocked").reason
    town.run(tasks.unblock(task, answer="blue"))
    assert town.until(task, "completed").attempt == 2
    assert b"blue" in town.prompts("w1")[1]


@pytest.mark.parametrize(
    ("event", "outcome", "state", "asks"),
    [
        ({"kind": "auth", "text": "sign in again", "final": True}, "auth_required", "assigned", "auth_required"),
        ({"kind": "question", "text": "which?", "final": True}, "needs_input", "blocked", "needs_input"),
    ],
    ids=["signed out", "question"],
)
def test_what_the_output_says_decides_and_not_the_exit_code(played, event, outcome, state, asks):
    from tinytown.storage.calls import town as town_calls

    town = played({"event": event})
    task = town.add(agent=town.spawn("w1", cli="script", env=town.played))
    town.happened("round.ended")
    (only,) = town.rounds("w1")
    assert (only.outcome, only.exit_code) == (outcome, 0)
    found = town.task(task)
    assert (found.state, found.crashes, found.reminders) == (state, 0, 0)
    (item,) = town.run(town_calls.attention()).items
    assert (item.kind, event["text"] in item.text) == (asks, True)


def test_a_signed_out_account_rests_until_a_restart(played):
    from tinytown.storage.calls import agents

    town = played({"event": {"kind": "auth", "text": "sign in", "final": True}})
    task = town.add(agent=town.spawn("w1", cli="script", env=town.played))
    town.happened("round.ended")
    other = town.add(agent=town.spawn("w2", cli="script", env=town.played))
    town.happened("agent.ready", count=2)
    town.play({"tt": ["task", "complete", "<<task_id>>", "--result", "x"]})
    town.run(agents.want("w1", "restart"))
    town.until(task, "completed")
    town.until(other, "completed")


def test_a_rate_limit_parks_the_account_and_one_round_probes_after_the_reset(played):
    limited = {"kind": "rate_limit", "text": "too many", "final": True, "retry_after_s": 2}
    town = played({"event": limited})
    first = town.add(agent=town.spawn("w1", cli="script", env=town.played))
    town.happened("round.ended")
    (only,) = town.rounds("w1")
    assert only.outcome == "rate_limited"
    assert (town.task(first).state, town.task(first).crashes) == ("assigned", 0)
    town.play({"tt": ["task", "complete", "<<task_id>>", "--result", "x"]})
    rest = [town.add(agent=town.spawn(name, cli="script", env=town.played)) for name in ("w2", "w3")]
    for task in (first, *rest):
        town.until(task, "completed")
    later = [live for name in ("w1", "w2", "w3") for live in town.rounds(name) if live.id != only.id]
    probe, *others = sorted(later, key=lambda live: live.started_at)
    assert probe.started_at >= only.ended_at + 1900
    assert all(live.started_at >= probe.ended_at for live in others)


@pytest.mark.parametrize(
    "said",
    [{"retry_at_ms": 4_000_000_000_000}, {"retry_after_s": 32 * 86_400}],
    ids=["an instant of another clock", "a time that is no limit's"],
)
def test_a_rate_limit_of_more_than_a_month_counts_as_one_whose_end_nobody_knows(played, said):
    town = played({"event": {"kind": "rate_limit", "text": "too many", "final": True, **said}})
    town.add(agent=town.spawn("w1", cli="script", env=town.played))
    town.happened("round.ended")
    (only,) = town.rounds("w1")
    assert only.outcome == "rate_limited"
    (parked,) = town.command("KEYS", "*parked:*")
    until = json.loads(town.command("HGET", parked, "until"))
    assert 0 < until - only.ended_at <= 120_000


def test_a_full_context_begins_a_new_conversation_and_blocks_in_the_end(played):
    town = played({"event": {"kind": "context_full", "text": "too long", "final": True}})
    task = town.add(agent=town.spawn("w1", cli="script", env=town.played))
    blocked = town.until(task, "blocked")
    assert blocked.reason.startswith("context_full")
    assert (blocked.contexts, blocked.crashes) == (3, 0)
    sessions = {live.session_id for live in town.rounds("w1")}
    assert len(sessions) == 3


def test_a_conversation_is_resumed_from_round_to_round(played):
    town = played({"print": "nothing to say"})
    task = town.add(agent=town.spawn("w1", cli="script", env=town.played))
    town.until(task, "blocked")
    assert len({live.session_id for live in town.rounds("w1")}) == 1


def test_an_interrupted_round_hands_its_task_back_uncounted(running_town):
    from tinytown.storage.calls import agents

    town = running_town({"w1": "reach('there')\nhold('never') if run == 1 else complete()"})
    agent = town.spawn("w1")
    task = town.add(agent=agent)
    town.reached("there")
    town.run(agents.want("w1", "interrupt"))
    back = town.until(task, "assigned")
    assert (back.crashes, back.reminders, back.agent) == (0, 0, "w1")
    assert town.rounds("w1")[0].outcome == "interrupted"
    town.run(agents.want("w1", "resume"))
    assert town.until(task, "completed").attempt == 2


def test_a_program_that_is_not_installed_is_an_agent_that_cannot_start(running_town):
    from tinytown.storage.calls import town as town_calls

    town = running_town({"w1": ""}, options={"w1": "command = 'no-such-program-anywhere'"})
    agent = town.spawn("w1")
    task = town.add(agent=agent)
    town.happened("agent.error")
    assert "not installed" in town.agent("w1").reason
    assert town.task(task).state == "assigned"
    assert [item.kind for item in town.run(town_calls.attention()).items] == ["start_failed"]


@pytest.mark.parametrize("what", ["not executable", "missing", "workdir"])
def test_a_round_that_cannot_start_parks_the_agent_and_asks_a_person(running_town, tmp_path, what):
    from tinytown.storage.calls import town as town_calls

    program = tmp_path / "program"
    if what != "missing":
        program.write_text("#!/bin/sh\nexit 0\n")
        program.chmod(0o600 if what == "not executable" else 0o700)
    extra = "\nworkdir = 'no/such/folder'" if what == "workdir" else ""
    town = running_town({"w1": ""}, options={"w1": f"command = '{program}'{extra}"})
    task = town.add(agent=town.spawn("w1"))
    town.happened("round.ended")
    assert town.rounds("w1")[0].outcome == "start_failed"
    back = town.task(task)
    assert (back.state, back.crashes) == ("assigned", 0)
    assert [item.kind for item in town.run(town_calls.attention()).items] == ["start_failed"]


@pytest.mark.parametrize(
    ("lines", "outcome", "settings"),
    [
        ("sys.exit(7)", "failed", ""),
        ("os.kill(os.getpid(), 9)", "crashed", ""),
        (HANG, "timed_out", "round_timeout_secs = 1"),
        (HANG, "stalled", "stall_timeout_secs = 1"),
    ],
)
def test_a_counted_end_hands_the_task_back_after_a_pause(running_town, lines, outcome, settings):
    town = running_town({"w1": lines}, config=f"[agent]\n{settings}")
    task = town.add(agent=town.spawn("w1"))
    town.happened("round.ended")
    back = town.task(task)
    assert town.rounds("w1")[0].outcome == outcome
    assert (back.state, back.crashes, back.agent) == ("assigned", 1, "w1")
    pause = back.not_before - town.rounds("w1")[0].ended_at
    assert 0 < pause <= COUNTED_BACKOFF_MS


@pytest.mark.slow
def test_a_task_whose_rounds_fail_three_times_is_blocked(running_town):
    town = running_town({"w1": "sys.exit(7)"})
    task = town.add(agent=town.spawn("w1"))
    blocked = town.until(task, "blocked", secs=50)
    assert blocked.reason.startswith("crashes")
    assert (blocked.crashes, blocked.attempt) == (3, 3)
    assert b"broke off" in town.prompts("w1")[1]


def test_a_verdict_counts_whatever_the_process_does_afterwards(running_town):
    town = running_town({"w1": "complete('all done')\nsys.exit(9)"})
    task = town.add(agent=town.spawn("w1"))
    assert town.until(task, "completed").result == "all done"
    (only,) = town.rounds("w1")
    assert (only.outcome, only.exit_code) == ("ok", 9)


def test_an_agent_may_give_its_task_up(running_town):
    town = running_town({"w1": "fail('impossible')"})
    task = town.add(agent=town.spawn("w1"))
    assert town.until(task, "failed").reason == "impossible"

"""What people want while a round goes on: the process is gone first, then it is so."""

from __future__ import annotations

import pytest
from tinytown.errors import StaleRoundError
from tinytown.node import processes
from tinytown.storage.calls import agents, tasks

HOLD = "reach('there')\nhold('go')"


def working(running_town, scripts=None, **more):
    town = running_town({"w1": HOLD, "w2": "complete('by w2')", **(scripts or {})}, **more)
    town.spawn("w1")
    task = town.add(agent="w1")
    town.reached("there")
    (live,) = town.rounds("w1")
    return town, task, live


@pytest.mark.parametrize(
    ("order", "state"),
    [
        (tasks.requeue, "pending"),
        (lambda ref: tasks.cancel(ref, reason="no need"), "cancelled"),
        (lambda ref: tasks.fail(ref, "given up"), "failed"),
        (lambda ref: tasks.block(ref, "waiting: for a part"), "blocked"),
    ],
    ids=["requeue", "cancel", "fail", "block"],
)
def test_an_order_is_applied_once_the_process_is_gone(running_town, order, state):
    town, task, live = working(running_town, config="auto_claim = false")
    process = town.cli(live.id)
    changed = town.run(order(task))
    assert changed.ordered
    assert changed.task.state == "running"
    town.until(task, state)
    assert not processes.alive(process)
    assert town.rounds("w1")[0].outcome == "interrupted"
    town.facts(lambda: town.agent("w1").state == "idle", "w1 is idle")


def test_a_task_that_is_handed_over_never_stands_in_the_backlog(running_town):
    town, task, live = working(running_town)
    process = town.cli(live.id)
    town.spawn("w2")
    assert town.run(tasks.assign(task, "w2")).ordered
    assert town.until(task, "completed").result == "by w2"
    assert not processes.alive(process)
    assert "pending" not in [event.get("new") for event in town.events() if event.get("task_id") == task]


def test_an_order_that_comes_while_a_round_is_being_started_is_heard(running_town):
    town = running_town({"w1": HOLD}, config="auto_claim = false")
    town.spawn("w1")
    town.facts(lambda: town.agent("w1").state == "idle", "w1 is idle")
    for _ in range(5):  # the order races the launch
        task = town.add(agent="w1")
        town.facts(lambda ref=task: town.task(ref).state == "running", "it runs")
        town.run(tasks.cancel(task))
        town.until(task, "cancelled")


def test_a_killed_agent_is_reported_as_stopped_only_when_its_process_is_gone(running_town):
    lines = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nreach('there')\nhold('never')"
    town, task, live = working(running_town, {"w1": lines})
    process = town.cli(live.id)
    changed = town.run(agents.want("w1", "kill"))
    assert changed.ending
    assert changed.agent.state == "working"
    seen = []
    town.facts(lambda: (seen.append(processes.alive(process)), town.agent("w1").state == "stopped")[1], "it stops")
    assert not processes.alive(process)
    assert town.task(task).state == "assigned"
    assert town.agent("w1").incarnation == 1


def test_a_restart_in_a_round_ends_it_and_counts_a_new_life(running_town):
    town, task, live = working(running_town, {"w1": "complete() if run > 1 else (reach('there'), hold('never'))"})
    process = town.cli(live.id)
    town.run(agents.want("w1", "restart"))
    assert town.until(task, "completed").attempt == 2
    assert not processes.alive(process)
    assert town.agent("w1").incarnation == 2
    assert [live.incarnation for live in town.rounds("w1")] == [1, 2]


def test_a_closed_agent_finishes_what_it_has_and_stops(running_town):
    town, task, _live = working(running_town, {"w1": "reach('there'), hold('go'), complete()"})
    town.run(agents.want("w1", "close"))
    town.release("go")
    town.until(task, "completed")
    town.facts(lambda: town.agent("w1").state == "stopped", "w1 stops")


def test_after_a_submission_the_program_gets_some_time_and_is_then_ended(running_town):
    lines = "complete('said')\nreach('there')\nhold('never')"
    town, task, live = working(running_town, {"w1": lines}, config="[agent]\nclose_grace_secs = 1")
    process = town.cli(live.id)
    assert town.task(task).state == "running"
    done = town.until(task, "completed")
    assert not processes.alive(process)
    assert done.result == "said"
    assert town.rounds("w1")[0].outcome == "ok"


def test_what_is_committed_between_submission_and_end_is_part_of_what_is_checked(running_town):
    lines = "complete()\nreach('there')\nhold('go')\ncommit('late.txt')"
    gates = "[gates]\nlate = 'test -f late.txt'"
    town, task, _live = working(running_town, {"w1": lines}, config=gates)
    assert town.task(task).state == "running"
    assert not town.events("gate.started")
    town.release("go")
    done = town.until(task, "completed")
    assert done.head == town.git("rev-parse", "HEAD")
    assert done.evidence[0]["head"] == done.head


def test_a_late_word_of_an_ended_round_changes_nothing(running_town):
    town, task, live = working(running_town, {"w1": "reach('there'), hold('go')"})
    town.run(agents.want("w1", "interrupt"))
    town.until(task, "assigned")
    with pytest.raises(StaleRoundError):
        town.run(tasks.submit(task, result="late", round_id=live.id))
    assert town.task(task).state == "assigned"


def test_the_same_submission_again_is_answered_as_the_first_was(running_town):
    town, task, live = working(running_town, {"w1": "reach('there'), hold('go'), complete('once')"})
    town.release("go")
    town.until(task, "completed")
    assert town.run(tasks.submit(task, result="once", round_id=live.id)).recorded
    assert town.task(task).result == "once"

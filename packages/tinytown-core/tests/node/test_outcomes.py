"""The table of outcomes, row by row, with real processes."""

from __future__ import annotations


def test_a_submitted_task_is_completed_when_its_round_is_over(running_town):
    town = running_town({"w1": "complete('fixed it')"})
    task = town.add(agent=town.spawn("w1"))
    done = town.until(task, "completed")
    assert (done.result, done.attempt, done.crashes, done.reminders) == ("fixed it", 1, 0, 0)
    (only,) = town.rounds("w1")
    assert (only.outcome, only.exit_code, only.state) == ("ok", 0, "ended")


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

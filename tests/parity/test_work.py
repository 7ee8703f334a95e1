"""Work that is taken from the backlog and given on."""

from __future__ import annotations

import sys

import pytest
from tinytown.errors import NotFoundError


def test_a_claim_for_an_agent_that_does_not_exist_leaves_the_task_where_it_was(place):
    town = place.town
    task = town.add_task("paint the fence")
    before = town.events(limit=1)[-1].id
    with pytest.raises(NotFoundError):
        town.claim(task.id, "nobody")
    assert town.task(task.id).state == "pending"
    assert [each.id for each in town.tasks(state="pending").items] == [task.id]
    assert town.events(limit=1)[-1].id == before


def test_a_task_that_was_claimed_and_finished_is_done_once(running_town):
    town = running_town({"w1": "complete('painted')"})
    agent = town.spawn("w1")
    task = town.add("paint the fence")
    assert town.until(task, "completed").result == "painted"
    town.happened("round.ended")
    town.facts(lambda: town.agent(agent).state == "idle", "the agent is idle")
    assert [each.task_id for each in town.rounds(agent)] == [task]
    assert town.task(task).attempt == 1


def test_a_task_that_an_agent_gives_names_that_agent(running_town):
    give = f"sh('{sys.executable} -m tinytown_cli assign w2 the-second-half')\ncomplete('mine')"
    town = running_town({"w1": give, "w2": "complete('yours')"})
    first = town.spawn("w1")
    town.spawn("w2")
    task = town.add(agent=first)
    town.happened("task.completed", count=2)
    (given,) = {event["task_id"] for event in town.events("task.completed")} - {task}
    assert town.task(given).created_by == "w1"

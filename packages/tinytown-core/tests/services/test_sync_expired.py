"""A push that was killed and left so long that the server has forgotten its steps; then both sides go on."""

from __future__ import annotations

import json

import pytest
from tinytown.config.plan_file import parse_plan
from tinytown.errors import PlanConflictError
from tinytown.services import syncing
from tinytown.storage.calls import town as town_calls

BEFORE = """\
[[tasks]]
id = "roof"
description = "Mend the roof"

[[tasks]]
id = "door"
description = "Paint the door"
depends_on = ["roof"]

[[tasks]]
id = "wall"
description = "Build the wall"
status = "failed"

[[tasks]]
id = "hall"
description = "Sweep the hall"
"""
AFTER = """\
[[tasks]]
id = "roof"
description = "Mend the old roof"
tags = ["high"]

[[tasks]]
id = "door"
description = "Paint the door"
agent = "ada"

[[tasks]]
id = "wall"
description = "Build the wall"
status = "pending"

[[tasks]]
id = "hall"
description = "Sweep the hall"
status = "cancelled"

[[tasks]]
id = "house"
description = "Move in"
depends_on = ["door", "garden"]
parent = "garden"

[[tasks]]
id = "garden"
description = "Lay out the garden"
status = "completed"
"""


class Killed(BaseException):
    """Stands for the end of the process: nothing of ours catches it."""


def _until(steps, last):
    answer = None
    while True:
        try:
            step = steps.send(answer)
        except StopIteration as stop:
            return stop.value
        last -= 1
        if last == 0:
            raise Killed
        answer = yield step


def _verbs(bench):
    tasks = bench.town.tasks().items
    return {task.plan_id: [each["verb"] for each in _history(bench, task)] for task in tasks}


def _history(bench, task):
    return bench.storage.run(town_calls.show(task.id)).history


@pytest.mark.parametrize("last", range(1, 19))
def test_an_old_unfinished_push_is_compared_and_nothing_is_done_twice_or_lost(bench, last):
    town, plan = bench.town, bench.town.paths.plan
    bench.agent("ada")
    plan.write_text(BEFORE)
    town.sync_push()
    plan.write_text(AFTER)
    with pytest.raises(Killed):
        town.run_steps(_until(syncing.sync_push(bench.context), last))
    _let_time_pass(bench)
    tasks = {task.plan_id: task for task in town.tasks().items}
    town.edit(tasks["roof"].id, text="Mend the tin roof")  # on both sides, differently
    plan.write_text(
        plan.read_text().replace("Mend the old roof", "Mend the new roof").replace("Move in", "Move in all")
    )

    events, text = bench.events(), plan.read_text()
    with pytest.raises(PlanConflictError) as caught:
        town.sync_push()
    conflicts = {(each.id, each.field) for each in caught.value.conflicts}
    # Of a new entry nothing is known that both sides said, so what was not done of it is a conflict too.
    assert ("roof", "description") in conflicts
    assert conflicts <= {("roof", "description"), ("house", "description"), ("garden", "status")}
    assert (bench.events(), plan.read_text()) == (events, text)

    town.sync_push(prefer="file")
    town.sync_pull()
    assert town.sync_push().nothing
    assert town.sync_pull().nothing
    found = {task.plan_id: task for task in town.tasks(limit=100).items}
    assert len(town.tasks(limit=100).items) == len(found) == 6
    assert {name: task.state for name, task in found.items()} == {
        "roof": "pending",
        "door": "assigned",
        "wall": "pending",
        "hall": "cancelled",
        "garden": "completed",
        "house": "waiting",
    }
    assert (found["roof"].description, found["roof"].tags) == ("Mend the new roof", ("high",))
    assert found["house"].description == "Move in all"
    assert found["house"].depends_on == (found["door"].id, found["garden"].id)
    assert found["house"].parent_id == found["garden"].id
    for name, verbs in _verbs(bench).items():
        for once in ("add", "reopen", "assign", "cancel", "submit"):
            assert verbs.count(once) <= 1, (name, verbs)
    assert {entry.id: entry.description for entry in parse_plan(plan.read_text(), "x").entries} == {
        name: task.description for name, task in found.items()
    }


def _let_time_pass(bench):
    """Eleven minutes, on the clock of the server and on that of the one who pushed."""
    bench.clock.advance(11 * 60_000)
    noted = json.loads(bench.town.paths.sync_base.read_text())
    if "push" in noted:
        noted["push"]["at"] -= 11 * 60
        bench.town.paths.sync_base.write_text(json.dumps(noted))


@pytest.mark.parametrize("change", [{"works": None}, {"works": [{"new": 1}]}, {"after": [5]}, {"names": None}])
def test_a_note_of_a_push_that_cannot_be_read_is_compared_too(bench, change):
    town, plan = bench.town, bench.town.paths.plan
    bench.agent("ada")
    plan.write_text(AFTER)
    with pytest.raises(Killed):
        town.run_steps(_until(syncing.sync_push(bench.context), 10))
    noted = json.loads(town.paths.sync_base.read_text())
    noted["push"] |= change
    town.paths.sync_base.write_text(json.dumps(noted))
    town.sync_push(prefer="file")
    assert town.sync_push().nothing
    assert len(town.tasks().items) == 6

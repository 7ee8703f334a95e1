"""A restored town goes on: its node starts, and agents do the work that was saved, once."""

from __future__ import annotations

from tinytown import Town
from tinytown.storage.calls import town as town_calls


def test_a_town_that_was_saved_in_a_round_is_restored_without_a_ghost_and_its_task_is_done(running_town):
    town = running_town({"w1": "(reach('there'), hold('go')) if run == 1 else None\ncomplete('done')"})
    task = town.add("mend the roof", agent=town.spawn("w1"))
    live = town.until(task, "running").round_id
    town.reached("there")
    with Town.open(town.root, env=town.env, start=False) as opened:
        file = opened.save(town.root / "live.save").file
        town.stop(now=True)
        report = opened.restore(file, force=True)
        assert report.ended == (live,)
        assert opened.task(task).state == "assigned"
    town.start()
    assert (town.until(task, "completed").result, town.task(task).attempt) == ("done", 2)
    assert town.run(town_calls.show(live, "round")).record.outcome == "node_lost"

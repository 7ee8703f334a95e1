"""Resetting: all is saved before anything goes, a rehearsal changes nothing, and a cut-off one is completed."""

from __future__ import annotations

from pathlib import Path

import pytest
from tinytown.errors import RefusedError
from tinytown.testing import dumps, invariants


def fill(bench):
    """Two agents with work and mail, and a task of the backlog."""
    bench.agent("w1")
    bench.agent("w2")
    ids = {"task": bench.town.assign("w1", "mend the roof").id, "free": bench.town.add_task("paint it").id}
    ids["letter"] = bench.town.send("w2", "hello").message.id
    ids["mine"] = bench.town.send("conductor", "for you").message.id
    bench.town.block(ids["free"], "Which colour?")
    bench.leave("down")
    return ids


def sound(bench):
    return invariants.check(dumps.of_memory(bench.memory.data))


@pytest.mark.parametrize("agents_only", [False, True], ids=["all", "agents only"])
def test_a_rehearsal_changes_nothing_and_says_what_then_happens(bench, agents_only):
    import attrs

    fill(bench)
    before = dict(dumps.of_memory(bench.memory.data))
    plan = bench.town.reset(agents_only=agents_only, dry_run=True)
    assert dumps.of_memory(bench.memory.data) == before
    assert (bench.node.runs, list(bench.context.paths.trash.glob("*"))) == (True, [])
    done = bench.town.reset(agents_only=agents_only)
    assert attrs.evolve(done, kept=None, dry_run=True) == plan
    assert not bench.node.runs


def test_everything_goes_and_is_in_the_save(bench):
    """The reference deletes all keys for good, while the processes of its agents go on."""
    ids = fill(bench)
    variables = bench.context.paths.agents_env_dir / "a-00000009.json"
    variables.parent.mkdir(parents=True)
    variables.write_text("{}")
    done = bench.town.reset()
    assert (bench.town.agents().items, bench.town.tasks().items, bench.town.inbox(all=True).items) == ((), (), ())
    assert (sound(bench), variables.exists()) == ([], False)
    saved = Path(str(done.kept)).read_text(encoding="utf-8")
    assert all(ref in saved for ref in ids.values())
    bench.town.restore(done.kept)
    assert {task.id for task in bench.town.tasks().items} == {ids["task"], ids["free"]}
    assert {item.id for item in bench.town.inbox(all=True).items} == {ids["letter"], ids["mine"]}


def test_variables_that_a_killed_reset_had_no_time_for_go_with_the_next(bench):
    variables = bench.context.paths.agents_env_dir / "a-00000009.json"
    variables.parent.mkdir(parents=True)
    variables.write_text("{}")
    bench.node.runs = False
    assert bench.town.reset().kept is None
    assert not variables.exists()


def test_agents_alone_go_and_every_task_stays(bench):
    ids = fill(bench)
    done = bench.town.reset(agents_only=True)
    assert (done.agents, done.requeued, done.mail) == (("w1", "w2"), (ids["task"],), (ids["letter"],))
    assert bench.town.agents().items == ()
    assert (bench.town.task(ids["task"]).state, bench.town.task(ids["task"]).agent) == ("pending", None)
    assert bench.town.task(ids["free"]).state == "blocked"
    assert [item.id for item in bench.town.inbox(all=True).items] == [ids["mine"]]
    assert len(bench.town.attention().items) == 1
    assert sound(bench) == []
    assert bench.town.reset(agents_only=True).agents == ()


def test_a_reset_that_was_cut_off_is_completed_by_the_next(bench):
    fill(bench)
    bench.node.runs = False
    from tinytown.storage.calls import saves

    bench.storage.run(saves.clear("reset", "dead", begin=True, limit=2))
    assert bench.town.reset().kept is None
    assert bench.town.tasks().items == ()
    assert sound(bench) == []
    assert bench.town.reset().kept is None


def test_a_round_that_no_node_has_ended_keeps_the_agents(bench):
    """The reference removes agents whose processes then go on without any record."""
    agent = bench.agent("w1")
    bench.town.assign("w1", "x")
    live = bench.take(agent).round
    bench.leave("down")
    with pytest.raises(RefusedError) as caught:
        bench.town.reset(agents_only=True)
    assert caught.value.shown_code == "rounds_live"
    assert bench.town.agent("w1").round_id == live.id


def test_a_town_in_which_another_machine_works_is_not_reset(bench):
    fill(bench)
    bench.join("n-00000007")
    with pytest.raises(RefusedError) as caught:
        bench.town.reset()
    assert caught.value.shown_code == "node_runs"
    assert len(bench.town.agents().items) == 2


def test_a_round_resets_nothing(bench):
    agent = bench.agent("w1")
    bench.town.assign("w1", "x")
    with pytest.raises(RefusedError):
        bench.inside(bench.take(agent).round).reset()

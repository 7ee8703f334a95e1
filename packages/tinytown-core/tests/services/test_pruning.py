"""Pruning: what goes, what stays and why, and that the rehearsal says what then happens."""

from __future__ import annotations

import pytest
from tinytown.errors import NotFoundError, RefusedError
from tinytown.storage.calls import agents


def stopped(bench, name="w1", **fields):
    made = bench.agent(name, **fields)
    bench.town.kill(name)
    return made


def broken(bench, name="w1"):
    made = bench.agent(name, ready=False)
    bench.storage.run(agents.error(made.id, made.incarnation, "no such program", node_id=made.node, nonce="one-life"))
    return made


def names(found):
    return [agent.name for agent in found]


@pytest.mark.parametrize("place", ["memory", "server"])
def test_agents_that_have_ended_go_and_the_others_stay(make_bench, place, request):
    bench = make_bench("", request.getfixturevalue("server_url") if place == "server" else None)
    stopped(bench, "w1")
    broken(bench, "w2")
    bench.agent("w3")
    bench.agent("w4", ready=False)
    found = bench.town.prune()
    assert (names(found.removed), found.kept, found.killed) == (["w1", "w2"], (), ())
    assert names(bench.town.agents().items) == ["w3", "w4"]
    assert bench.town.attention().items == ()
    assert bench.town.prune() == type(found)(dry_run=False)


@pytest.mark.parametrize("place", ["memory", "server"])
def test_a_stopped_agent_with_unread_mail_or_open_tasks_stays_with_all_of_it(make_bench, place, request):
    """The reference deletes the mail boxes of those that it prunes."""
    bench = make_bench("", request.getfixturevalue("server_url") if place == "server" else None)
    stopped(bench, "w1")
    stopped(bench, "w2")
    bench.agent("w3")
    task = bench.town.assign("w3", "x")
    bench.town.kill("w3")
    urgent = bench.town.send("w1", "read me", kind="info", urgent=True).message
    normal = bench.town.send("w2", "me too", kind="ack").message
    found = bench.town.prune()
    assert found.removed == ()
    assert {each.agent.name: each.why for each in found.kept} == {
        "w1": "it holds 1 message",
        "w2": "it holds 1 message",
        "w3": "it holds 1 open task",
    }
    assert all(each.command for each in found.kept)
    assert [item.id for item in bench.town.inbox(all=True).items] == [urgent.id, normal.id]
    assert bench.town.task(task.id).state == "assigned"


@pytest.mark.parametrize("how", ["bare", "all", "named"])
def test_a_rehearsal_changes_nothing_and_says_what_then_happens(bench, how):
    stopped(bench, "w1")
    stopped(bench, "w2")
    bench.town.send("w2", "hello")
    bench.agent("w3")
    bench.agent("w4")
    bench.town.assign("w4", "x")
    given = {"bare": {}, "all": {"all": True}, "named": {"agents": ["w1", "w2", "w3"]}}[how]
    before = bench.events()
    plan = bench.town.prune(**given, dry_run=True)
    assert bench.events() == before
    done = bench.town.prune(**given)
    assert names(done.removed) == names(plan.removed)
    assert names(done.killed) == names(plan.killed)
    assert [(each.agent.name, each.why, each.command) for each in done.kept] == [
        (each.agent.name, each.why, each.command) for each in plan.kept
    ]


def test_a_busy_agent_is_never_pruned_and_with_all_only_when_its_round_is_over(bench):
    """The reference removes a live agent's record and with it the flag that would have stopped its process."""
    agent = bench.agent("w1")
    task = bench.town.assign("w1", "x")
    live = bench.take(agent).round
    assert bench.town.prune() == type(bench.town.prune())(dry_run=False)
    watcher = bench.when("agent.kill", lambda: bench.end(live, "interrupted"))
    found = bench.town.prune(all=True)
    watcher.join(10)
    assert names(found.killed) == ["w1"]
    assert [each.why for each in found.kept] == ["it holds 1 open task"]
    assert bench.town.agent("w1").state == "stopped"
    assert bench.town.task(task.id).state == "assigned"


def test_a_round_that_does_not_end_in_time_keeps_its_agent(bench):
    agent = bench.agent("w1")
    bench.town.assign("w1", "x")
    live = bench.take(agent).round
    found = bench.town.prune(all=True, timeout=0.05)
    assert [each.why for each in found.kept] == [f"its round `{live.id}` has not ended within 0.05 s"]
    assert bench.town.agent("w1").round_id == live.id


def test_named_agents_that_stay_are_listed_with_what_keeps_them(bench):
    bench.agent("w1")
    stopped(bench, "w2")
    found = bench.town.prune(["w1", "w2", "conductor"])
    assert names(found.removed) == ["w2"]
    assert {each.agent.name: (each.why, each.command) for each in found.kept} == {
        "w1": ("it is idle", "tt kill w1"),
        "conductor": ("it is a mailbox, and no agent", "tt inbox conductor"),
    }


def test_the_variables_that_an_agent_was_given_go_with_it(bench):
    agent = stopped(bench)
    file = bench.context.paths.agent_env(agent.id)
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    bench.town.prune(dry_run=True)
    assert file.exists()
    bench.town.prune()
    assert not file.exists()


def test_an_unknown_agent_is_refused_before_anything_is_done(bench):
    stopped(bench, "w1")
    with pytest.raises(NotFoundError):
        bench.town.prune(["w1", "nobody"])
    assert names(bench.town.agents().items) == ["w1"]


def test_a_round_prunes_nobody(bench):
    agent = bench.agent("w1")
    stopped(bench, "w2")
    bench.town.assign("w1", "x")
    with pytest.raises(RefusedError) as caught:
        bench.inside(bench.take(agent).round).prune(all=True)
    assert caught.value.shown_code == "people_only"
    assert names(bench.town.agents().items) == ["w1", "w2"]

"""Reclaiming: a bare call only lists, nothing is lost on the way, and the records say whose everything is."""

from __future__ import annotations

import json

import pytest
from tinytown.errors import NotFoundError, RefusedError, UsageError
from tinytown.services.held import Doing
from tinytown.services.steps import ask
from tinytown.services.trash import trashed_task
from tinytown.storage.calls import town as town_calls


def left(bench):
    """An agent that was stopped with tasks in every state and mail of every kind; gives the ids by a word."""
    bench.agent("w1")
    bench.agent("w2")
    town = bench.town
    needed = town.add_task("first").id
    found = {
        "assigned": town.assign("w1", "assigned").id,
        "waiting": town.assign("w1", "waiting", depends_on=[needed]).id,
        "blocked": town.assign("w1", "blocked").id,
    }
    town.block(found["blocked"], "Which colour?")
    for kind in ("task", "query", "info", "ack"):
        for urgent in (False, True):
            sent = town.send("w1", f"{kind} {urgent}", kind=kind, urgent=urgent)
            found[f"{'urgent ' if urgent else ''}{kind}"] = sent.message.id
    found["done"] = town.assign("w1", "done").id
    town.complete(found["done"])
    town.kill("w1")
    return found


def summary(bench):
    """Where everything is: tasks with state and agent, mail with reader and state."""
    tasks = {task.id: (str(task.state), task.agent) for task in bench.town.tasks(limit=1000).items}
    return tasks, [(item.id, item.to) for item in bench.town.inbox(all=True).items]


@pytest.fixture(params=["memory", "server"])
def place(request, make_bench):
    return make_bench("", request.getfixturevalue("server_url") if request.param == "server" else None)


def test_a_bare_reclaim_lists_both_lanes_and_all_open_tasks_and_changes_nothing(place):
    """The reference empties the mail boxes that it lists, and forgets the urgent lane."""
    ids = left(place)
    before, events = summary(place), place.events()
    found = place.town.reclaim()
    assert {item.id for item in found.items} == set(ids.values()) - {ids["done"]}
    assert {item.doing for item in found.items} == {Doing.LISTED}
    assert [item.urgent for item in found.items if item.kind == "message"] == [True] * 4 + [False] * 4
    assert (summary(place), place.events()) == (before, events)
    assert place.town.reclaim() == found


def test_all_goes_to_another_agent_and_the_records_say_so(place):
    """The reference re-sends the mail and leaves the task assigned to the dead agent."""
    ids = left(place)
    found = place.town.reclaim(to="w2")
    assert all(item.done and item.to == "w2" for item in found.items)
    tasks, mail = summary(place)
    assert {tasks[ids[word]] for word in ("assigned",)} == {("assigned", "w2")}
    assert tasks[ids["waiting"]] == ("waiting", "w2")
    assert tasks[ids["blocked"]] == ("blocked", "w2")
    assert tasks[ids["done"]] == ("completed", "w1")
    words = [f"{lane}{kind}" for lane in ("urgent ", "") for kind in ("task", "query", "info", "ack")]
    assert mail == [(ids[word], "w2") for word in words]
    assert [item.kind for item in place.town.attention().items] == ["needs_input"]
    assert place.town.prune(["w1"]).removed


def test_to_the_backlog_keeps_every_message_of_every_kind(place):
    """The reference destroys all mail that is not a task, and pushes ids whose record still names the dead agent."""
    ids = left(place)
    place.town.reclaim(to_backlog=True)
    tasks, mail = summary(place)
    assert tasks[ids["assigned"]] == ("pending", None)
    assert tasks[ids["waiting"]] == ("waiting", None)
    assert tasks[ids["blocked"]] == ("blocked", None)
    for word in ("task", "urgent task"):
        made = place.town.task("t-" + ids[word][2:])
        assert (made.state, made.agent, made.created_by) == ("pending", None, "person")
        assert place.town.run_steps(ask(town_calls.show(ids[word]))).history[-1]["task_id"] == made.id
    rest = [ids[f"{lane}{kind}"] for lane in ("urgent ", "") for kind in ("query", "info", "ack")]
    assert mail == [(ref, "conductor") for ref in rest]
    assert place.town.reclaim().items == ()


@pytest.mark.parametrize(
    "wish",
    [
        {"to": "w2"},
        {"to_backlog": True},
        {"to": "w2", "from_": "w1"},
        {"orphan_tasks": True, "to": "w2"},
        {"orphan_tasks": True, "to_backlog": True},
        {"orphan_tasks": True, "cancel": True},
        {"orphan_tasks": True, "delete": True},
    ],
    ids=" ".join,
)
def test_a_rehearsal_changes_nothing_and_lists_what_then_is_done(bench, wish):
    import attrs

    left(bench)
    before, events = summary(bench), bench.events()
    plan = bench.town.reclaim(**wish, dry_run=True)
    assert (summary(bench), bench.events()) == (before, events)
    assert not list(bench.context.paths.trash.glob("**/*.json"))
    done = bench.town.reclaim(**wish)
    assert [attrs.evolve(item, done=False) for item in done.items] == list(plan.items)
    assert all(item.done for item in done.items if item.doing is not Doing.STAYS)
    repeated = bench.town.reclaim(**wish)
    assert [item for item in repeated.items if item.doing is not Doing.STAYS] == []


@pytest.mark.parametrize(
    "wish",
    [
        {"cancel": True},
        {"delete": True},
        {"orphan_tasks": True, "cancel": True, "delete": True},
        {"to": "w2", "to_backlog": True},
        {"orphan_tasks": True, "to_backlog": True, "cancel": True},
    ],
    ids=" ".join,
)
def test_wishes_that_contradict_each_other_are_refused_and_change_nothing(bench, wish):
    """The reference accepts `--cancel` without `--orphan-tasks`, and empties the mail boxes."""
    left(bench)
    before, events = summary(bench), bench.events()
    with pytest.raises(UsageError) as caught:
        bench.town.reclaim(**wish)
    assert caught.value.hint
    assert (summary(bench), bench.events()) == (before, events)


def test_orphans_are_cancelled_with_the_reason_and_their_mail_stays(bench):
    ids = left(bench)
    mail = summary(bench)[1]
    found = bench.town.reclaim(orphan_tasks=True, cancel=True)
    assert {item.id for item in found.items} == {ids[word] for word in ("assigned", "waiting", "blocked")}
    assert all(bench.town.task(item.id).state == "cancelled" for item in found.items)
    assert bench.town.task(ids["assigned"]).reason == "its agent `w1` has ended"
    assert summary(bench)[1] == mail
    assert bench.town.attention().items == ()


def test_deleted_orphans_are_in_the_trash_first(bench):
    ids = left(bench)
    before = {word: bench.town.task(ids[word]) for word in ("assigned", "waiting", "blocked")}
    bench.town.reclaim(orphan_tasks=True, delete=True)
    for word, task in before.items():
        with pytest.raises(NotFoundError):
            bench.town.task(ids[word])
        kept = json.loads(trashed_task(bench.context, task.id).read_text())
        assert (kept["task"]["description"], kept["task"]["state"]) == (task.description, str(task.state))
        assert kept["history"][0]["verb"] == "add"
    assert bench.town.task(ids["done"]).state == "completed"


def test_an_orphan_that_others_need_is_not_deleted_but_a_chain_of_orphans_is(bench):
    bench.agent("w1")
    town = bench.town
    first = town.assign("w1", "first").id
    second = town.assign("w1", "second", depends_on=[first]).id
    needed = town.assign("w1", "needed").id
    waiting = town.add_task("waiting", depends_on=[needed]).id
    town.kill("w1")
    found = {item.id: item for item in town.reclaim(orphan_tasks=True, delete=True).items}
    assert (found[first].done, found[second].done) == (True, True)
    assert (found[needed].doing, found[needed].why) == (Doing.STAYS, f"task `{waiting}` depends on it")
    assert town.task(needed).state == "assigned"
    assert town.task(waiting).state == "waiting"


def test_a_task_whose_agent_is_not_on_record_is_an_orphan(bench):
    agent = bench.agent("w1")
    ref = bench.town.assign("w1", "x").id
    for key in (f"agent:{agent.id}", f"hosted:{agent.node}"):
        bench.memory.data.pop(key)
    for key in ("agents", f"due:{agent.node}"):
        bench.memory.data[key].pop(agent.id)
    assert bench.town.reclaim().items == ()
    found = bench.town.reclaim(orphan_tasks=True)
    assert [(item.id, item.holder, item.doing) for item in found.items] == [(ref, agent.id, "listed")]
    bench.town.reclaim(orphan_tasks=True, to_backlog=True)
    assert (bench.town.task(ref).state, bench.town.task(ref).agent) == ("pending", None)


@pytest.mark.parametrize("how", ["idle", "cold", "paused", "working"])
def test_what_living_agents_hold_is_theirs(bench, how):
    """The reference counts agents that are only cold as dead."""
    agent = bench.agent("w1", ready=how != "cold")
    bench.agent("w2")
    bench.town.assign("w1", "x")
    bench.town.send("w1", "hello")
    if how == "working":
        bench.take(agent)
    elif how == "paused":
        bench.town.interrupt("w1")
    assert bench.town.reclaim(to="w2").items == ()
    with pytest.raises(RefusedError) as caught:
        bench.town.reclaim(from_="w1", to="w2")
    assert caught.value.shown_code == "agent_lives"


@pytest.mark.parametrize(("to", "code"), [("w1", "agent_ends"), ("w3", "agent_ends"), ("conductor", "not_assignable")])
def test_nothing_is_handed_to_whom_cannot_take_it(bench, to, code):
    left(bench)
    bench.agent("w3")
    bench.town.close_agent("w3")
    before = summary(bench)
    with pytest.raises(RefusedError) as caught:
        bench.town.reclaim(to=to)
    assert caught.value.shown_code == code
    assert summary(bench) == before


def test_an_agent_in_error_is_taken_from_and_one_agent_alone_where_named(bench):
    from tinytown.storage.calls import agents

    broken = bench.agent("w3", ready=False)
    bench.town.send("w3", "hello")
    ref = bench.town.assign("w3", "x").id
    call = agents.error(broken.id, 1, "no such program", node_id=broken.node, nonce="one-life")
    bench.storage.run(call)
    ids = left(bench)
    found = bench.town.reclaim(from_="w3", to="w2")
    assert {item.holder for item in found.items} == {"w3"}
    assert bench.town.task(ref).agent == "w2"
    assert bench.town.task(ids["assigned"]).agent == "w1"


def test_hundreds_of_messages_move_in_their_order(place):
    place.agent("w1")
    place.agent("w2")
    sent = [place.town.send("w1", f"{n}", kind="info").message.id for n in range(230)]
    place.town.kill("w1")
    found = place.town.reclaim(to="w2")
    assert [item.id for item in found.items] == sent
    assert place.town.agent("w2").mail == 230
    from tinytown.services.orphans import waiting_mail

    assert [item.id for item in place.town.run_steps(waiting_mail(place.town.agent("w2").id))] == sent


def test_why_and_prune_name_the_command_that_moves_on(bench):
    ids = left(bench)
    assert bench.town.prune().kept[0].command == "tt reclaim --from w1 --to-backlog"
    cause = bench.town.why(ids["assigned"]).causes[-1]
    assert cause.command == "tt restart w1"
    assert "tt reclaim --from w1" in cause.text

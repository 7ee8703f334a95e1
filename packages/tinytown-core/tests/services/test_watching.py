"""The history: pages, the newest, filters, following, and what is no longer kept."""

from __future__ import annotations

import pytest
from tinytown.errors import EventsTrimmedError, NotFoundError
from tinytown.storage.calls import town as town_calls


def test_the_newest_events_come_in_their_order(bench):
    bench.town.add_task("one")
    bench.clock.advance(10_000_000)
    bench.town.add_task("two")
    found = bench.town.events(limit=2)
    assert [event.type for event in found] == ["task.added", "task.added"]
    assert found[0].at < found[1].at
    assert len(bench.town.events(limit=1000)) == bench.events()


def test_events_after_one_go_on_from_there(bench):
    first = bench.town.events(limit=1000)
    bench.town.add_task("one")
    assert [event.type for event in bench.town.events(after=first[-1].id)] == ["task.added"]


def test_events_are_chosen_by_task_agent_and_kind(bench):
    bench.agent()
    task = bench.town.assign("w1", "x")
    bench.town.add_task("other")
    assert {event.task_id for event in bench.town.events(task=task.id)} == {task.id}
    assert {event.agent_id for event in bench.town.events(agent="w1")} == {task.agent_id}
    assert {event.type for event in bench.town.events(type="agent")} == {"agent.spawned", "agent.ready"}
    assert [event.type for event in bench.town.events(type="agent.ready")] == ["agent.ready"]


def test_events_of_an_unknown_task_are_refused(bench):
    with pytest.raises(NotFoundError):
        bench.town.events(task="t-00000000")


def test_what_is_no_longer_kept_is_said_and_never_skipped(bench):
    bench.storage.run(town_calls.claim("bench", "instance-1", max_events=5))
    first = bench.town.events(limit=1)[0]
    for number in range(10):
        bench.clock.advance(1_000)
        bench.town.add_task(str(number))
    with pytest.raises(EventsTrimmedError) as caught:
        bench.town.events(after=first.id)
    kept = bench.town.events()
    assert (len(kept), kept[0].id) == (5, caught.value.oldest)
    follower = bench.town.follow(after=first.id)
    with pytest.raises(EventsTrimmedError):
        next(follower)


def test_following_gives_events_as_they_happen(bench):
    bench.agent()
    task = bench.town.add_task("x")
    follower = bench.town.follow(after=bench.town.events(limit=1)[0].id, task=task.id)
    bench.town.add_task("another")
    bench.town.assign("w1", task.id)
    assert next(follower).type == "task.assigned"
    bench.town.block(task.id, "why?")
    assert next(follower).type == "task.blocked"

"""Giving out the backlog, and lists of which only some records are wanted."""

from __future__ import annotations

import pytest
from tinytown.errors import InvalidValueError, NotFoundError, RefusedError, WrongStateError
from tinytown.services import pages
from tinytown.services.town import Town
from tinytown.storage.calls import tasks as task_calls


def ids(found) -> list[str]:
    return [task.id for task in found]


def test_an_agent_is_given_all_of_the_backlog_in_its_order(bench):
    bench.agent()
    made = [bench.town.add_task(f"task {number}") for number in range(12)]
    other = bench.town.assign("w1", "already mine")
    given = bench.town.assign_all("w1")
    assert ids(given.tasks) == ids(made)
    assert {task.state for task in given.tasks} == {"assigned"}
    assert given.agent.queued_tasks == 13
    assert (given.lost, given.more) == ((), False)
    assert other.id not in ids(given.tasks)


def test_a_dry_run_names_just_those_that_the_real_one_takes_and_changes_nothing(bench):
    bench.agent()
    for number in range(3):
        bench.town.add_task(f"task {number}", tags=["docs"] if number else [])
    before = bench.events()
    dry = bench.town.assign_all("w1", tags=["docs"], dry_run=True)
    assert bench.events() == before
    assert ids(dry.tasks) == ids(bench.town.assign_all("w1", tags=["docs"]).tasks)
    assert len(bench.town.tasks(state="pending").items) == 1


def test_only_the_wanted_role_and_tags_are_given(bench):
    bench.agent()
    wanted = bench.town.add_task("both", role="reviewer", tags=["docs", "later"])
    bench.town.add_task("another role", tags=["docs", "later"])
    bench.town.add_task("a tag is missing", role="reviewer", tags=["docs"])
    assert ids(bench.town.assign_all("w1", role="reviewer", tags=["later", "docs"]).tasks) == [wanted.id]
    assert len(bench.town.tasks(state="pending").items) == 2


def test_a_second_call_gives_nothing_twice_and_goes_on_where_a_limit_cut_the_first(bench):
    bench.agent()
    made = [bench.town.add_task(str(number)) for number in range(5)]
    first = bench.town.assign_all("w1", limit=3)
    assert first.more
    second = bench.town.assign_all("w1", limit=3)
    assert ids(first.tasks) + ids(second.tasks) == ids(made)
    assert not second.more
    assert bench.town.assign_all("w1").tasks == ()


class Faster:
    """A storage on which another agent takes a task just before a verb is carried out the first time."""

    def __init__(self, storage, take, before="task_assign") -> None:
        self.storage, self.take, self.before = storage, take, before

    def run(self, call, *, operation=None):
        if call.verb == self.before and self.take is not None:
            take, self.take = self.take, None
            take()
        return self.storage.run(call, operation=operation)


def test_a_task_that_somebody_else_took_meanwhile_stays_theirs(bench):
    bench.agent("w1")
    bench.agent("w2")
    made = [bench.town.add_task(str(number)) for number in range(3)]
    town = Town(bench.context, Faster(bench.storage, lambda: bench.town.claim(made[1].id, "w2")))
    given = town.assign_all("w1")
    assert ids(given.tasks) == [made[0].id, made[2].id]
    assert given.lost == (made[1].id,)
    assert bench.town.task(made[1].id).agent == "w2"


def test_a_task_of_the_backlog_is_taken_off_it_and_one_of_an_agent_is_not(bench):
    bench.agent()
    ours, theirs = bench.town.add_task("nobody's"), bench.town.assign("w1", "w1's")
    assert bench.town.remove_from_backlog(ours.id).task.state == "cancelled"
    with pytest.raises(WrongStateError):
        bench.town.remove_from_backlog(theirs.id)
    assert bench.town.task(theirs.id).state == "assigned"


def test_a_task_that_somebody_takes_while_it_is_taken_off_the_backlog_stays_theirs(bench):
    bench.agent("w1")
    task = bench.town.add_task("mine")
    town = Town(bench.context, Faster(bench.storage, lambda: bench.town.claim(task.id, "w1"), before="task_cancel"))
    with pytest.raises(WrongStateError):
        town.remove_from_backlog(task.id)
    assert bench.town.task(task.id).state == "assigned"


@pytest.mark.parametrize("dry_run", [False, True])
def test_who_takes_no_work_is_refused_before_anything_happens(bench, dry_run):
    bench.agent()
    bench.town.add_task("x")
    bench.town.close_agent("w1", wait=False)
    before = bench.events()
    with pytest.raises(RefusedError) as ended:
        bench.town.assign_all("w1", dry_run=dry_run)
    with pytest.raises(RefusedError) as mailbox:
        bench.town.assign_all("conductor", dry_run=dry_run)
    with pytest.raises(NotFoundError):
        bench.town.assign_all("nobody", dry_run=dry_run)
    with pytest.raises(InvalidValueError):
        bench.town.assign_all("w1", limit=0, dry_run=dry_run)
    assert (ended.value.refusal, mailbox.value.refusal) == ("agent_ends", "not_assignable")
    assert bench.events() == before


def test_pages_of_a_filtered_list_hold_every_record_once(bench):
    bench.agent()
    made = [bench.town.add_task(str(number), tags=["odd"] if number % 2 else [], role="r") for number in range(30)]
    found, after, pages_read = [], None, 0
    while True:
        page = bench.town.tasks(tags=["odd"], role="r", after=after, limit=4)
        found += ids(page.items)
        pages_read += 1
        after = page.next
        if after is None:
            break
    assert found == ids(made[1::2])
    assert pages_read == 4


def test_a_list_that_is_looked_through_in_vain_goes_on_at_its_cursor(bench):
    for number in range(30):
        bench.town.add_task(str(number), tags=["odd"] if number == 29 else [])
    looked = pages.matching(
        lambda place, size: task_calls.listing(after=place, limit=min(size, 1)),
        lambda task: "odd" in task.tags,
        after=None,
        limit=10,
    )
    first = bench.town.run_steps(looked)
    assert first.items == ()
    assert first.next is not None
    rest = bench.town.tasks(tags=["odd"], after=first.next)
    assert [task.description for task in rest.items] == ["29"]
    assert rest.next is None


def test_agents_are_chosen_by_role_and_by_the_state_they_are_shown_in(bench):
    bench.agent("w1", role="reviewer")
    bench.agent("w2", role="worker")
    bench.agent("w3", role="worker", ready=False)
    bench.town.interrupt("w2", wait=False)

    def names(**wanted):
        return [agent.name for agent in bench.town.agents(**wanted).items if agent.cli]

    assert names(role="worker") == ["w2", "w3"]
    assert names(state="paused") == ["w2"]
    assert names(state="idle", role="reviewer") == ["w1"]
    assert names(state="cold") == ["w3"]
    with pytest.raises(InvalidValueError):
        names(state="asleep")

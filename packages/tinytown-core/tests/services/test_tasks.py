"""Operations on tasks, agents and mail, as the doors use them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tinytown.errors import (
    NameTakenError,
    NotFoundError,
    OutcomeUnknownError,
    UsageError,
    WaitTimeoutError,
    WrongStateError,
)
from tinytown.services.town import Town


def test_a_text_becomes_a_new_task_and_an_id_an_old_one(bench):
    bench.agent()
    new = bench.town.assign("w1", "repair it", tags=["bug"], role="worker")
    old = bench.town.assign("w1", bench.town.add_task("later").id)
    assert (new.state, new.tags, new.agent) == ("assigned", ("bug",), "w1")
    assert (old.state, old.description) == ("assigned", "later")


def test_only_one_of_two_claims_gets_a_task(bench):
    bench.agent("w1")
    bench.agent("w2")
    task = bench.town.add_task("x")
    assert bench.town.claim(task.id, "w1").agent == "w1"
    with pytest.raises(WrongStateError):
        bench.town.claim(task.id, "w2")


def test_a_claim_without_a_name_needs_a_round(bench):
    with pytest.raises(UsageError):
        bench.town.claim("t-00000000")


def test_what_an_agent_submits_counts_when_its_round_has_ended(bench):
    agent = bench.agent()
    task = bench.town.assign("w1", "x")
    live = bench.take(agent).round
    inside = bench.inside(live)
    assert inside.current().id == task.id
    assert inside.complete(task.id, result="done").recorded
    assert bench.town.task(task.id).state == "running"
    bench.end(live)
    assert bench.town.task(task.id).result == "done"


def test_a_round_may_not_leave_the_gates_out(bench):
    agent = bench.agent()
    task = bench.town.assign("w1", "x")
    inside = bench.inside(bench.take(agent).round)
    with pytest.raises(UsageError):
        inside.complete(task.id, no_gates=True)


def test_a_person_who_submits_is_held_to_the_gates_of_town_and_task(make_bench):
    bench = make_bench('[gates]\ntest = "true"')
    task = bench.town.add_task("x", gates=["lint=true"])
    changed = bench.town.complete(task.id)
    assert changed.task.state == "verifying"
    assert [gate.name for gate in changed.task.gates_left] == ["test", "lint"]
    assert bench.town.complete(task.id, no_gates=True).task.state == "completed"


def test_an_order_waits_for_the_end_of_the_round_in_its_way(bench):
    agent = bench.agent()
    task = bench.town.assign("w1", "x")
    live = bench.take(agent).round
    thread = bench.when("task.ordered", lambda: bench.end(live, "interrupted"))
    changed = bench.town.cancel(task.id, reason="not needed", timeout=20)
    thread.join()
    assert (changed.task.state, changed.ordered) == ("cancelled", False)


def test_an_order_that_is_not_waited_for_says_that_it_stands(bench):
    agent = bench.agent()
    task = bench.town.assign("w1", "x")
    bench.take(agent)
    changed = bench.town.requeue(task.id, wait=False)
    assert changed.ordered
    assert changed.task.state == "running"


def test_an_order_that_is_not_carried_out_in_time_says_so_and_stands(bench):
    agent = bench.agent()
    task = bench.town.assign("w1", "x")
    bench.take(agent)
    with pytest.raises(WaitTimeoutError):
        bench.town.cancel(task.id, timeout=0.01)
    assert bench.town.task(task.id).order["verb"] == "cancel"


def test_killing_an_agent_waits_for_its_round(bench):
    agent = bench.agent()
    bench.town.assign("w1", "x")
    live = bench.take(agent).round
    thread = bench.when("agent.kill", lambda: bench.end(live, "interrupted"))
    assert bench.town.kill("w1", timeout=20).state == "stopped"
    thread.join()


def test_work_starts_the_node_where_none_runs(bench):
    bench.agent()
    bench.node.runs = False
    bench.town.assign("w1", "x")
    assert (bench.node.starts, bench.town.notices) == (1, [])


def test_after_a_stop_work_only_says_how_to_start(bench):
    bench.agent()
    assert bench.town.stop()
    bench.town.assign("w1", "x")
    bench.town.send("w1", "x")
    assert bench.node.starts == 0
    assert [notice.partition(":")[0] for notice in bench.town.notices] == ["no_node", "no_node"]
    bench.town.start_node()
    assert bench.node.runs


def test_a_node_that_does_not_start_costs_no_work(bench):
    bench.agent()
    bench.node.runs, bench.node.broken = False, True
    task = bench.town.assign("w1", "x")
    assert bench.town.task(task.id).state == "assigned"
    assert "it fell over" in bench.town.notices[0]


def test_a_round_never_starts_or_stops_a_node(bench):
    agent = bench.agent()
    bench.town.assign("w1", "x")
    inside = bench.inside(bench.take(agent).round)
    bench.node.runs = False
    inside.add_task("more")
    assert bench.node.starts == 0
    with pytest.raises(Exception, match="may not start or stop"):
        inside.stop()


def test_spawning_registers_an_agent_and_hands_its_variables_over(make_bench):
    bench = make_bench('[agent_clis.mini]\ncommand = "sh -c true"')
    agent = bench.town.spawn("w1", cli="mini", role="tester", nickname="tess", model="small")
    assert (agent.cli, agent.role, agent.label, agent.model) == ("mini", "tester", "tess [tester]", "small")
    assert bench.context.paths.agent_env(agent.id).stat().st_mode & 0o777 == 0o600
    assert bench.town.agent("tess").id == agent.id


def test_an_agent_that_stopped_begins_a_new_life_under_its_id(make_bench):
    bench = make_bench('[agent_clis.mini]\ncommand = "sh -c true"')
    first = bench.town.spawn("w1", cli="mini")
    bench.town.kill("w1")
    again = bench.town.spawn("w1", cli="mini")
    assert (again.id, again.incarnation) == (first.id, first.incarnation + 1)


def test_a_refused_second_spawn_leaves_the_living_agent_its_variables(make_bench):
    bench = make_bench('[agent_clis.mini]\ncommand = "sh -c true"')
    bench.context.env = {**bench.context.env, "MINI": "first"}
    file = bench.context.paths.agent_env(bench.town.spawn("w1", cli="mini").id)
    before = file.read_bytes()
    bench.context.env = {**bench.context.env, "MINI": "second"}
    with pytest.raises(NameTakenError):
        bench.town.spawn("w1", cli="mini")
    assert file.read_bytes() == before
    bench.town.kill("w1")
    bench.town.spawn("w1", cli="mini")
    assert b"second" in file.read_bytes()


def test_variables_of_an_agent_that_was_refused_are_not_kept(make_bench):
    bench = make_bench('[agent_clis.mini]\ncommand = "sh -c true"')
    with pytest.raises(NotFoundError):
        bench.town.spawn("w1", cli="mini", parent="nobody")
    assert not bench.context.paths.agents_env_dir.exists()
    bench.agent("w2")
    with pytest.raises(NameTakenError):  # only the server can tell
        bench.town.spawn("w1", cli="mini", nickname="w2")
    assert list(bench.context.paths.agents_env_dir.iterdir()) == []


def test_a_program_that_cannot_be_run_is_refused_before_anything_is_registered(make_bench):
    bench = make_bench('[agent_clis.mini]\ncommand = "no-such-program-anywhere"')
    with pytest.raises(Exception, match="no-such-program-anywhere") as caught:
        bench.town.spawn("w1", cli="mini")
    assert caught.value.code == "agent_cli"
    assert bench.town.agents().items == ()


def test_mail_is_shown_inside_a_round_and_only_peeked_at_from_outside(bench):
    agent = bench.agent()
    bench.town.assign("w1", "x")
    live = bench.take(agent).round
    sent = bench.town.send("w1", "hello", kind="info").message
    assert bench.town.inbox("w1").items[0].state == "queued"
    assert bench.inside(live).inbox().items[0].id == sent.id
    assert bench.town.trace(sent.id).record.state == "shown"


def test_everyones_mail_is_the_conductors_and_each_agents_and_only_peeked_at(bench):
    bench.agent("w1")
    bench.agent("w2")
    sent = [bench.town.send(to, "hello", kind="info").message.id for to in ("conductor", "w1", "w2")]
    assert [message.id for message in bench.town.inbox(all=True).items] == sent
    assert [message.state for message in bench.town.inbox("w1", all=True).items] == ["queued"] * 3


def test_a_long_mailbox_has_a_further_page(bench):
    bench.agent("w1")
    for number in range(101):
        bench.town.send("w1", str(number), kind="info")
    page = bench.town.inbox("w1")
    assert len(page.items) == 100
    assert [message.body for message in bench.town.inbox("w1", after=page.next).items] == ["100"]


def test_a_name_that_is_taken_is_said_before_a_program_that_is_missing(make_bench):
    bench = make_bench('[agent_clis.mini]\ncommand = "no-such-program-anywhere"')
    bench.agent("w1")
    with pytest.raises(NameTakenError):
        bench.town.spawn("w1", cli="mini")


def test_a_person_sees_the_mail_of_the_conductor_and_handles_it(bench):
    sent = bench.town.send("conductor", "please look").message
    assert [message.id for message in bench.town.inbox().items] == [sent.id]
    assert bench.town.done(sent.id).state == "handled"


def test_an_answer_lets_a_blocked_task_go_on(bench):
    bench.agent()
    task = bench.town.assign("w1", "x")
    bench.town.block(task.id, "which database?")
    item = bench.town.attention().items[0]
    bench.town.answer(item.id, "the small one")
    found = bench.town.task(task.id)
    assert (found.state, found.answer) == ("assigned", "the small one")


class Flaky:
    """A storage whose first answer is lost on the way."""

    def __init__(self, inner):
        self.inner, self.lost = inner, True

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def run(self, call, *, operation=None):
        operation = operation or ("o-00000001" if call.changes else None)
        answer = self.inner.run(call, operation=operation)
        if self.lost and call.changes:
            self.lost = False
            raise OutcomeUnknownError(url="memory:", detail="cut", operation=operation)
        return answer


def test_a_verb_repeated_under_its_operation_id_does_nothing_twice(bench):
    town = Town(bench.context, Flaky(bench.storage))
    with pytest.raises(OutcomeUnknownError) as caught:
        town.add_task("once")
    town.operation = caught.value.operation
    town.status()
    again = town.add_task("once")
    assert [task.id for task in town.tasks().items] == [again.id]
    assert town.operation is None


class Counting:
    """A storage that counts the round trips."""

    def __init__(self, inner):
        self.inner, self.trips = inner, 0

    def run(self, call, *, operation=None):
        self.trips += 1
        return self.inner.run(call, operation=operation)


def test_a_state_verb_is_one_round_trip(bench):
    bench.agent()
    counting = Counting(bench.storage)
    town = Town(bench.context, counting)
    task = town.assign("w1", "x")
    town.send("w1", "x")
    town.block(task.id, "why?")
    town.unblock(task.id)
    town.complete(task.id, no_gates=True)
    town.status()
    assert counting.trips == 6


def test_the_log_of_a_task_is_that_of_its_last_round(bench):
    agent = bench.agent()
    task = bench.town.assign("w1", "x")
    with pytest.raises(NotFoundError):
        bench.town.log_file(task.id)
    live = bench.take(agent).round
    expected = bench.context.paths.round_dir(live.id) / "log"
    assert bench.town.log_file(task.id) == expected
    bench.end(live, "interrupted")
    assert bench.town.log_file(task.id) == bench.town.log_file("w1") == expected


def test_the_log_is_found_also_in_a_town_that_was_moved(bench):
    agent = bench.agent()
    task = bench.town.assign("w1", "x")
    live = bench.take(agent).round
    bench.end(live, "interrupted", log="/where/the/town/was/log")
    expected = bench.context.paths.round_dir(live.id) / "log"
    assert bench.town.log_file(task.id) == Path("/where/the/town/was/log")  # of another machine, perhaps
    expected.parent.mkdir(parents=True)
    expected.touch()
    assert bench.town.log_file(task.id) == expected


def test_a_town_decides_how_long_a_chain_of_replies_starts_rounds(make_bench):
    bench = make_bench("[agent]\nmax_hops = 1")
    agent = bench.agent()
    bench.town.assign("w1", "x")
    inside = bench.inside(bench.take(agent).round)
    first = bench.town.send("w1", "0").message
    second = inside.send("w1", "1", reply_to=first.id).message
    third = inside.send("w1", "2", reply_to=second.id).message
    assert (second.quiet, third.quiet) == (False, True)
    assert bench.town.why(third.id).causes[0].code == "mail_quiet"

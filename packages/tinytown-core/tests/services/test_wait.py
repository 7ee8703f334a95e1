"""Waiting: by events, until it is done, ended badly, needs a person, or took too long."""

from __future__ import annotations

import pytest
from tinytown.errors import EndedBadlyError, NeedsAttentionError, NotFoundError, WaitTimeoutError
from tinytown.services.town import Town


def test_a_completed_task_is_not_waited_for(bench):
    task = bench.town.add_task("x")
    bench.town.complete(task.id, result="fine")
    assert bench.town.wait(task.id).result == "fine"


def test_a_wait_ends_when_the_task_is_completed(bench):
    agent = bench.agent()
    task = bench.town.assign("w1", "x")
    live = bench.take(agent).round
    bench.inside(live).complete(task.id, result="done")
    thread = bench.when("agent.ready", lambda: bench.end(live))
    bench.agent("w2")  # the event that lets the other thread go on
    assert bench.town.wait(task.id, timeout=20).result == "done"
    thread.join()


def test_a_wait_for_an_unknown_thing_is_refused(bench):
    with pytest.raises(NotFoundError):
        bench.town.wait("t-00000000")


@pytest.mark.parametrize("verb", ["fail", "cancel"])
def test_a_task_that_failed_or_was_cancelled_ended_badly(bench, verb):
    task = bench.town.add_task("x")
    getattr(bench.town, verb)(task.id, reason="no way")
    with pytest.raises(EndedBadlyError, match="no way"):
        bench.town.wait(task.id)


def test_a_wait_runs_out(bench):
    agent = bench.agent()
    task = bench.town.assign("w1", "x")
    bench.take(agent)
    with pytest.raises(WaitTimeoutError):
        bench.town.wait(task.id, timeout=0.05)
    with pytest.raises(WaitTimeoutError):
        bench.town.wait("w1", timeout=0)


def test_a_mission_cannot_be_waited_for_yet(bench):
    with pytest.raises(NotFoundError, match="no mission `mission-9k3fq2xa7m`"):
        bench.town.wait("mission-9k3fq2xa7m")


def test_a_blocked_task_needs_a_person_at_once(bench):
    task = bench.town.add_task("x")
    bench.town.block(task.id, "which one?")
    with pytest.raises(NeedsAttentionError, match=r"needs_input.*tt attention answer"):
        bench.town.wait(task.id)


def test_a_task_behind_a_blocked_one_needs_a_person_too(bench):
    bench.agent()
    first = bench.town.assign("w1", "first")
    second = bench.town.add_task("second", depends_on=[first.id])
    bench.town.block(first.id, "which one?")
    with pytest.raises(NeedsAttentionError, match=f"is waiting, because of task `{first.id}`"):
        bench.town.wait(second.id)


def test_a_task_of_a_paused_agent_needs_a_person(bench):
    bench.agent()
    task = bench.town.assign("w1", "x")
    bench.town.interrupt("w1")
    with pytest.raises(NeedsAttentionError, match="agent_paused"):
        bench.town.wait(task.id)


def test_an_account_that_needs_a_log_in_needs_a_person(bench):
    agent = bench.agent()
    task = bench.town.assign("w1", "x")
    bench.end(bench.take(agent).round, "auth_required", detail="signed out")
    with pytest.raises(NeedsAttentionError, match="signed out"):
        bench.town.wait(task.id)


def test_what_only_takes_time_needs_nobody(bench):
    agent = bench.agent()
    task = bench.town.assign("w1", "x")
    bench.end(bench.take(agent).round, "rate_limited", retry_ms=600_000)
    with pytest.raises(WaitTimeoutError):
        bench.town.wait(task.id, timeout=0.05)


def test_without_a_node_a_person_is_called_unless_one_comes_soon(bench):
    bench.context.node_grace_secs = 0.05
    bench.agent()
    task = bench.town.assign("w1", "x")
    bench.node.runs = False
    with pytest.raises(NeedsAttentionError, match=rf"task `{task.id}` is assigned \(no_node\): no node runs here"):
        bench.town.wait(task.id)


def test_a_node_that_comes_up_in_time_is_waited_for(bench):
    agent = bench.agent()
    task = bench.town.assign("w1", "x")
    bench.node.runs = False

    def come_up():
        bench.node.runs = True
        live = bench.take(agent).round
        bench.inside(live).complete(task.id)
        bench.end(live)

    thread = bench.when("agent.spawned", come_up)
    bench.agent("w2", ready=False)
    assert bench.town.wait(task.id, timeout=20).state == "completed"
    thread.join()


def test_an_agent_with_nothing_to_do_is_done(bench):
    bench.agent()
    assert bench.town.wait("w1").name == "w1"


def test_an_agent_is_done_when_its_last_task_is(bench):
    agent = bench.agent()
    task = bench.town.assign("w1", "x")
    live = bench.take(agent).round
    bench.inside(live).complete(task.id)
    thread = bench.when("agent.spawned", lambda: bench.end(live))
    bench.agent("w2", ready=False)
    assert bench.town.wait("w1", timeout=20).round_id is None
    thread.join()


def test_a_task_of_the_agent_that_fails_meanwhile_ends_the_wait_badly(bench):
    agent = bench.agent()
    task = bench.town.assign("w1", "x")
    live = bench.take(agent).round
    bench.inside(live).fail(task.id, "no way")
    thread = bench.when("agent.spawned", lambda: bench.end(live))
    bench.agent("w2", ready=False)
    with pytest.raises(EndedBadlyError, match="no way"):
        bench.town.wait("w1", timeout=20)
    thread.join()


def test_mail_that_starts_a_round_is_open_work_and_news_is_not(bench):
    bench.agent()
    bench.town.send("w1", "news", kind="info")
    assert bench.town.wait("w1")
    bench.town.send("w1", "a question", kind="query")
    with pytest.raises(WaitTimeoutError):
        bench.town.wait("w1", timeout=0.05)


def test_backlog_that_the_agent_may_claim_is_open_work(bench):
    bench.agent("w1")
    bench.agent("critic", role="reviewer")
    bench.town.add_task("x")
    assert bench.town.wait("critic")
    with pytest.raises(WaitTimeoutError):
        bench.town.wait("w1", timeout=0.05)


def test_backlog_is_nobodys_where_agents_do_not_claim(make_bench):
    bench = make_bench("auto_claim = false")
    bench.agent()
    bench.town.add_task("x")
    assert bench.town.wait("w1")


def test_a_stopped_agent_is_done_whatever_it_left(bench):
    bench.agent()
    bench.town.assign("w1", "x")
    bench.town.kill("w1")
    assert bench.town.wait("w1").state == "stopped"


def test_an_agent_whose_every_task_is_blocked_needs_a_person_and_names_them_all(bench):
    bench.agent()
    tasks = [bench.town.assign("w1", str(number)) for number in range(3)]
    for task in tasks:
        bench.town.block(task.id, "why?")
    with pytest.raises(NeedsAttentionError) as caught:
        bench.town.wait("w1")
    assert all(task.id in str(caught.value) for task in tasks)


def test_a_blocked_task_does_not_end_the_wait_while_another_goes_on(bench):
    agent = bench.agent()
    bench.town.block(bench.town.assign("w1", "stuck").id, "why?")
    bench.town.assign("w1", "goes on")
    bench.take(agent)
    with pytest.raises(WaitTimeoutError):
        bench.town.wait("w1", timeout=0.05)


def test_unread_mail_of_the_conductor_needs_a_person(bench):
    assert bench.town.wait("conductor")
    bench.town.send("conductor", "please decide")
    with pytest.raises(NeedsAttentionError, match="mail_for_person"):
        bench.town.wait("conductor")


class Counting:
    """A storage that notes what it is asked."""

    def __init__(self, inner):
        self.inner = inner
        self.url = inner.url
        self.verbs = []

    def run(self, call, *, operation=None):
        self.verbs.append(call.verb)
        return self.inner.run(call, operation=operation)

    def __getattr__(self, name):
        return getattr(self.inner, name)


def test_a_look_at_many_open_tasks_of_which_one_moves_is_one_query(bench):
    agent = bench.agent()
    for number in range(40):
        bench.town.block(bench.town.assign("w1", str(number)).id, "why?")
    bench.town.assign("w1", "goes on")
    bench.take(agent)
    counting = Counting(bench.storage)
    with pytest.raises(WaitTimeoutError):
        Town(bench.context, counting).wait("w1", timeout=0)
    assert counting.verbs == ["wait_facts"]


def test_an_agent_with_very_many_blocked_tasks_needs_a_person_and_says_how_many_there_are(bench):
    bench.agent()
    for number in range(40):
        bench.town.block(bench.town.assign("w1", str(number)).id, "why?")
    counting = Counting(bench.storage)
    with pytest.raises(NeedsAttentionError, match="and 30 more"):
        Town(bench.context, counting).wait("w1")
    assert counting.verbs == ["wait_facts", *["why_facts"] * 20]


def test_a_task_behind_a_long_chain_is_judged_in_one_query(bench):
    agent = bench.agent()
    last = bench.town.assign("w1", "first")
    bench.take(agent)
    for number in range(30):
        last = bench.town.add_task(str(number), depends_on=[last.id])
    counting = Counting(bench.storage)
    with pytest.raises(WaitTimeoutError):
        Town(bench.context, counting).wait(last.id, timeout=0)
    assert counting.verbs == ["wait_facts"]


@pytest.mark.parametrize("place", ["memory", "server"])
def test_a_dead_node_elsewhere_is_not_alive_because_its_last_beat_is_of_the_future(make_bench, place, request):
    bench = make_bench("", request.getfixturevalue("server_url") if place == "server" else None)
    bench.join("n-00000002")
    bench.agent("w2", node="n-00000002")
    task = bench.town.assign("w2", "x")
    assert bench.town.why(task.id).causes[0].code != "node_lost"
    bench.clock.advance(-3 * 86_400_000)
    (lost,) = [cause for cause in bench.town.why(task.id).causes if cause.code == "node_lost"]
    assert "since the server's clock went back" in lost.text
    with pytest.raises(NeedsAttentionError):
        bench.town.wait(task.id, timeout=5)
    bench.join("n-00000002")
    assert bench.town.why(task.id).causes[0].code != "node_lost"
    with pytest.raises(WaitTimeoutError):
        bench.town.wait(task.id, timeout=0)

"""For everything that does not move there is a named cause; each row of the table is reached by a real situation."""

from __future__ import annotations

import attrs
import pytest
from tinytown.domain.ids import IdKind, new_id
from tinytown.services import causes
from tinytown.services.causes import Mover
from tinytown.services.why_tasks import APART
from tinytown.storage.calls import rounds
from tinytown.storage.calls import town as town_calls

GATES = '[gates]\ntest = "true"'
SCENES = {}
NODE, NONCE = "n-00000001", "one-life"  # those of the bench


def scene(code, config=""):
    """Note how a cause comes to be; the function gives what to ask about."""

    def note(build):
        SCENES[code] = (build, config)
        return build

    return note


def assigned(bench, **fields):
    agent = bench.agent(**fields)
    return agent, bench.town.assign(agent.name, "x")


def running(bench):
    agent, task = assigned(bench)
    return task, bench.take(agent).round


def ended(bench, *outcomes, **fields):
    """Run a task through rounds that end so."""
    agent, task = assigned(bench)
    for outcome in outcomes:
        bench.clock.advance(3_600_000)
        bench.beat()
        bench.end(bench.take(agent).round, outcome, **fields)
    return agent, task


def blocked(reason):
    def build(bench):
        from tinytown.storage.calls import tasks

        task = bench.town.add_task("x")
        bench.storage.run(tasks.block(task.id, reason))
        return task.id

    return build


for name in ("not_closed", "crashes", "rejected", "context_full", "too_many_rounds", "gate_unavailable", "uncommitted"):
    scene(name)(blocked(f"{name}: because"))
for name in ("budget", "needs_input", "on_hold"):
    scene(name)(blocked(f"{name}: because"))


@scene("no_node")
def _(bench):
    bench.town.stop()
    return assigned(bench)[1].id


@scene("node_stopping")
def _(bench):
    bench.leave("stopping")
    return assigned(bench)[1].id


@scene("node_down")
def _(bench):
    bench.join("n-00000002")
    bench.leave("down", "n-00000002")
    return assigned(bench, node="n-00000002")[1].id


@scene("node_lost")
def _(bench):
    bench.join("n-00000002")
    bench.clock.advance(60_000)
    return assigned(bench, node="n-00000002")[1].id


@scene("capacity_full")
def _(bench):
    bench.beat(running=4)
    return assigned(bench)[1].id


@scene("waits_for")
def _(bench):
    first = bench.town.add_task("first")
    return bench.town.add_task("second", depends_on=[first.id]).id


@scene("released_soon")
def _(bench):
    first = bench.town.add_task("first")
    many = [bench.town.add_task("x", depends_on=[first.id]) for _ in range(102)]
    bench.town.complete(first.id)
    return many[-1].id


@scene("dependency_failed")
def _(bench):
    first = bench.town.add_task("first")
    second = bench.town.add_task("second", depends_on=[first.id])
    bench.town.fail(first.id, "no way")
    return second.id


@scene("no_agent")
def _(bench):
    bench.agent()
    return bench.town.add_task("x", role="painter").id


@scene("no_agents")
def _(bench):
    return bench.town.add_task("x").id


@scene("agents_unable")
def _(bench):
    bench.agent()
    bench.town.interrupt("w1")
    return bench.town.add_task("x").id


@scene("auto_claim_off", "auto_claim = false")
def _(bench):
    bench.agent()
    return bench.town.add_task("x").id


@scene("agents_busy")
def _(bench):
    running(bench)
    return bench.town.add_task("x").id


@scene("claimed_soon")
def _(bench):
    bench.agent()
    return bench.town.add_task("x").id


@scene("behind")
def _(bench):
    assigned(bench)
    return bench.town.assign("w1", "later").id


@scene("task_backoff")
def _(bench):
    _agent, task = ended(bench, "crashed")
    bench.agent("w2")
    return bench.town.assign("w2", task.id).id


@scene("starts_soon")
def _(bench):
    return assigned(bench)[1].id


@scene("running")
def _(bench):
    return running(bench)[0].id


@scene("order")
def _(bench):
    task, _live = running(bench)
    bench.town.cancel(task.id, wait=False)
    return task.id


@scene("said")
def _(bench):
    task, live = running(bench)
    bench.inside(live).complete(task.id)
    return task.id


def verifying(bench):
    task = bench.town.add_task("x")
    return bench.town.complete(task.id).task


@scene("gate_soon", GATES)
def _(bench):
    return verifying(bench).id


@scene("gate_running", GATES)
def _(bench):
    task = verifying(bench)
    bench.gate_take(task)
    return task.id


@scene("gate_retry", GATES)
def _(bench):
    task = verifying(bench)
    bench.gate_end(bench.gate_take(task), "unavailable", outcome="failed", detail="no such program")
    return task.id


@scene("completed")
def _(bench):
    task = bench.town.add_task("x")
    return bench.town.complete(task.id).task.id


@scene("failed")
def _(bench):
    return bench.town.fail(bench.town.add_task("x").id, "no way").task.id


@scene("cancelled")
def _(bench):
    return bench.town.cancel(bench.town.add_task("x").id).task.id


@scene("agent_stopped")
def _(bench):
    _agent, task = assigned(bench)
    bench.town.kill("w1")
    return task.id


@scene("agent_removed")
def _(bench):
    agent = bench.agent()
    bench.town.kill("w1")
    bench.town.prune()
    return agent.id


@scene("agent_max_rounds")
def _(bench):
    agent = bench.agent(max_rounds=1)
    bench.town.assign("w1", "x")
    bench.end(bench.take(agent).round)
    bench.take(agent)
    return "w1"


@scene("agent_error")
def _(bench):
    from tinytown.storage.calls import agents

    agent = bench.agent(ready=False)
    bench.storage.run(agents.error(agent.id, 1, "no such program", node_id="n-00000001", nonce="one-life"))
    return "w1"


@scene("agent_paused")
def _(bench):
    _agent, task = assigned(bench)
    bench.town.interrupt("w1")
    return task.id


@scene("agent_draining")
def _(bench):
    running(bench)
    bench.town.close_agent("w1")
    return "w1"


@scene("agent_cold")
def _(bench):
    bench.agent(ready=False)
    return "w1"


@scene("agent_busy")
def _(bench):
    running(bench)
    return "w1"


@scene("agent_reading")
def _(bench):
    agent = bench.agent()
    bench.town.send("w1", "hello")
    bench.take(agent)
    return "w1"


@scene("round_ending")
def _(bench):
    _task, live = running(bench)
    bench.town.interrupt("w1", wait=False)
    return live.id


@scene("agent_backoff")
def _(bench):
    ended(bench, "crashed")
    return "w1"


@scene("parked")
def _(bench):
    ended(bench, "rate_limited", retry_ms=600_000)
    return "w1"


@scene("parked_probe")
def _(bench):
    from tinytown.storage.calls import agents

    one = bench.agent("w1", ready=False)
    two = bench.agent("w2", ready=False)
    for each in (one, two):
        call = agents.ready(each.id, 1, node_id="n-00000001", nonce="one-life", account="script:key")
        bench.storage.run(call)
        bench.town.assign(each.name, "x")
    bench.end(bench.take(one).round, "rate_limited", retry_ms=1_000)
    bench.clock.advance(2_000)
    assert bench.take(one).round
    return "w2"


@scene("parked_login")
def _(bench):
    ended(bench, "auth_required", detail="signed out")
    return "w1"


@scene("budget_spent")
def _(bench):
    agent, task = ended(bench, "interrupted", input_tokens=100)
    call = rounds.take(new_id(IdKind.ROUND), agent.id, node_id=NODE, nonce=NONCE, max_tokens=100)
    assert bench.storage.run(call).nothing == "budget"
    return task.id


@scene("mail_loop")
def _(bench):
    agent = bench.agent()
    for _ in range(20):
        bench.town.send("w1", "thanks")
        bench.end(bench.take(agent).round)
    bench.town.send("w1", "no, thank you")
    assert bench.take(agent).nothing == "mail_loop"
    return "w1"


@scene("agent_idle")
def _(bench):
    bench.agent()
    return "w1"


@scene("agent_task")
def _(bench):
    _agent, task = assigned(bench)
    bench.town.block(task.id, "which one?")
    return "w1"


@scene("conductor")
def _(bench):
    return "conductor"


@scene("mail_for_person")
def _(bench):
    return bench.town.send("conductor", "hello").message.id


@scene("mail_rides_along")
def _(bench):
    bench.agent()
    return bench.town.send("w1", "hello", kind="info").message.id


@scene("mail_quiet")
def _(bench):
    agent = bench.agent()
    bench.town.assign("w1", "x")
    inside = bench.inside(bench.take(agent).round)
    last = bench.town.send("w1", "0").message
    for number in range(6):
        last = inside.send("w1", str(number + 1), reply_to=last.id).message
    return last.id


@scene("mail_behind")
def _(bench):
    bench.agent()
    bench.town.send("w1", "first")
    return bench.town.send("w1", "second").message.id


def delivered(bench):
    agent = bench.agent()
    sent = bench.town.send("w1", "hello").message
    return sent, bench.take(agent).round


@scene("mail_delivered")
def _(bench):
    return delivered(bench)[0].id


@scene("mail_shown")
def _(bench):
    _task, live = running(bench)
    sent = bench.town.send("w1", "hello").message
    bench.inside(live).inbox()
    return sent.id


@scene("mail_read")
def _(bench):
    sent = bench.town.send("conductor", "hello").message
    conductor = attrs.evolve(bench.context, actor=attrs.evolve(bench.context.actor, by="conductor"))
    type(bench.town)(conductor, bench.storage).inbox()
    return sent.id


@scene("mail_handled")
def _(bench):
    sent, live = delivered(bench)
    bench.end(live)
    return sent.id


@scene("mail_dead")
def _(bench):
    agent = bench.agent()
    sent = bench.town.send("w1", "poison").message
    for _ in range(3):
        bench.clock.advance(3_600_000)
        bench.end(bench.take(agent).round, "crashed")
    return sent.id


@scene("mail_expired")
def _(bench):
    agent = bench.agent()
    sent = bench.town.send("w1", "quick", ttl_secs=1).message
    bench.clock.advance(5_000)
    bench.take(agent)
    return sent.id


@scene("round_live")
def _(bench):
    return running(bench)[1].id


@scene("round_ended")
def _(bench):
    _task, live = running(bench)
    bench.end(live)
    return live.id


@scene("node_up")
def _(bench):
    return "n-00000001"


@scene("item_open")
def _(bench):
    bench.town.block(bench.town.add_task("x").id, "why?")
    return bench.town.attention().items[0].id


@scene("item_closed")
def _(bench):
    bench.town.block(bench.town.add_task("x").id, "why?")
    return bench.town.dismiss(bench.town.attention().items[0].id).id


@scene("town_working")
def _(bench):
    bench.town.add_task("x")


@scene("town_idle")
def _(bench):
    return None


@pytest.mark.parametrize("place", ["memory", "server"])
@pytest.mark.parametrize("code", sorted(SCENES))
def test_each_cause_is_named_where_it_holds(make_bench, code, place, request):
    build, config = SCENES[code]
    bench = make_bench(config, request.getfixturevalue("server_url") if place == "server" else None)
    found = bench.town.why(build(bench))
    assert code in [each.code for each in found.causes]
    for each in found.causes:
        assert each.text[-1] not in ".{"
        assert each.mover is not Mover.PERSON or each.command


def test_every_row_of_the_table_has_a_situation():
    assert set(SCENES) == set(causes.CAUSES)


@pytest.mark.parametrize("place", ["memory", "server"])
@pytest.mark.parametrize("code", sorted(SCENES))
def test_a_wait_judges_in_one_query_as_the_explanation_does(make_bench, code, place, request):
    build, config = SCENES[code]
    bench = make_bench(config, request.getfixturevalue("server_url") if place == "server" else None)
    ref = build(bench)
    found = bench.town.why(ref)
    if found.kind not in {"task", "agent"}:
        return
    facts = bench.storage.run(
        town_calls.wait_facts(
            ref,
            local=bench.node.node_identity(None),
            runs=bench.node.runs,
            apart=sorted(APART),
            auto_claim=bench.context.config.auto_claim,
        )
    )
    assert (facts.moving is None) == found.needs_person

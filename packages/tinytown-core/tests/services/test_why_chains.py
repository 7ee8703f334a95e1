"""Chains of causes, and the promise that nothing is ever left without one."""

from __future__ import annotations

import random

import pytest
from tinytown.errors import TinytownError, UnknownCauseError
from tinytown.schedulers import roles
from tinytown.services import causes, why_tasks

GATES = '[gates]\ntest = "true"'


def test_a_cause_without_a_row_is_a_mistake_of_ours():
    with pytest.raises(UnknownCauseError) as caught:
        causes.cause("bad_luck", "t-00000000")
    assert caught.value.code == "unknown_cause"


def test_a_block_for_an_unknown_reason_is_never_explained_vaguely(bench):
    from tinytown.storage.calls import tasks

    task = bench.town.add_task("x")
    bench.storage.run(tasks.block(task.id, "moon_phase: full"))
    with pytest.raises(UnknownCauseError, match="moon_phase"):
        bench.town.why(task.id)


def test_the_missing_node_comes_before_every_other_cause(bench):
    bench.agent()
    bench.town.assign("w1", "x")
    task = bench.town.add_task("y", role="painter")
    bench.node.runs = False
    assert [each.code for each in bench.town.why(task.id).causes] == ["no_node", "no_agent"]
    assert bench.town.why().causes[0].code == "no_node"
    assert bench.town.why().causes[0].command == "tt start"


def test_a_node_that_ended_with_an_error_is_missing_with_its_last_words(bench):
    bench.agent()
    task = bench.town.assign("w1", "x")
    bench.node.runs = False
    log = bench.context.paths.node_log
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("2026-01-01 00:00:00,000 INFO ready\n2026-01-01 00:00:01,000 ERROR the password is wrong\n")
    assert bench.town.why(task.id).causes[0].text.endswith("; the last one ended with: the password is wrong")
    log.write_text("2026-01-01 00:00:00,000 ERROR once\n2026-01-01 00:00:01,000 INFO stopping\n")
    assert bench.town.why(task.id).causes[0].text == "no node runs here, so nothing is started"


def test_a_chain_of_dependencies_leads_to_the_one_to_act_on(bench):
    bench.agent()
    first = bench.town.assign("w1", "first")
    stuck = bench.town.add_task("stuck")
    bench.town.block(stuck.id, "which one?")
    middle = bench.town.add_task("middle", depends_on=[first.id, stuck.id])
    last = bench.town.add_task("last", depends_on=[middle.id])
    chain = bench.town.why(last.id).causes
    assert [each.code for each in chain] == ["waits_for", "waits_for", "needs_input"]
    assert chain[-1].ref == stuck.id
    item = bench.town.attention().items[0]
    assert chain[-1].command == f'tt attention answer {item.id} "TEXT"'


def test_a_long_chain_of_dependencies_is_followed_only_so_far(bench):
    bench.agent()
    last = bench.town.add_task("0")
    for number in range(300):
        last = bench.town.add_task(str(number + 1), depends_on=[last.id])
    chain = bench.town.why(last.id).causes
    assert len(chain) == why_tasks.LOOKED_AT + 1
    assert chain[-1].command


def test_many_shared_dependencies_are_read_once(bench):
    bench.agent()
    layer = [bench.town.add_task("base").id]
    for depth in range(12):
        layer = [bench.town.add_task(f"{depth}.{n}", depends_on=layer).id for n in range(4)]
    assert bench.town.why(layer[0]).causes[-1].code == "claimed_soon"


def test_who_may_take_what_is_as_the_scheduler_has_it():
    assert why_tasks.APART == roles.APART


@pytest.mark.parametrize("seed", range(8))
def test_whatever_happens_every_record_has_a_named_cause(make_bench, seed):
    bench = make_bench(GATES if seed % 2 else "")
    dice = random.Random(seed)
    workers = [bench.agent(f"w{n}") for n in range(3)]
    live, gates = [], []

    def task():
        found = bench.town.tasks(limit=1000).items
        return dice.choice(found).id if found else bench.town.add_task("x").id

    def take():
        bundle = bench.take(dice.choice(workers))
        live.extend([bundle.round] if bundle.round else [])

    def end():
        if live:
            outcomes = ["ok", "crashed", "rate_limited", "auth_required", "needs_input", "interrupted", "context_full"]
            gone = live.pop(dice.randrange(len(live)))
            gate = bench.context.config.gates
            bench.end(gone, dice.choice(outcomes), detail="d", gates=gate, head_after="abc")

    def gate():
        if gates:
            bench.gate_end(
                gates.pop(), dice.choice(["pass", "reject", "unavailable", "lost"]), findings="f", evidence={"a": 1}
            )
            return
        found = bench.town.tasks(state="verifying").items
        if found:
            started = bench.gate_take(found[0])
            gates.extend([started] if started else [])

    acts = [
        lambda: bench.town.add_task("x", depends_on=[task()] if dice.random() < 0.4 else []),
        lambda: bench.town.assign(dice.choice(workers).name, task(), wait=False),
        lambda: bench.town.cancel(task(), wait=False),
        lambda: bench.town.block(task(), "why?", wait=False),
        lambda: bench.town.unblock(task()),
        lambda: bench.town.requeue(task(), wait=False),
        lambda: bench.town.reopen(task()),
        lambda: bench.town.complete(task(), wait=False),
        lambda: live and bench.inside(live[0]).complete(live[0].task_id or "t-00000000"),
        lambda: bench.town.send(dice.choice(workers).name, "hi", kind=dice.choice(["task", "info"])),
        lambda: bench.town.interrupt(dice.choice(workers).name, wait=False),
        lambda: bench.town.resume(dice.choice(workers).name),
        lambda: bench.town.restart(dice.choice(workers).name, wait=False),
        lambda: bench.clock.advance(dice.choice([1_000, 60_000, 3_600_000])),
        take,
        take,
        end,
        end,
        gate,
        gate,
    ]
    for _ in range(120):
        try:
            dice.choice(acts)()
        except TinytownError as error:
            assert error.code != "unknown_cause"  # noqa: PT017 - only refusals may happen
        refs = [each.id for each in bench.town.tasks(limit=1000).items] + [each.id for each in workers]
        for ref in [*dice.sample(refs, min(4, len(refs))), None]:
            assert bench.town.why(ref).causes

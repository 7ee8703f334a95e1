"""Every way in which a town can need a person makes one item, and each of its suggestions can be done just then."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from tinytown import Town
from tinytown.config.paths import TownPaths
from tinytown.config.server_source import ServerChoice
from tinytown.config.town import load_town
from tinytown.services.context import TownContext
from tinytown.storage.calls import agents, tasks
from tinytown.testing.hands import NODE, NONCE, Hands, gates
from tinytown.testing.subjects import memory_subject
from tinytown_cli.context import Context
from tinytown_cli.parse import bind, find
from tinytown_cli.table import by_path
from tinytown_cli.words import split

Way = Callable[[Hands], None]
HOUR_MS = 3_600_000


def _rounds(outcome: str, count: int, **more: str) -> Way:
    """An agent has some rounds on one task that end so."""

    def way(town: Hands) -> None:
        town.spawn()
        town.add(agent="w1")
        for _ in range(count):
            town.end(town.begin("w1"), outcome, **more)
            town.clock.advance(HOUR_MS)

    return way


def _asks(town: Hands) -> None:
    town.spawn()
    ref = town.add(agent="w1").id
    live = town.begin("w1")
    town.run(tasks.block(ref, "needs_input: Which colour?", round_id=live.id))
    town.end(live)


def _on_hold(town: Hands) -> None:
    town.run(tasks.block(town.add().id, "on_hold: after the fair"))


def _rejected(town: Hands) -> None:
    town.spawn()
    ref = town.add(agent="w1").id
    for _ in range(3):
        live = town.begin("w1")
        town.submit(ref, live)
        town.end(live, gates=gates("tests"), head_after="c0ffee")
        town.end_gate(town.begin_gate(ref), "reject", findings="it rains in")


def _no_gate(town: Hands) -> None:
    ref = town.add().id
    town.submit(ref, gates=gates("tests"), gate_node=NODE)
    for _ in range(10):
        if town.task(ref).state == "blocked":
            break
        town.end_gate(town.begin_gate(ref), "unavailable", detail="no shell")
        town.clock.advance(HOUR_MS)


def _too_many(town: Hands) -> None:
    town.spawn()
    town.add(agent="w1")
    town.end(town.begin("w1"), "interrupted")
    assert town.take("w1", max_rounds_per_task=1).round is None


def _failed(town: Hands) -> None:
    ref = town.add().id
    for _ in range(3):
        town.add(depends_on=[ref])
    town.run(tasks.fail(ref, "no way"))


def _no_program(town: Hands) -> None:
    agent = town.spawn(ready=False)
    town.run(agents.error(agent.id, 1, "no such program", node_id=NODE, nonce=NONCE))


def _mail_rounds(outcome: str, count: int) -> Way:
    def way(town: Hands) -> None:
        town.spawn()
        town.send("w1", "poison")
        for _ in range(count):
            town.end(town.begin("w1"), outcome)
            town.clock.advance(HOUR_MS)

    return way


def _crashes(town: Hands) -> None:
    town.spawn()
    for _ in range(6):
        ref = town.add(agent="w1").id
        town.end(town.begin("w1"), "crashed")
        town.run(tasks.cancel(ref))
        town.clock.advance(HOUR_MS)


def _expired(town: Hands) -> None:
    town.spawn()
    town.send("w1", "now or never", kind="info", ttl_ms=10)
    town.clock.advance(HOUR_MS)
    town.take("w1")


def _talks_much(town: Hands) -> None:
    town.spawn()
    for _ in range(2):
        town.send("w1")
        town.end(town.begin("w1"))
    town.send("w1")
    assert town.take("w1", mail_rounds_per_hour=2).nothing == "mail_loop"


def _back_and_forth(town: Hands) -> None:
    for name in ("w1", "w2"):
        town.spawn(name)
    first = town.send("w1")
    live = town.begin("w1")
    town.send("w2", reply_to=first.id, round_id=live.id, max_hops=0)
    town.end(live)


def _spent(town: Hands) -> None:
    town.spawn()
    town.add(agent="w1")
    live = town.begin("w1")
    town.submit(live.task_id or "", live)
    town.end(live, input_tokens=200)
    town.add(agent="w1")
    assert town.take("w1", max_tokens=100).nothing == "budget"


WAYS: dict[str, tuple[str, Way]] = {
    "an agent asks": ("needs_input", _asks),
    "a round ends with a question": ("needs_input", _rounds("needs_input", 1, detail="Which colour?")),
    "a person holds it": ("on_hold", _on_hold),
    "never closed": ("not_closed", _rounds("ok", 3)),
    "too long for the agent": ("context_full", _rounds("context_full", 3)),
    "crashes": ("crashes", _rounds("crashed", 3)),
    "rejected again and again": ("rejected", _rejected),
    "a gate cannot run": ("gate_unavailable", _no_gate),
    "too many rounds": ("too_many_rounds", _too_many),
    "what it needs has failed": ("dependency_failed", _failed),
    "signed out": ("auth_required", _rounds("auth_required", 1)),
    "no program": ("start_failed", _no_program),
    "a round that cannot start": ("start_failed", _rounds("start_failed", 1)),
    "an agent that always crashes": ("agent_error", _crashes),
    "no room": ("disk_full", _rounds("disk_full", 1)),
    "poisoned mail": ("dead_letter", _mail_rounds("crashed", 3)),
    "mail that nobody read": ("expired", _expired),
    "an agent that only talks": ("mail_loop", _talks_much),
    "mail that goes back and forth": ("mail_loop", _back_and_forth),
    "no money left": ("budget_spent", _spent),
}
COMMANDS_AT_MOST = 3


def _town(tmp_path: Path, way: str) -> tuple[Hands, Town]:
    file = tmp_path / "tinytown.toml"
    file.write_text('name = "kit"\n[budget]\nmax_tokens = 100\n')
    hands = Hands(memory_subject())
    WAYS[way][1](hands)
    context = TownContext(
        root=tmp_path,
        config=load_town(file),
        paths=TownPaths(tmp_path),
        server=ServerChoice(url="memory:", source="default"),
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    return hands, Town(context, hands.subject.first)


@pytest.mark.parametrize("way", WAYS)
def test_every_way_makes_one_item(tmp_path: Path, way: str) -> None:
    hands, town = _town(tmp_path, way)
    assert [item.kind for item in town.attention().items] == [WAYS[way][0]]
    (item,) = hands.open_items()
    assert item.text
    assert 1 <= len(item.suggestions) <= COMMANDS_AT_MOST


@pytest.mark.parametrize("at", range(COMMANDS_AT_MOST))
@pytest.mark.parametrize("way", WAYS)
def test_every_suggestion_can_be_done(tmp_path: Path, way: str, at: int, capsys: pytest.CaptureFixture[str]) -> None:
    _hands, town = _town(tmp_path, way)
    for line in town.attention().items[0].suggestions[at : at + 1]:
        flags, words = split(shlex.split(line)[1:])
        found = find(words, by_path())
        assert found is not None, line
        bound = bind(*found)
        assert bound is not None, line
        module, _, function = bound.command.target.partition(":")
        context = Context(flags._replace(town=str(tmp_path)))
        context.adopt(town)
        getattr(import_module(f"tinytown_cli.commands.{module}"), function)(context, **bound.values)
        assert "error" not in capsys.readouterr().err


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_closes_the_item_and_leaves_nothing_that_only_waited_for_it(tmp_path: Path, way: str) -> None:
    hands, town = _town(tmp_path, way)
    item = town.attention().items[0]
    answered = town.answer(item.id, "do it the second way")
    assert (answered.state, answered.answer) == ("answered", "do it the second way")
    assert hands.open_items() == []
    assert not [task for task in town.tasks().items if task.state == "blocked"]
    if item.ref.startswith("t-"):
        assert town.task(item.ref).answer == "do it the second way"
    elif item.ref != "town":
        reader = item.ref if item.ref.startswith("a-") else "w1"
        assert any(mail.body.endswith("do it the second way") for mail in town.inbox(reader).items)


@pytest.mark.parametrize("way", WAYS)
def test_a_dismissal_takes_it_off_the_list_and_changes_no_task(tmp_path: Path, way: str) -> None:
    hands, town = _town(tmp_path, way)
    before = [(task.id, task.state) for task in town.tasks().items]
    assert town.dismiss(town.attention().items[0].id).state == "dismissed"
    assert hands.open_items() == []
    assert [(task.id, task.state) for task in town.tasks().items] == before

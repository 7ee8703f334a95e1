"""The tables of states: complete, spoken by calls, and the same in the documentation."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tinytown.domain import states
from tinytown.domain.outcomes import COUNTED, UNCOUNTED, Outcome
from tinytown.domain.states import TABLES, TASK, AgentState, Wanted, shown_agent_state
from tinytown.storage.calls import agents, edits, mail, nodes, rounds, tasks, town
from tinytown.storage.protocol import Call
from tinytown.testing.state_pages import PAGES, generated, renewed

DOCS = Path(__file__).parents[4] / "docs"


@pytest.mark.parametrize("kind", sorted(TABLES))
def test_every_state_can_be_reached_and_is_in_the_table_of_its_kind(kind: str) -> None:
    rows = TABLES[kind].values()
    every = set(type(next(iter(next(iter(rows)).targets))))
    reached = {state for row in rows for state in row.targets}
    assert reached == every
    assert all(row.sources <= every and row.targets for row in rows)
    assert all(row.verb == name for name, row in TABLES[kind].items())


def _sample(module: ModuleType) -> list[Call[Any]]:
    """One call of every function of a module of calls."""
    made: list[Call[Any]] = []
    for name, function in inspect.getmembers(module, inspect.isfunction):
        if name.startswith("_") or function.__module__ != module.__name__:
            continue
        needed = [
            parameter
            for parameter in inspect.signature(function).parameters.values()
            if parameter.default is parameter.empty
        ]
        given = {parameter.name: _value(parameter) for parameter in needed}
        if function is agents.want:
            made += [agents.want("w1", verb) for verb in ("interrupt", "resume", "close", "kill", "restart")]
        else:
            made.append(function(**given))
    return made


def _value(parameter: inspect.Parameter) -> Any:
    known = {"report": rounds.RoundReport(outcome="ok"), "verb": "answer", "state": "down", "result": "pass"}
    known["values"] = {"role": "x"}
    number = str(parameter.annotation).startswith("int")
    return known.get(parameter.name, 1 if number else "x")


CALLS = [call for module in (tasks, edits, agents, mail, rounds, nodes, town) for call in _sample(module)]


def test_every_verb_of_the_task_is_spoken_by_a_call() -> None:
    carried = {name for call in CALLS for name in call.args.get("from", {})}
    assert {f"task.{verb}" for verb in TASK} - carried == {"task.add"}
    assert any(call.verb == "task_add" for call in CALLS)


def test_every_call_carries_the_states_of_the_table() -> None:
    for call in CALLS:
        for name, allowed in call.args.get("from", {}).items():
            kind, _dot, verb = name.partition(".")
            assert allowed == states.sources_of(kind, verb)


def test_a_closed_task_is_only_reopened() -> None:
    assert {row.verb for row in TASK.values() if row.sources & states.CLOSED_TASKS} == {"reopen"}
    assert not states.OPEN_TASKS & states.CLOSED_TASKS


def test_every_outcome_counts_or_not() -> None:
    assert not COUNTED & UNCOUNTED
    assert set(Outcome) - COUNTED - UNCOUNTED == {Outcome.OK, Outcome.NEEDS_INPUT, Outcome.CONTEXT_FULL}


@pytest.mark.parametrize("state", list(AgentState))
@pytest.mark.parametrize("wanted", list(Wanted))
def test_an_agent_is_shown_by_one_word(state: AgentState, wanted: Wanted) -> None:
    words = {"cold", "starting", "idle", "working", "paused", "draining", "stopped", "error", "removed"}
    assert shown_agent_state(state, wanted, live_round=False) in words
    assert shown_agent_state("working", wanted, live_round=True) == "working"
    if wanted == Wanted.RUN:
        assert shown_agent_state(state, wanted, live_round=False) == state


@pytest.mark.parametrize("page", sorted(PAGES))
def test_the_documentation_shows_the_tables_as_they_are(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    assert generated(PAGES[page]) in text
    assert renewed(text, PAGES[page]) == text

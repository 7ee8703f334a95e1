"""The invariants notice what they are for: each of these contradictions is planted into a sound town and found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tinytown.storage.calls import tasks
from tinytown.storage.memory.tx import Members, SortedSet
from tinytown.testing import invariants
from tinytown.testing.hands import NODE, Hands, gates
from tinytown.testing.subjects import MemorySubject, memory_subject

Data = dict[str, Any]


@pytest.fixture
def town() -> Hands:
    """A town with something of everything; its records come in a known order."""
    hands = Hands(memory_subject())
    for name in ("w1", "w2", "w3"):
        hands.spawn(name)
    first = hands.add(agent="w1")
    hands.add(depends_on=[first.id])
    hands.add(role="mason")
    hands.run(tasks.submit(hands.add().id, gates=gates("tests"), gate_node=NODE))
    hands.run(tasks.block(hands.add().id, "question: ?"))
    hands.send("w1")
    hands.begin("w1")
    hands.send("w2")
    hands.add(agent="w3")
    return hands


def _data(town: Hands) -> Data:
    assert isinstance(town.subject, MemorySubject)
    return town.subject.first.town.data


def _first(data: Data, kind: str, **fields: str) -> Any:
    return next(
        record
        for name, record in data.items()
        if name.startswith(kind + ":") and all(record.get(key) == value for key, value in fields.items())
    )


def _agent(data: Data, name: str) -> str:
    return str(data["names"][name])


DAMAGE: Mapping[str, Callable[[Data], Any]] = {
    "a task in two states": lambda d: d["tasks:pending"].update({_first(d, "task", state="running")["id"]: 1.0}),
    "a task in no state": lambda d: d["tasks:pending"].clear(),
    "a task outside the backlog": lambda d: d.pop("backlog:mason"),
    "a task outside the list of all": lambda d: d["tasks"].popitem(),
    "a task outside its queue": lambda d: d.pop(f"queue:{_agent(d, 'w3')}"),
    "a task that its agent forgot": lambda d: d.pop(f"mine:{_agent(d, 'w3')}"),
    "a gate that nobody runs": lambda d: d.pop(f"verify:{NODE}"),
    "a wait for nothing": lambda d: [d.pop(key) for key in list(d) if key.startswith(("blockers:", "dependents:"))],
    "a wait in one direction": lambda d: [d.pop(key) for key in list(d) if key.startswith("dependents:")],
    "mail in no lane": lambda d: d.pop(f"lane:{_agent(d, 'w2')}:normal"),
    "mail that does not wake": lambda d: d.pop(f"waking:{_agent(d, 'w2')}"),
    "mail in no round": lambda d: _first(d, "round").pop("messages"),
    "mail handled without a time": lambda d: _first(d, "message", state="delivered").update(state="handled"),
    "a round that goes on unlisted": lambda d: d.pop("live"),
    "a round to be ended that nobody asked for": lambda d: d.update(
        {f"ends:{NODE}": Members({_first(d, "round")["id"]})}
    ),
    "an agent without its round": lambda d: _first(d, "agent", name="w1").pop("round_id"),
    "an agent with work that is not due": lambda d: d.pop(f"due:{NODE}"),
    "an agent that works and is due": lambda d: d[f"due:{NODE}"].update({_agent(d, "w1"): 0.0}),
    "an agent that should have stopped": lambda d: _first(d, "agent", name="w2").update(wanted="stopped"),
    "a name of nobody": lambda d: d["names"].update(ghost="a-zzzzzzzz"),
    "an item that nobody lists": lambda d: d.pop("attention"),
    "an item about a task that goes on": lambda d: _first(d, "task", state="blocked").update(reason="weather: rain"),
    "an id of nothing": lambda d: d["ids"].update({"t-zzzzzzzz": 0.0}),
    "two records of one number": lambda d: _first(d, "task").update(seq=_first(d, "agent")["seq"]),
    "a key of nothing": lambda d: d.update({"queue:a-zzzzzzzz": SortedSet()}),
    "a key that nobody knows": lambda d: d.update({"secrets": Members({"x"})}),
    "a change without an event": lambda d: d["events"].pop(),
    "a move that no table has": lambda d: d["events"][-2][1].update(new="completed"),
    "an order without a round": lambda d: _first(d, "task", state="pending").update(order={"verb": "cancel"}),
    "a freed task of nobody": lambda d: d.update({"freed": SortedSet({"t-zzzzzzzz": 1.0})}),
}


@pytest.mark.parametrize("name", sorted(DAMAGE))
def test_a_contradiction_is_found(town: Hands, name: str) -> None:
    assert invariants.check(town.subject.dump()) == []
    DAMAGE[name](_data(town))
    assert invariants.check(town.subject.dump())

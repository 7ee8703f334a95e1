"""Records and JSON: nothing is lost on the way, newer fields do no harm, names are those that were promised."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from tinytown.domain.records import Agent, Attention, Event, Message, Node, Round, Task
from tinytown.domain.states import TaskState
from tinytown.storage import codec
from tinytown.testing.hands import Hands, gates
from tinytown.testing.subjects import memory_subject

PROMISED = {
    Task: "id description state agent agent_id role tags depends_on parent_id mission_id attempt rejections crashes "
    "reminders reason result evidence branch created_by created_at updated_at started_at closed_at input_tokens "
    "output_tokens cost_usd",
    Agent: "id name nickname label role cli model state wanted incarnation node parent_id task_id round_id urgent_mail "
    "mail rounds_completed tasks_completed input_tokens output_tokens cost_usd created_at last_active_at",
    Message: "id from from_id to to_id kind urgent body state deliveries reply_to created_at shown_at handled_at",
    Round: "id agent agent_id incarnation number kind task_id workspace started_at ended_at exit_code outcome "
    "session_id head_before head_after log input_tokens output_tokens cost_usd",
    Attention: "id kind ref text suggestions state answer created_at",
    Event: "id type at task_id agent_id message_id round_id mission_id node_id old new",
    Node: "id name pid host state capacity running agents started_at",
}


def _filled(kind: type[Any]) -> dict[str, Any]:
    """Plain fields of a record, as a storage answers them, for as many as have a simple form."""
    data: dict[str, Any] = {"id": "x-1"}
    for field in attrs.fields(kind):
        annotation = str(field.type)
        if field.name == "state":
            data["state"] = next(iter(codec_states(kind)))
        elif annotation.startswith("int"):
            data[field.name] = 1_800_000_000_000
        elif annotation.startswith("str"):
            data[field.name] = f"some {field.name} ✓"
    return data


def codec_states(kind: type[Any]) -> list[str]:
    from tinytown.domain.states import TABLES

    table = TABLES[kind.__name__.lower()]
    return sorted(str(state) for row in table.values() for state in row.targets)


@pytest.mark.parametrize("kind", [Task, Agent, Message, Round, Attention, Node])
def test_a_record_keeps_every_field_on_its_way(kind: type[Any]) -> None:
    data = _filled(kind)
    made = codec.record(kind, data)
    assert {name: getattr(made, name) for name in data} == data
    assert codec.record(kind, attrs.asdict(made)) == made


@pytest.mark.parametrize("kind", [Task, Agent, Message, Round, Attention, Node])
def test_fields_of_a_newer_program_are_left_out(kind: type[Any]) -> None:
    data = _filled(kind)
    assert codec.record(kind, {**data, "invented_later": [1], "tags": {}}) == codec.record(kind, data)


@pytest.mark.parametrize("kind", sorted(PROMISED, key=str))
def test_json_has_every_field_that_was_promised(kind: type[Any]) -> None:
    data = {"id": "x-1", "type": "task.added"} if kind is Event else _filled(kind)
    shown = codec.as_json(codec.record(kind, data))
    assert set(PROMISED[kind].split()) <= set(shown)
    assert json.loads(json.dumps(shown)) == shown
    assert all(name == name.lower() for name in shown)


def test_times_and_money_are_shown_as_people_read_them() -> None:
    task = Task(id="t-1", description="x", state=TaskState.PENDING, created_at=1_800_000_000_125, cost_micros=1_500)
    shown = codec.as_json(task)
    assert shown["created_at"] == "2027-01-15T08:00:00.125Z"
    assert shown["closed_at"] is None
    assert shown["cost_usd"] == 0.0015
    assert "order" not in shown
    assert "seq" not in shown


def test_an_agent_is_shown_paused_between_rounds_and_working_inside_one() -> None:
    town = Hands(memory_subject())
    town.spawn("w1", nickname="max", role="mason")
    town.add(agent="w1", gates=gates("tests"))
    live = town.begin("w1")
    town.want("w1", "interrupt")
    assert codec.as_json(town.agent("w1"))["state"] == "working"
    town.end(live, "interrupted")
    shown = codec.as_json(town.agent("w1"))
    assert (shown["state"], shown["wanted"], shown["label"]) == ("paused", "paused", "max [mason]")


def test_nested_fields_become_records_of_their_own() -> None:
    town = Hands(memory_subject())
    task = town.add(gates=gates("lint", "tests"), tags=["roof"])
    assert [gate.name for gate in town.task(task.id).gates] == ["lint", "tests"]
    shown = codec.as_json(town.task(task.id))
    assert shown["tags"] == ["roof"]
    assert shown["gates"][0]["name"] == "lint"

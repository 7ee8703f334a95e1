"""The keys of a town made anew from its records, in parts that are small enough to be written in one script each."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, cast

from tinytown.domain.ids import CONDUCTOR_ID
from tinytown.storage.saves.town import PLACES, TOWN_NUMBERS, Fields, SavedTown

Key = tuple[str, str, Any]
"""Name, type and value: fields, members with scores, members, JSON texts, or entries."""

MEMBERS_AT_ONCE = 500
BYTES_AT_ONCE = 512 * 1024
ROUNDS_KEPT = 100
CLOSED = frozenset({"completed", "failed", "cancelled"})
WAKING = frozenset({"task", "query"})


def batches(town: SavedTown, nonce: str) -> Iterator[list[Key]]:
    """Give all keys in parts.

    Args:
        town: What is to be written.
        nonce: Stands for the lease of every node until it joins; nobody knows it.
    """
    batch: list[Key] = []
    members = size = 0
    for name, kind, value in _keys(town, nonce):
        for part in _parts(kind, value):
            weight = len(json.dumps(part, ensure_ascii=False).encode())
            if batch and (members + len(part) > MEMBERS_AT_ONCE or size + weight > BYTES_AT_ONCE):
                yield batch
                batch, members, size = [], 0, 0
            batch.append((name, kind, part))
            members, size = members + len(part), size + weight
    if batch:
        yield batch


def _parts(kind: str, value: Any) -> Iterator[Any]:
    """Cut what many members belong to; a record and a history are small and stay whole."""
    if kind in ("hash", "list") or len(value) <= MEMBERS_AT_ONCE:
        yield value
        return
    named = isinstance(value, dict)
    members: Iterator[Any] = iter(cast("Any", value).items() if named else value)
    while part := list(islice(members, MEMBERS_AT_ONCE)):
        yield dict(part) if named else part


def _keys(town: SavedTown, nonce: str) -> Iterator[Key]:
    for kind, records in town.records.items():
        for ref, fields in records.items():
            yield f"{kind}:{ref}", "hash", _stored(kind, fields, nonce)
            if history := fields.get("history"):
                yield f"history:{ref}", "list", [_json(line) for line in history]
            if blockers := fields.get("blockers"):
                yield f"blockers:{ref}", "set", blockers
    sets, members = _sorted_sets(town), _sets(town)
    yield from ((name, "zset", sets[name]) for name in sorted(sets))
    yield from ((name, "set", members[name]) for name in sorted(members))
    yield from ((name, "hash", fields) for name, fields in _hashes(town) if fields)
    if town.events:
        yield "events", "stream", [[ref, dict(fields)] for ref, fields in town.events]


def _stored(kind: str, fields: Fields, nonce: str) -> dict[str, Any]:
    """Write a record as a storage holds it: what is nested as JSON in a list of one."""
    apart = {"history", "blockers", *PLACES.get(kind, ()), *(("id",) if kind == "parked" else ())}
    found = {
        name: [_json(value)] if isinstance(value, (list, dict)) else value
        for name, value in fields.items()
        if name not in apart
    }
    return {**found, "nonce": nonce, "pid": 0, "beat": 0, "beat_at": 0} if kind == "node" else found


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _sorted_sets(town: SavedTown) -> Mapping[str, dict[str, float]]:
    """Make every sorted set: those by creation, and those whose places the records say."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for records in town.records.values():
        for ref, fields in records.items():
            if "seq" in fields:
                found["ids"][ref] = 0
    for ref, task in town.records["task"].items():
        for name, score in _of_task(task):
            found[name][ref] = score
        for needed in task.get("blockers", ()):
            found[f"dependents:{needed}"][ref] = task["seq"]
    for ref, message in town.records["message"].items():
        if message["state"] == "queued" or (message["state"] == "shown" and message["to_id"] == CONDUCTOR_ID):
            found[f"lane:{message['to_id']}:{'urgent' if message.get('urgent') else 'normal'}"][ref] = message["seq"]
            if message["state"] == "queued" and message.get("expires_at"):
                found["expiring"][ref] = message["expires_at"]
    for ref, agent in town.records["agent"].items():
        if _works(ref, agent):
            found["agents"][ref] = agent["seq"]
            if "node" in agent:
                found[f"hosted:{agent['node']}"][ref] = agent["seq"]
        for place in PLACES["agent"]:
            if place in agent:
                found[f"{place}:{agent['node']}"][ref] = agent[place]
    for ref, live in town.records["round"].items():
        agent = town.records["agent"].get(live.get("agent_id", ""), {})
        if live["kind"] == "work" and live["number"] > agent.get("round_number", 0) - ROUNDS_KEPT:
            found[f"rounds:{live['agent_id']}"][ref] = live["number"]
    for ref, item in town.records["attention"].items():
        if item["state"] == "open":
            found["attention"][ref] = item["seq"]
    return found


def _works(ref: str, agent: Fields) -> bool:
    """Say whether an agent is listed: the conductor is none, and one that was removed is only remembered."""
    return ref != CONDUCTOR_ID and agent["state"] != "removed"


def _of_task(task: Fields) -> Iterator[tuple[str, float]]:
    """Name the sorted sets that a task stands in, and its place there."""
    state, seq, agent = task["state"], task["seq"], task.get("agent_id")
    yield "tasks", seq
    yield f"tasks:{state}", seq
    if agent:
        yield (f"done:{agent}:{state}" if state in CLOSED else f"mine:{agent}"), seq
    if state == "pending":
        yield f"backlog:{task.get('role', '')}", seq
    if state == "assigned":
        yield f"queue:{agent}", seq
    if "verify" in task:
        yield f"verify:{task['gate_node']}", task["verify"]
    if "freed" in task:
        yield "freed", task["freed"]


def _sets(town: SavedTown) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for ref, message in town.records["message"].items():
        if message["state"] == "queued" and message["kind"] in WAKING and not message.get("quiet"):
            found[f"waking:{message['to_id']}"].append(ref)
    for ref, live in _live(town):
        found["live"].append(ref)
        if live.get("end_requested") and live.get("node"):
            found[f"ends:{live['node']}"].append(ref)
    found["nodes"] = list(town.records["node"])
    return {name: members for name, members in found.items() if members}


def _live(town: SavedTown) -> Iterable[tuple[str, Fields]]:
    return ((ref, fields) for ref, fields in town.records["round"].items() if fields["state"] == "live")


def _hashes(town: SavedTown) -> Iterator[tuple[str, dict[str, Any]]]:
    workers = [(ref, agent) for ref, agent in town.records["agent"].items() if _works(ref, agent)]
    names = {agent[key]: ref for ref, agent in workers for key in ("name", "nickname") if agent.get(key)}
    yield from _cut("names", names)
    tasks = town.records["task"].items()
    yield from _cut("plan", {task["plan_id"]: ref for ref, task in tasks if "plan_id" in task})
    items = town.records["attention"].items()
    yield from _cut("attention_by", {f"{i['kind']}:{i['ref']}": ref for ref, i in items if i["state"] == "open"})
    kept = {f"reserved_{what}": sum(live.get(f"reserve_{what}", 0) for _ref, live in _live(town)) for what in _KEPT}
    numbers = {name: town.numbers[name] for name in TOWN_NUMBERS if name in town.numbers}
    yield "town", {**numbers, **{name: value for name, value in kept.items() if value}}


_KEPT = ("tokens", "micros")


def _cut(name: str, fields: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    pairs = iter(fields.items())
    while part := dict(islice(pairs, MEMBERS_AT_ONCE)):
        yield name, part

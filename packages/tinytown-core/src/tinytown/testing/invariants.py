"""What must always hold between the records of a town and its indexes: every key is explained by a record.

`check` reads a whole dump, so it is for tests: after each step of the property test, and after a fault.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tinytown.domain.ids import CONDUCTOR_ID
from tinytown.testing.dumps import Dump
from tinytown.testing.replay import Event, broken_moves, replayed_states

CLOSED = {"completed", "failed", "cancelled"}
WAKING = {"task", "query"}
_RECORDS = ("task", "agent", "message", "round", "attention", "node")

Fields = Mapping[str, str]


class Facts:
    """A dump, read as records and indexes."""

    def __init__(self, dump: Dump) -> None:
        self.dump = dump
        self.tasks, self.agents, self.messages, self.rounds, self.items, self.nodes = (
            dict(self._records(kind)) for kind in _RECORDS
        )

    def _records(self, kind: str) -> Iterator[tuple[str, Fields]]:
        for name, key in self.dump.items():
            if name.startswith(kind + ":") and key.kind == "hash":
                yield name.removeprefix(kind + ":"), key.value

    def scores(self, name: str) -> Mapping[str, float]:
        """A sorted set, perhaps empty."""
        return self.dump[name].value if name in self.dump else {}

    def members(self, name: str) -> set[str]:
        """A set, perhaps empty."""
        return set(self.dump[name].value) if name in self.dump else set()

    def named(self, prefix: str) -> Iterator[tuple[str, Any]]:
        """All keys that begin with a text: the rest of the name, and the value."""
        for name, key in self.dump.items():
            if name.startswith(prefix):
                yield name.removeprefix(prefix), key.value


def check(dump: Dump, *, events: bool = True) -> list[str]:
    """List what does not hold in a town; an empty list is a sound town.

    Args:
        dump: All its keys.
        events: Compare the states of all records with the history too; only while nothing of it was trimmed.

    Returns:
        One sentence for each contradiction.
    """
    facts = Facts(dump)
    found = [*_tasks(facts), *_waits(facts), *_plan(facts), *_mail(facts), *_rounds(facts), *_agents(facts)]
    found += _rest(facts)
    if events:
        found += _history(facts)
    return found


def _same(what: str, found: Mapping[str, Any] | set[str], expected: Mapping[str, Any] | set[str]) -> Iterator[str]:
    if found != expected:
        yield f"{what}: holds {found}, should hold {expected}"


def _numbered(records: Mapping[str, Fields], refs: Iterable[str]) -> dict[str, float]:
    return {ref: float(records[ref]["seq"]) for ref in refs}


def _indexed(
    facts: Facts, prefix: str, expected: Mapping[str, set[str]], records: Mapping[str, Fields]
) -> Iterator[str]:
    """Each sorted set of a family holds exactly the records that belong there, in the order of their making."""
    for name in {name for name, _value in facts.named(prefix)} | set(expected):
        wanted = _numbered(records, expected.get(name, set()))
        yield from _same(prefix + name, facts.scores(prefix + name), wanted)


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    groups: dict[str, set[str]] = {}
    for name, ref in pairs:
        groups.setdefault(name, set()).add(ref)
    return groups


def _tasks(facts: Facts) -> Iterator[str]:
    tasks = facts.tasks
    yield from _same("tasks", facts.scores("tasks"), _numbered(tasks, tasks))
    by_state = _grouped((task["state"], ref) for ref, task in tasks.items())
    yield from _indexed(facts, "tasks:", by_state, tasks)
    pending = _grouped((task.get("role", ""), ref) for ref, task in tasks.items() if task["state"] == "pending")
    yield from _indexed(facts, "backlog:", pending, tasks)
    assigned = _grouped((task.get("agent_id", "?"), ref) for ref, task in tasks.items() if task["state"] == "assigned")
    yield from _indexed(facts, "queue:", assigned, tasks)
    mine = _grouped((t["agent_id"], ref) for ref, t in tasks.items() if t.get("agent_id") and t["state"] not in CLOSED)
    yield from _indexed(facts, "mine:", mine, tasks)
    done = _grouped(
        (f"{t['agent_id']}:{t['state']}", ref) for ref, t in tasks.items() if t.get("agent_id") and t["state"] in CLOSED
    )
    yield from _indexed(facts, "done:", done, tasks)
    verify = _grouped(
        (task.get("gate_node", "?"), ref)
        for ref, task in tasks.items()
        if task["state"] == "verifying" and not task.get("round_id")
    )
    for node in {name for name, _value in facts.named("verify:")} | set(verify):
        yield from _same(f"verify:{node}", set(facts.scores(f"verify:{node}")), verify.get(node, set()))
    for ref, task in tasks.items():
        live = facts.rounds.get(task.get("round_id", ""))
        if task["state"] == "running" and not (live and _goes_on(live, "work", ref)):
            yield f"{ref} is running without a live round"
        elif task["state"] == "verifying" and task.get("round_id") and not (live and _goes_on(live, "gate", ref)):
            yield f"{ref} names a gate round that is not live"
        elif task["state"] not in {"running", "verifying"} and task.get("round_id"):
            yield f"{ref} is {task['state']} and names a round"
        if task.get("order") and not task.get("round_id"):
            yield f"{ref} has an order and no round that would apply it"
        if task["state"] == "blocked" and not task.get("reason"):
            yield f"{ref} is blocked without a reason"
        if (task["state"] in CLOSED) != (task.get("closed_at", "0") != "0"):
            yield f"{ref} is {task['state']} and closed at {task.get('closed_at')}"


def _goes_on(live: Fields, kind: str, task: str) -> bool:
    return live["state"] == "live" and live["kind"] == kind and live.get("task_id") == task


def _waits(facts: Facts) -> Iterator[str]:
    freed = facts.scores("freed")
    forward = {(ref, needed) for ref, needs in facts.named("blockers:") for needed in needs}
    backward = {(ref, needed) for needed, waiting in facts.named("dependents:") for ref in waiting}
    if forward != backward:
        yield f"blockers and dependents differ in {sorted(forward ^ backward)}"
    for ref, needed in forward:
        task = facts.tasks.get(ref)
        if task is None or needed not in json.loads(task.get("depends_on", "[]")):
            yield f"{ref} waits for {needed}, on which it does not depend"
        elif needed not in facts.tasks or (facts.tasks[needed]["state"] == "completed" and needed not in freed):
            yield f"{ref} waits for {needed}, which is completed or gone"
    for needed, waiting in facts.named("dependents:"):
        known = {ref: score for ref, score in waiting.items() if ref in facts.tasks}
        yield from _same(f"dependents:{needed}", known, _numbered(facts.tasks, known))
    waiting = {ref for ref, task in facts.tasks.items() if task["state"] == "waiting"}
    for ref in waiting - {ref for ref, _needed in forward}:
        yield f"{ref} waits for nothing"
    for ref in set(freed) - set(facts.tasks):
        yield f"freed holds {ref}, which is no task"


def _mail(facts: Facts) -> Iterator[str]:
    messages = facts.messages
    in_lane = {
        ref: message
        for ref, message in messages.items()
        if message["state"] == "queued" or (message["state"] == "shown" and message["to_id"] == CONDUCTOR_ID)
    }
    lanes = _grouped(
        (f"{message['to_id']}:{'urgent' if message.get('urgent') else 'normal'}", ref)
        for ref, message in in_lane.items()
    )
    yield from _indexed(facts, "lane:", lanes, messages)
    waking = _grouped(
        (message["to_id"], ref)
        for ref, message in messages.items()
        if message["state"] == "queued" and message["kind"] in WAKING and not message.get("quiet")
    )
    for agent in {name for name, _value in facts.named("waking:")} | set(waking):
        yield from _same(f"waking:{agent}", facts.members(f"waking:{agent}"), waking.get(agent, set()))
    mortal = {
        ref for ref in in_lane if messages[ref]["state"] == "queued" and int(messages[ref].get("expires_at") or 0)
    }
    yield from _same("expiring", set(facts.scores("expiring")), mortal)
    handed = {ref for live in facts.rounds.values() if live["state"] == "live" for ref in _list(live, "messages")}
    for ref, message in messages.items():
        if message["state"] in {"delivered", "shown"} and ref not in in_lane and ref not in handed:
            yield f"{ref} is {message['state']} in no live round"
        if (message["state"] == "handled") != (message.get("handled_at", "0") != "0"):
            yield f"{ref} is {message['state']} and handled at {message.get('handled_at')}"


def _plan(facts: Facts) -> Iterator[str]:
    named = {task["plan_id"]: ref for ref, task in facts.tasks.items() if task.get("plan_id")}
    yield from _same("plan", facts.dump["plan"].value if "plan" in facts.dump else {}, named)


def _list(fields: Fields, name: str) -> list[str]:
    return json.loads(fields.get(name, "[]"))


def _rounds(facts: Facts) -> Iterator[str]:
    town: Fields = facts.dump["town"].value if "town" in facts.dump else {}
    live = {ref for ref, found in facts.rounds.items() if found["state"] == "live"}
    yield from _same("live", facts.members("live"), live)
    ends = _grouped((facts.rounds[ref]["node"], ref) for ref in live if facts.rounds[ref].get("end_requested"))
    for node in {name for name, _value in facts.named("ends:")} | set(ends):
        yield from _same(f"ends:{node}", facts.members(f"ends:{node}"), ends.get(node, set()))
    for ref in live:
        found = facts.rounds[ref]
        task = facts.tasks.get(found.get("task_id", ""))
        if found["kind"] == "work" and facts.agents[found["agent_id"]].get("round_id") != ref:
            yield f"{ref} is live, and its agent does not know"
        if task is not None and task.get("round_id") != ref:
            yield f"{ref} is live, and its task does not know"
    for what in ("tokens", "micros"):
        kept = sum(int(facts.rounds[ref].get(f"reserve_{what}", 0)) for ref in live)
        if int(town.get(f"reserved_{what}", 0)) != kept:
            yield f"the town keeps back {town.get(f'reserved_{what}')} {what}, its live rounds {kept}"
    for agent, refs in facts.named("rounds:"):
        for ref, number in refs.items():
            found = facts.rounds.get(ref, {})
            if found.get("agent_id") != agent or float(found.get("number", -1)) != number:
                yield f"rounds:{agent} holds {ref}, which is not its round {number}"


def _agents(facts: Facts) -> Iterator[str]:
    gone = {ref for ref, agent in facts.agents.items() if agent["state"] == "removed"}
    for ref in gone:
        held = [f"{family}:{ref}" for family in ("mine", "queue", "waking") if f"{family}:{ref}" in facts.dump]
        held += [f"lane:{ref}:{lane}" for lane in ("urgent", "normal") if f"lane:{ref}:{lane}" in facts.dump]
        if held or facts.agents[ref].get("round_id"):
            yield f"{ref} was removed and still has {held or 'a round'}"
    workers = {ref: agent for ref, agent in facts.agents.items() if ref not in gone | {CONDUCTOR_ID}}
    hosted = _grouped((agent["node"], ref) for ref, agent in workers.items() if agent.get("node"))
    yield from _indexed(facts, "hosted:", hosted, facts.agents)
    yield from _same("agents", facts.scores("agents"), _numbered(facts.agents, workers))
    names = {agent[key]: ref for ref, agent in workers.items() for key in ("name", "nickname") if agent.get(key)}
    yield from _same("names", facts.dump["names"].value if "names" in facts.dump else {}, names)
    due = {(node, ref) for node, refs in facts.named("due:") for ref in refs}
    for node, ref in due:
        agent = workers.get(ref)
        if agent is None or agent.get("node") != node or not _may_start(agent):
            yield f"due:{node} holds {ref}, which may not begin a round there"
    for ref, agent in workers.items():
        works = bool(agent.get("round_id"))
        if works != (agent["state"] == "working"):
            yield f"{ref} is {agent['state']} and its round is {agent.get('round_id')}"
        if works:
            live = facts.rounds.get(agent["round_id"], {})
            if live.get("state") != "live" or live.get("task_id") != agent.get("task_id"):
                yield f"{ref} and its round {agent['round_id']} disagree"
        elif agent.get("task_id"):
            yield f"{ref} has a task and no round"
        if agent["wanted"] == "stopped" and not works and agent["state"] != "stopped":
            yield f"{ref} should have stopped"
        something = f"queue:{ref}" in facts.dump or f"waking:{ref}" in facts.dump
        needed = something or agent["state"] == "cold" or agent["wanted"] == "draining"
        is_due = (agent.get("node"), ref) in due
        if _may_start(agent) and needed and not is_due:
            yield f"{ref} has something to do and is not due"
        could_work = agent["state"] == "idle" and agent["wanted"] == "run" and not something
        listed = ref in facts.scores(f"idle:{agent.get('node')}")
        if listed and (is_due or not could_work):
            yield f"{ref} is listed as idle, but could not take work"
        elif could_work and agent.get("node") and not listed and not is_due:
            yield f"{ref} could take work, but is not listed as idle"
    for account, _fields in facts.named("parked:"):
        agent = workers.get(account)
        ended = agent is not None and (
            agent["state"] == "stopped" or (agent.get("account") and agent["state"] != "cold")
        )
        if ended or account in gone:
            yield f"parked:{account} is of an agent that has ended, or has another account"
    for node, refs in facts.named("idle:"):
        for ref in refs:
            if workers.get(ref, {}).get("node") != node:
                yield f"idle:{node} holds {ref}, which is not an agent of it"


def _may_start(agent: Fields) -> bool:
    return agent["state"] in {"cold", "idle"} and agent["wanted"] in {"run", "draining"} and bool(agent.get("node"))


def _rest(facts: Facts) -> Iterator[str]:
    records = {**facts.tasks, **facts.agents, **facts.messages, **facts.rounds, **facts.items, **facts.nodes}
    yield from _same("ids", set(facts.scores("ids")), set(records))
    numbers = [int(fields["seq"]) for fields in records.values()]
    if len(numbers) != len(set(numbers)) or max(numbers, default=0) > int(facts.dump["town"].value.get("seq", 0)):
        yield "two records have one number, or one that was not given yet"
    open_items = {ref: item for ref, item in facts.items.items() if item["state"] == "open"}
    yield from _same("attention", facts.scores("attention"), _numbered(facts.items, open_items))
    asked = {f"{item['kind']}:{item['ref']}": ref for ref, item in open_items.items()}
    yield from _same("attention_by", facts.dump["attention_by"].value if "attention_by" in facts.dump else {}, asked)
    held = Counter(
        task["reason"].partition(": ")[2]
        for task in facts.tasks.values()
        if task["state"] == "blocked" and task["reason"].startswith("dependency_failed: ")
    )
    for ref, task in facts.tasks.items():
        if int(task.get("holds", 0)) != held[ref]:
            yield f"{ref} holds up {held[ref]} tasks that are blocked for it, but counts {task.get('holds', 0)}"
    for ref, item in open_items.items():
        task = facts.tasks.get(item["ref"])
        if task is None or item["kind"] == "dependency_failed":
            continue
        if task["state"] != "blocked" or task["reason"].partition(":")[0] != item["kind"]:
            yield f"{ref} asks about {item['ref']} as {item['kind']}, which is {task['state']}: {task.get('reason')}"
    yield from _same("nodes", facts.members("nodes"), set(facts.nodes))
    for ref, fields in records.items():
        if fields["id"] != ref:
            yield f"the record under {ref} says that it is {fields['id']}"
    for name in facts.dump:
        family, _colon, rest = name.partition(":")
        if family in _OWNED and rest.partition(":")[0] not in records:
            yield f"{name} belongs to no record"
        elif family not in _OWNED | _KNOWN:
            yield f"nobody knows the key {name}"


_OWNED = {
    "queue", "mine", "done", "waking", "rounds", "lane", "history", "blockers", "dependents", "due", "idle", "verify",
    "ends", "hosted",
}  # fmt: skip
_KNOWN = {
    *_RECORDS, "town", "ids", "names", "tasks", "backlog", "agents", "live", "bell", "nodes",
    "attention", "attention_by", "events", "parked", "freed", "expiring", "plan",
}  # fmt: skip


def _history(facts: Facts) -> Iterator[str]:
    events: list[Event] = facts.dump["events"].value if "events" in facts.dump else []
    states = replayed_states(events)
    for kind in (facts.tasks, facts.agents, facts.messages, facts.rounds, facts.items, facts.nodes):
        for ref, fields in kind.items():
            if ref != CONDUCTOR_ID and states.get(ref) != fields["state"]:
                yield f"{ref} is {fields['state']}, but its events end in {states.get(ref)}"
    yield from broken_moves(events)
    for ref, task in facts.tasks.items():
        lines = [line for line in facts.dump[f"history:{ref}"].value if line.get("new")]
        if not lines or lines[-1]["new"] != task["state"]:
            yield f"{ref} is {task['state']}, but its history does not end there"

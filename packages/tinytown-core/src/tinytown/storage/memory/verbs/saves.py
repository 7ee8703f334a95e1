"""The verbs of a town as a whole: read it, take it away, write one anew, each a part at a time."""

from __future__ import annotations

import json
from typing import Any

from tinytown.storage.memory.rules import Args
from tinytown.storage.memory.tx import Fields, Tx

KINDS = {"a": "agent", "m": "message", "n": "node", "q": "attention", "r": "round", "t": "task"}
STATES = ("waiting", "pending", "assigned", "running", "verifying", "blocked", "completed", "failed", "cancelled")
LONG = ("description", "body", "result", "findings", "text")
OF_TASK = ("blockers", "dependents")
OF_AGENT = (
    "queue:{}", "mine:{}", "done:{}:completed", "done:{}:failed", "done:{}:cancelled",
    "lane:{}:urgent", "lane:{}:normal", "waking:{}", "rounds:{}", "parked:{}",
)  # fmt: skip
OF_NODE = ("hosted", "due", "idle", "verify", "ends", "bell")
WHOLE = (
    "ids", "names", "tasks", "agents", "freed", "expiring", "live", "nodes", "attention", "attention_by", "events",
    "backlog:", "plan",
)  # fmt: skip
OF_THE_WHOLE = frozenset({"town_claim", "town_clear", "town_write", "town_finish"})
"""They look by themselves whether the town is whole."""


def town_export(tx: Tx, a: Args) -> Fields:
    """Show some records by id with all that belongs to them; a part ends early when its texts are long."""
    refs = tx.zlex_after("ids", a["after"], a["limit"] + 1)
    found: list[Fields] = []
    size, last = 0, None
    for ref in refs[: a["limit"]]:
        item = _item(tx, KINDS[ref[0]], ref)
        size += sum(len(str(item["record"].get(name) or "").encode()) for name in LONG)
        found.append(item)
        last = ref
        if size > a["bytes"]:
            break
    return {
        "items": found,
        "next": last if len(refs) > len(found) else None,
        "newest": tx.newest("events"),
        "town": tx.fields("town"),
    }


def _item(tx: Tx, kind: str, ref: str) -> Fields:
    record = tx.load(kind, ref) or {"id": ref}
    item: Fields = {"kind": kind, "record": record, "history": tx.entries(f"history:{ref}")}
    if kind == "task":
        item["blockers"] = tx.smembers(f"blockers:{ref}")
        item["freed"] = tx.zscore("freed", ref)
        item["verify"] = tx.zscore(f"verify:{record.get('gate_node') or ''}", ref)
    elif kind == "agent":
        node, account = record.get("node") or "", record.get("account") or ref
        item["due"], item["idle"] = tx.zscore(f"due:{node}", ref), tx.zscore(f"idle:{node}", ref)
        said = tx.fields(f"parked:{account}")
        item["parked"] = [account, said] if said else None
    return item


def town_clear(tx: Tx, a: Args) -> Fields:
    """Take some records and what belongs to them away.

    The town is marked until all is gone, and for longer where another town is to be written in its place.
    """
    mark = f"{a['what']}:{a['token']}"
    if not a.get("begin"):
        _demand(tx, mark)
    elif a.get("newest") and tx.newest("events") != a["newest"]:
        tx.refuse("changed", detail="the town has changed since it was saved")
    refs = tx.zrange("ids", a["limit"])
    for ref in refs:
        for key in _keys_of(tx, KINDS[ref[0]], ref):
            tx.drop(key)
        tx.zrem("ids", ref)
    done = len(refs) < a["limit"]
    instance = tx.hget("town", "instance") or ""
    if done:
        for key in ("town", *WHOLE, *(f"tasks:{state}" for state in STATES)):
            tx.drop(key)
    if not done or a["what"] == "restore":
        tx.hset("town", "instance", instance)
        tx.hset("town", "unfinished", mark)
    return {"removed": len(refs), "done": done}


def _demand(tx: Tx, mark: str) -> None:
    """Refuse an attempt that another one has replaced."""
    if tx.hget("town", "unfinished") != mark:
        tx.refuse(
            "replaced",
            detail="another restore or reset of this town has begun since",
            hint="wait until it has ended, then look with `tt status`",
        )


def guard(tx: Tx, a: Args) -> None:
    """While a town is taken away or written anew, only that attempt may change it: what another said would be lost."""
    mark = tx.hget("town", "unfinished")
    if mark is not None and mark != f"restore:{a.get('attempt') or ''}":
        tx.refuse("town_unfinished", what=mark.partition(":")[0])


def _keys_of(tx: Tx, kind: str, ref: str) -> list[str]:
    """Name every key that belongs to a record."""
    record = tx.fields(f"{kind}:{ref}")
    keys = [f"{kind}:{ref}", f"history:{ref}"]
    nodes = {record.get("node"), record.get("gate_node"), ref if kind == "node" else None} - {None}
    if kind == "task":
        keys += [f"{family}:{ref}" for family in OF_TASK]
        keys.append(f"backlog:{record.get('role') or ''}")
    elif kind == "agent":
        keys += [family.format(ref) for family in OF_AGENT]
        keys.append(f"parked:{record.get('account') or ref}")
    return keys + [f"{family}:{node}" for node in nodes for family in OF_NODE]


def town_write(tx: Tx, a: Args) -> Fields:
    """Write some keys of a town that is being restored."""
    _demand(tx, f"restore:{a['token']}")
    for item in a["keys"]:
        tx.fill(item["key"], item["kind"], _value(item["kind"], item["value"]), trimmed=bool(a.get("trimmed")))
    return {}


def _value(kind: str, value: Any) -> Any:
    """Read what is nested: of a record a JSON text in a list, of a list each JSON text."""
    if kind == "hash":
        fields: Fields = value
        nested = [name for name, item in fields.items() if isinstance(item, list)]
        return {**fields, **{name: json.loads(fields[name][0]) for name in nested}}
    return [json.loads(item) for item in value] if kind == "list" else value


def town_finish(tx: Tx, a: Args) -> Fields:
    """Take the mark away."""
    _demand(tx, f"restore:{a['token']}")
    tx.hdel("town", "unfinished")
    return {}


VERBS = {
    "town_export": town_export,
    "town_clear": town_clear,
    "town_write": town_write,
    "town_finish": town_finish,
}

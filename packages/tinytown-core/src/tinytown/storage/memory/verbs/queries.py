"""The queries: they change nothing, read indexes and answer in pages."""

from __future__ import annotations

from tinytown.domain.ids import CONDUCTOR_ID
from tinytown.storage.memory.rules import Args, find, resolve
from tinytown.storage.memory.tx import Fields, Tx
from tinytown.storage.memory.verbs.agents import view
from tinytown.storage.memory.verbs.mail import read_lanes

KINDS = {"t": "task", "a": "agent", "m": "message", "r": "round", "q": "attention", "n": "node"}
CLOSED = ("completed", "failed", "cancelled")
OPEN_AT_ONCE = 500
TASK_STATES = (
    "waiting",
    "pending",
    "assigned",
    "running",
    "verifying",
    "blocked",
    "completed",
    "failed",
    "cancelled",
)


def kind_of(ref: str) -> str:
    """Give the kind that the letter of an id names; without one it is an agent's name."""
    letter, dash, _rest = ref.strip().lower().partition("-")
    return KINDS.get(letter, "agent") if dash else "agent"


def show(tx: Tx, a: Args) -> Fields:
    """Show one record of any kind with its history. A name that looks like the beginning of an id may be either."""
    ref = a["ref"]
    kind = a.get("kind") or kind_of(ref)
    if not a.get("kind") and tx.hget("names", ref.strip().lower().partition(" [")[0]):
        kind = "agent"
    record = find(tx, kind, ref)
    shown = view(tx, record) if kind == "agent" else node_view(tx, record) if kind == "node" else record
    return {"kind": kind, "record": shown, "history": tx.entries(f"history:{record['id']}")}


def list_tasks(tx: Tx, a: Args) -> Fields:
    """List tasks by creation, one page; it is full while there are more."""
    state = a.get("state")
    most, after = a["limit"] + 1, a.get("after")
    if a.get("agent"):
        found = _of_agent(tx, resolve(tx, "agent", a["agent"]), state, most, after)
    else:
        found = tx.zrange(f"tasks:{state}" if state else "tasks", most, after=after)
    last = tx.zscore("tasks", found[: a["limit"]][-1]) if len(found) > a["limit"] else None
    return {"items": [task for ref in found[: a["limit"]] if (task := tx.load("task", ref))], "next": last}


def _of_agent(tx: Tx, agent: str, state: str | None, most: int, after: float | None) -> list[str]:
    """List an agent's tasks by creation: open ones, closed ones, or both."""
    if state in CLOSED:
        return tx.zrange(f"done:{agent}:{state}", most, after=after)
    if state == "open":
        return tx.zrange(f"mine:{agent}", most, after=after)
    if state == "assigned":
        return tx.zrange(f"queue:{agent}", most, after=after)
    if state:
        return _open_in(tx, agent, state, most, after)
    keys = [f"mine:{agent}", *(f"done:{agent}:{each}" for each in CLOSED)]
    rows = [(tx.zscore(key, ref) or 0.0, ref) for key in keys for ref in tx.zrange(key, most, after=after)]
    return [ref for _seq, ref in sorted(rows)[:most]]


def _open_in(tx: Tx, agent: str, state: str, most: int, after: float | None) -> list[str]:
    """Go through the open tasks of an agent until enough are in a state."""
    found: list[str] = []
    while len(found) < most:
        some = tx.zrange(f"mine:{agent}", OPEN_AT_ONCE, after=after)
        found += [ref for ref in some if tx.zscore(f"tasks:{state}", ref) is not None]
        if len(some) < OPEN_AT_ONCE:
            break
        after = tx.zscore(f"mine:{agent}", some[-1])
    return found[:most]


def list_agents(tx: Tx, a: Args) -> Fields:
    """List agents by creation, one page."""
    found = tx.zrange("agents", a["limit"] + 1, after=a.get("after"))
    items = [view(tx, agent) for ref in found[: a["limit"]] if (agent := tx.load("agent", ref))]
    last = tx.zscore("agents", found[: a["limit"]][-1]) if len(found) > a["limit"] else None
    return {"items": items, "next": last}


def list_messages(tx: Tx, a: Args) -> Fields:
    """Peek into the lanes of an agent, urgent first, one page; nothing is marked."""
    found, last = read_lanes(tx, resolve(tx, "agent", a["agent"]), a["limit"], a.get("after"))
    return {"items": found, "next": last}


def list_rounds(tx: Tx, a: Args) -> Fields:
    """List the last rounds of an agent, the newest last."""
    agent = resolve(tx, "agent", a["agent"])
    refs = tx.zrange(f"rounds:{agent}", 1000)[-a["limit"] :]
    return {"items": [found for ref in refs if (found := tx.load("round", ref))], "next": None}


def list_nodes(tx: Tx, _a: Args) -> Fields:
    """List all nodes that ever joined, by their names."""
    found = [node_view(tx, node) for ref in tx.smembers("nodes") if (node := tx.load("node", ref))]
    return {"items": sorted(found, key=lambda node: (node["name"], node["id"])), "next": None}


def node_view(tx: Tx, node: Fields) -> Fields:
    """A node with the count of the agents on its books."""
    return {**node, "agents": tx.zcard(f"hosted:{node['id']}")}


def status(tx: Tx, a: Args) -> Fields:
    """Count everything, and show the first agents, nodes and open items."""
    agents = list_agents(tx, {"limit": a["limit"]})
    return {
        "town": {key: tx.hget("town", key) for key in ("name", "instance", "schema", "created_at")},
        "tasks": {state: tx.zcard(f"tasks:{state}") for state in TASK_STATES},
        "agents_total": tx.zcard("agents"),
        "agents": agents["items"],
        "agents_next": agents["next"],
        "nodes": list_nodes(tx, {})["items"],
        "attention_total": tx.zcard("attention"),
        "attention": [item for ref in tx.zrange("attention", a["limit"]) if (item := tx.load("attention", ref))],
        "conductor_mail": tx.zcard(f"lane:{CONDUCTOR_ID}:urgent") + tx.zcard(f"lane:{CONDUCTOR_ID}:normal"),
        "live": tx.scard("live"),
    }


def current(tx: Tx, a: Args) -> Fields:
    """Give the task of an agent's live round, or None."""
    agent = find(tx, "agent", a["agent"])
    return {"task": tx.load("task", agent.get("task_id"))}


def why_facts(tx: Tx, a: Args) -> Fields:
    """Gather what explains the present state of a task, an agent, a message, a round or a node."""
    shown = show(tx, a)
    record, kind = shown["record"], shown["kind"]
    agent_id = record["id"] if kind == "agent" else record.get("agent_id") or record.get("to_id")
    agent = tx.load("agent", agent_id)
    task = record if kind == "task" else tx.load("task", record.get("task_id"))
    parked = f"parked:{(agent.get('account') or agent['id']) if agent else ''}"
    blockers = [tx.load("task", ref) for ref in (tx.smembers(f"blockers:{task['id']}") if task else ())]
    queue = tx.zrange(f"queue:{agent['id']}", 100) if agent else []
    kinds = ("mail_loop", "auth_required", "start_failed", "agent_error", "disk_full", "dead_letter", "expired")
    asked = [
        tx.load("attention", tx.hget("attention_by", f"{name}:{ref}"))
        for name in kinds
        for ref in dict.fromkeys([record["id"], agent_id])
    ]
    asked.append(tx.load("attention", tx.hget("attention_by", "budget_spent:town")))
    if task and task.get("reason"):
        asked.append(tx.load("attention", tx.hget("attention_by", f"{task['reason'].partition(':')[0]}:{task['id']}")))
    return {
        **shown,
        "agent": view(tx, agent) if agent else None,
        "task": task,
        "round": tx.load("round", (task or {}).get("round_id") or (agent or {}).get("round_id")),
        "blockers": [found for found in blockers if found is not None],
        "queue": queue,
        "parked_until": tx.hget(parked, "until"),
        "parked_probe": tx.hget(parked, "probe"),
        "nodes": list_nodes(tx, {})["items"],
        "agents_total": tx.zcard("agents"),
        "attention": [item for item in asked if item is not None],
        "now": tx.now,
    }


def _parked(tx: Tx, agent: Fields) -> bool:
    until = tx.hget(f"parked:{agent.get('account') or agent['id']}", "until")
    return until is not None and (until == 0 or until > tx.now)


def schedule_snapshot(tx: Tx, a: Args) -> Fields:
    """Show a scheduler the idle agents of a node and the oldest tasks of the backlog, by role."""
    agents = [agent for ref in tx.zrange(f"idle:{a['node_id']}", a["limit"]) if (agent := tx.load("agent", ref))]
    idle = [agent for agent in agents if (agent.get("not_before") or 0) <= tx.now and not _parked(tx, agent)]
    tasks: list[Fields] = []
    for role in dict.fromkeys(["", *(agent["role"] for agent in idle)]):
        tasks += [task for ref in tx.zrange(f"backlog:{role}", a["limit"]) if (task := tx.load("task", ref))]
    return {"agents": idle, "tasks": tasks, "now": tx.now}


VERBS = {
    "show": show,
    "list_tasks": list_tasks,
    "list_agents": list_agents,
    "list_messages": list_messages,
    "list_rounds": list_rounds,
    "list_nodes": list_nodes,
    "status": status,
    "current": current,
    "why_facts": why_facts,
    "schedule_snapshot": schedule_snapshot,
}

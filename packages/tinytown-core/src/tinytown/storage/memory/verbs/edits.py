"""Changing what a task says, and naming it in a plan."""

from __future__ import annotations

from tinytown.storage.memory.moves import move
from tinytown.storage.memory.rules import Args, check, find, person, resolve
from tinytown.storage.memory.tx import Fields, Tx, items

LISTS = {"tags", "depends_on"}
FIELDS = ("description", "role", "tags", "depends_on", "parent_id")
FOLLOWED = 10_000
"""So many tasks are looked at for a circle; a larger plan is refused, because nobody knows."""
ENDED_BADLY = {"failed", "cancelled"}


def task_edit(tx: Tx, a: Args) -> Fields:
    """Change the text, role, tags, dependencies or parent of an open task that no round works on."""
    by = person(tx, a, "edit")
    task = find(tx, "task", a["task"])
    want = {name: _wanted(tx, name, a["set"][name]) for name in FIELDS if name in a["set"]}
    changed = [name for name in FIELDS if name in want and want[name] != _now(task, name)]
    if not changed:
        return {"task": task}
    check(tx, a, "task", task, "edit")
    for name in changed:
        if name in a.get("seen", {}) and (a["seen"][name] or None) != (_now(task, name) or None):
            detail = f"the {name} of task `{task['id']}` has changed since it was read"
            tx.refuse("edit_conflict", detail=detail, hint=f"look at it with `tt task show {task['id']}`")
    if "parent_id" in changed:
        _no_own_part(tx, task, str(want["parent_id"]))
    state, reason = task["state"], task.get("reason")
    if "depends_on" in changed:
        state, reason = _rewire(tx, task, items(want["depends_on"]))
    fields = {name: want[name] or None for name in changed}
    move(tx, a, task, "edit", state, by=by, reason=reason, history_said=", ".join(changed), **fields)
    return {"task": task}


def _now(task: Fields, name: str) -> object:
    """Give a field as it would be wanted: an empty text or list where there is nothing."""
    return task.get(name) or ([] if name in LISTS else "")


def _wanted(tx: Tx, name: str, value: object) -> object:
    """Give a field with whole ids in it."""
    if name == "depends_on":
        return list(dict.fromkeys(resolve(tx, "task", str(ref)) for ref in items(value)))
    return resolve(tx, "task", str(value)) if name == "parent_id" and value else value


def _no_own_part(tx: Tx, task: Fields, parent: str) -> None:
    """Refuse a parent that is the task, or a part of it."""
    above, path = tx.load("task", parent), [task["id"]]
    while above is not None and len(path) <= FOLLOWED:
        path.append(above["id"])
        if above["id"] == task["id"]:
            tx.refuse("parent_cycle", detail="a task would be a part of itself: " + " -> ".join(path))
        above = tx.load("task", above.get("parent_id"))


def _rewire(tx: Tx, task: Fields, needs: list[str]) -> tuple[str, str | None]:
    """Let a task wait for other tasks than before; gives its state and its reason after that."""
    ref, before = task["id"], items(task.get("depends_on"))
    added = [needed for needed in needs if needed not in before]
    for needed in added:
        state = find(tx, "task", needed)["state"]
        if state in ENDED_BADLY:
            detail = f"task `{needed}` is {state}, so nothing can depend on it"
            tx.refuse("dependency_failed", detail=detail, hint=f"`tt task reopen {needed}` first")
    _no_circle(tx, ref, added)
    for needed in before:
        if needed not in needs:
            tx.srem(f"blockers:{ref}", needed)
            tx.zrem(f"dependents:{needed}", ref)
    for needed in added:
        if find(tx, "task", needed)["state"] != "completed":
            tx.sadd(f"blockers:{ref}", needed)
            tx.zadd(f"dependents:{needed}", task["seq"], ref)
    return _after_rewiring(tx, task, needs)


def _after_rewiring(tx: Tx, task: Fields, needs: list[str]) -> tuple[str, str | None]:
    reason, left = task.get("reason"), tx.smembers(f"blockers:{task['id']}")
    kind, _colon, failed = (reason or "").partition(": ")
    if task["state"] == "blocked" and (kind != "dependency_failed" or failed in needs):
        return "blocked", reason
    for needed in left:
        other = tx.load("task", needed)
        if other is not None and other["state"] in ENDED_BADLY:
            return "blocked", f"dependency_failed: {needed}"
    if left:
        return "waiting", None
    return ("assigned" if task.get("agent_id") else "pending"), None


def _no_circle(tx: Tx, ref: str, added: list[str]) -> None:
    """Refuse dependencies that depend on the task themselves."""
    came: dict[str, str] = dict.fromkeys(added, ref)
    queue = list(added)
    for at in queue:
        if at == ref:
            path = [ref]
            while len(path) == 1 or path[-1] != ref:
                path.append(came[path[-1]])
            tx.refuse("dependency_cycle", detail="tasks would wait for each other: " + " -> ".join(reversed(path)))
        for needed in tx.smembers(f"blockers:{at}"):
            if needed not in came:
                came[needed] = at
                queue.append(needed)
        if len(queue) > FOLLOWED:
            tx.refuse("too_many", detail=f"task `{ref}` would wait for more than {FOLLOWED} tasks")


def plan_link(tx: Tx, a: Args) -> Fields:
    """Name a task by the id of an entry of a plan; the first name stays."""
    person(tx, a, "name")
    task = find(tx, "task", a["task"])
    if task.get("plan_id"):
        return {"task": task}
    known = tx.hget("plan", a["plan_id"])
    if known and tx.load("task", known) is not None:
        tx.refuse("plan_id_taken", detail=f"entry `{a['plan_id']}` is task `{known}` already", hint="choose another id")
    task["plan_id"] = a["plan_id"]
    tx.hset("plan", a["plan_id"], task["id"])
    return {"task": task}


def plan_tasks(tx: Tx, a: Args) -> Fields:
    """Give the tasks that entries of a plan, or whole ids of tasks, name."""
    found = (tx.load("task", tx.hget("plan", ref)) or tx.load("task", ref) for ref in items(a.get("entries")))
    return {"items": [task for task in found if task is not None]}


VERBS = {"task_edit": task_edit, "plan_link": plan_link, "plan_tasks": plan_tasks}

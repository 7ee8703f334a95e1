"""What a push is going to say of each entry: checked against the table of states before anything is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from tinytown.domain.ids import IdKind, new_id
from tinytown.domain.plan_entries import CLOSED, SAYS, Entry, circle
from tinytown.domain.states import TASK
from tinytown.errors import RefusedError, TinytownError
from tinytown.services import checks
from tinytown.services.editing import checked, says

if TYPE_CHECKING:
    from tinytown.config.plan_file import PlanFile
    from tinytown.domain.records import Agent, Task
    from tinytown.services.plan_view import TownTasks

CLOSING = {"completed": "submit", "failed": "fail", "cancelled": "cancel"}


@attrs.define(kw_only=True)
class Work:
    """What is said of one entry, in this order.

    Attributes:
        id: The entry.
        task: Its task; of a new entry the id that it gets.
        state: The state of the task when this was planned; empty for a new entry.
        add: What a new task is made of.
        first: ``reopen`` or ``requeue``, before the edit.
        values: What an edit changes; references are names of entries.
        seen: What the task said of that before.
        last: ``assign``, ``submit``, ``fail`` or ``cancel``.
        agent: Whom it is assigned to.
    """

    id: str
    task: str
    state: str = ""
    add: dict[str, Any] | None = None
    first: str | None = None
    values: dict[str, Any] = attrs.field(factory=dict[str, Any])
    seen: dict[str, Any] = attrs.field(factory=dict[str, Any])
    last: str | None = None
    agent: str | None = None


def refuse(entry: str, detail: str, hint: str, *, refusal: str = "plan_refused") -> TinytownError:
    """Make the error for an entry that cannot be pushed; nothing was changed."""
    return RefusedError(refusal=refusal, detail=f"entry `{entry}` {detail}; nothing was changed", hint=hint)


def new_work(mine: Entry, agent: Agent | None, agent_name: str | None) -> Work:
    """Plan a new entry. One that is closed already has no agent: nobody shall begin with it."""
    last = CLOSING.get(mine.status or "")
    if last is None and agent_name is not None:
        check_agent(mine.id, agent_name, agent)
    try:
        values = checked(text=mine.description, role=mine.role, tags=mine.tags)
    except TinytownError as error:
        raise refuse(mine.id, f"has a {error.message}", error.hint or "correct the file") from None
    add: dict[str, Any] = {
        "description": values["description"],
        "role": values.get("role") or None,
        "tags": list(values.get("tags", ())),
        "depends_on": list(mine.depends_on),
        "parent": mine.parent,
        "agent": agent_name if last is None else None,
    }
    return Work(id=mine.id, task=new_id(IdKind.TASK), add=add, last=last)


def known_work(mine: Entry, task: Task, changed: set[str]) -> Work:
    """Plan an entry that has a task; ``changed`` are the fields that the file changed."""
    state = str(task.state)
    work = Work(id=mine.id, task=task.id, state=state)
    if task.order is not None:
        raise refuse(mine.id, "is being ended", f"push again when its round is over; see `tt why {task.id}`")
    if "status" in changed:
        _plan_status(work, mine, "agent" in changed)
    elif "agent" in changed:
        _plan_agent(work, mine)
    if fields := [name for name in SAYS if name in changed]:
        _plan_edit(work, mine, task, fields)
    return work


def _plan_status(work: Work, mine: Entry, new_agent: bool) -> None:
    want = mine.status or ""
    if want in CLOSING:
        work.last = CLOSING[want]
        _allow(work, work.last, f"cannot become `{want}`")
    elif want not in {"pending", "assigned"}:
        hint = f"write `pending`, `completed`, `failed` or `cancelled`, or `{work.state}` as it was"
        raise refuse(work.id, f"cannot be set to `{want}`, which only the town says", hint)
    elif want == "assigned" and mine.agent is None:
        raise refuse(work.id, "is `assigned` to nobody", 'add `agent = "NAME"`')
    else:
        if work.state in {"failed", "cancelled"}:
            work.first = "reopen"
        elif work.state == "completed":
            raise refuse(work.id, "is completed, which is not taken back", "add a new entry for what is still missing")
        if mine.agent is not None and (new_agent or want == "assigned"):
            work.last, work.agent = "assign", mine.agent
            if work.first is None:
                _allow(work, "assign", "cannot be given to an agent")
        elif work.first is None and work.state != "pending":
            _plan_requeue(work)


def _plan_agent(work: Work, mine: Entry) -> None:
    if work.state in CLOSED:
        raise refuse(work.id, f"is {work.state}, so nobody works on it", 'set `status = "pending"` to take it up again')
    if mine.agent is not None:
        work.last, work.agent = "assign", mine.agent
        _allow(work, "assign", "cannot be given to an agent")
    elif work.state != "pending":
        _plan_requeue(work)


def _plan_requeue(work: Work) -> None:
    _allow(work, "requeue", "cannot go back to the backlog")
    work.first = "requeue"


def _allow(work: Work, verb: str, what: str) -> None:
    if work.state not in TASK[verb].sources:
        allowed = ", ".join(sorted(TASK[verb].sources))
        hint = f"`tt why {work.task}` says how it stands; write it back as it was, or use the command for it"
        raise refuse(work.id, f"{what}: it is `{work.state}`, and `{verb}` needs {allowed}", hint)


def _plan_edit(work: Work, mine: Entry, task: Task, fields: list[str]) -> None:
    state = {"reopen": "pending", "requeue": "pending"}.get(work.first or "", work.state)
    if state not in TASK["edit"].sources or (work.state == "running"):
        hint = f"wait until its round is over, or `tt task requeue {task.id}` first"
        if work.state in CLOSED:
            hint = "add a new entry, or set the status so that it is taken up again"
        raise refuse(work.id, f"is `{work.state}`, so its {fields[0]} cannot change", hint)
    try:
        values = checked(
            text=mine.description if "description" in fields else None,
            role=(mine.role or "") if "role" in fields else None,
            tags=mine.tags if "tags" in fields else None,
        )
    except TinytownError as error:
        raise refuse(mine.id, f"has a {error.message}", error.hint or "correct the file") from None
    work.values = {name: list(value) if isinstance(value, (list, tuple)) else value for name, value in values.items()}
    if "depends_on" in fields:
        work.values["depends_on"] = list(mine.depends_on)
    if "parent" in fields:
        work.values["parent_id"] = mine.parent or ""
    work.seen = {name: value for name, value in says(task).items() if name in work.values}


def check_agent(entry: str, name: str, agent: Agent | None) -> None:
    """Refuse an agent that may not be given work, in the words of the server."""
    if agent is None:
        raise refuse(entry, f"names agent `{name}`, which does not exist", f"`tt spawn {name}` makes it")
    if agent.role == "conductor" and not agent.node:
        raise refuse(entry, "names the conductor, who takes no tasks", "name another agent")
    if agent.wanted in {"stopped", "draining"} or agent.state == "stopped":
        hint = f"start it again with `tt restart {agent.name}`, or name another agent"
        raise refuse(entry, f"names agent `{agent.name}`, which takes no new work", hint)


def check_names(plan: PlanFile, file: Mapping[str, Entry], found: TownTasks, removed: Sequence[str] = ()) -> None:
    """Refuse ids by which work would never be done, or be done twice.

    Args:
        plan: The file.
        file: Its entries.
        found: The tasks of the town.
        removed: Entries that were taken out of the file and have open tasks.
    """
    for name in plan.unnamed.values():
        task = found.task(name)
        if task is not None and task.state in CLOSED:
            detail = f"has no id, and task `{task.id}` of that name is {task.state} already"
            raise refuse(name, detail, "give the entry an id of its own", refusal="plan_id_taken")
    left = {task.description: ref for ref in removed if (task := found.task(ref)) is not None}
    for ref, mine in file.items():
        other = left.get(mine.description)
        if other is not None and found.task(ref) is None:
            detail = f"says what `{other}` said, whose task is still open, so it would be done twice"
            hint = f"an id stays for ever: write `{other}` back, or cancel its task with `tt sync push --prune`"
            raise refuse(ref, detail, hint, refusal="plan_id_changed")


def check_references(works: list[Work], file: Mapping[str, Entry], found: TownTasks) -> None:
    """Refuse what no edit could do: unknown or failed dependencies, and circles through file and town."""
    reopened = {work.id for work in works if work.first == "reopen"}
    for work in works:
        said = work.add or work.values
        parent = said.get("parent" if work.add else "parent_id")
        for ref in [*said.get("depends_on", ()), *([parent] if parent else ())]:
            if ref not in file and found.task(ref) is None:
                raise refuse(work.id, f"names `{ref}`, which is no entry and no task", "correct the name, or add it")
        before = () if work.add else work.seen.get("depends_on", ())
        for ref in said.get("depends_on", ()):
            needed = found.task(ref)
            if needed is None or needed.id in before or ref in reopened:
                continue
            if needed.state in {"failed", "cancelled"}:
                detail = f"would depend on `{ref}`, which is {needed.state}"
                raise refuse(work.id, detail, f"`tt task reopen {needed.id}` first", refusal="dependency_failed")
        if len(said.get("depends_on", ())) > checks.MAX_DEPENDENCIES:
            raise refuse(work.id, "depends on too many tasks", f"name at most {checks.MAX_DEPENDENCIES}")
    _check_circles(works, found)


def _check_circles(works: list[Work], found: TownTasks) -> None:
    """Refuse what is legal on each side and goes round with both together."""
    needs: dict[str, tuple[str, ...]] = {}
    above: dict[str, tuple[str, ...]] = {}
    for ref, task in found.by_id.items():
        name = found.name(ref)
        needs[name] = tuple(map(found.name, task.depends_on))
        above[name] = (found.name(task.parent_id),) if task.parent_id else ()
    for work in works:
        said = work.add or work.values
        if "depends_on" in said:
            needs[work.id] = tuple(said["depends_on"])
        parent = "parent" if work.add else "parent_id"
        if parent in said:
            above[work.id] = (said[parent],) if said[parent] else ()
    if way := circle(needs):
        detail = f"would wait for itself: {' -> '.join(way)}"
        raise refuse(way[0], detail, "take one of these dependencies out", refusal="dependency_cycle")
    if way := circle(above):
        detail = f"would be a part of itself: {' -> '.join(way)}"
        raise refuse(way[0], detail, "take one of these parents out", refusal="parent_cycle")

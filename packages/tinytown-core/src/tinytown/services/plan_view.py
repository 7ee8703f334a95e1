"""A plan as its file and its town show it, with the same names for the same tasks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import attrs

from tinytown.config.plan_file import PlanFile
from tinytown.domain.plan_entries import Entry, entry_of
from tinytown.domain.states import OPEN_TASKS
from tinytown.errors import ConfigError, NotFoundError
from tinytown.services.looking import show_as
from tinytown.services.pages import every
from tinytown.services.steps import Steps, ask
from tinytown.storage.calls import edits, tasks

if TYPE_CHECKING:
    from tinytown.domain.records import Agent, Task


@attrs.define
class TownTasks:
    """Tasks of the town, by their ids and by the entries that name them.

    Attributes:
        by_id: Every task that was read.
        names: Ids of tasks to the entries that stand for them.
        listed: Ids of the tasks that a plan may show.
    """

    by_id: dict[str, Task] = attrs.field(factory=dict[str, "Task"])
    names: dict[str, str] = attrs.field(factory=dict[str, str])
    listed: set[str] = attrs.field(factory=set[str])

    def take(self, found: Iterable[Task], *, listed: bool = False) -> None:
        """Add tasks."""
        for task in found:
            self.by_id[task.id] = task
            if task.plan_id is not None:
                self.names.setdefault(task.id, task.plan_id)
            if listed:
                self.listed.add(task.id)

    def name(self, ref: str) -> str:
        """Give the entry that a reference means, or the reference itself."""
        return self.names.get(ref, ref)

    def task(self, name: str) -> Task | None:
        """Give the task that an entry names."""
        found = next((ref for ref, known in self.names.items() if known == name), None)
        return self.by_id.get(found or name)

    def entries(self, names: Iterable[str]) -> dict[str, Entry]:
        """Show the tasks that stand behind some entries, and those that are listed, by the names of entries."""
        by_name = {self.name(ref): task for ref, task in self.by_id.items()}
        wanted = [*names, *(self.name(task.id) for task in sorted(self._listed(), key=lambda task: task.seq))]
        return {name: entry_of(by_name[name], self.name) for name in dict.fromkeys(wanted) if name in by_name}

    def _listed(self) -> list[Task]:
        return [self.by_id[ref] for ref in self.listed]


def read_tasks(
    plan: PlanFile, base: Mapping[str, Entry], *, unlisted: bool = False, closed: bool = False
) -> Steps[TownTasks]:
    """Read the tasks that a plan is about.

    Args:
        plan: What the file says.
        base: What both sides said before.
        unlisted: Read the town's other open tasks too.
        closed: And its closed ones.

    Raises:
        ConfigError: Two entries of the file are one task.
    """
    found = TownTasks()
    entries = (*plan.entries, *base.values())
    wanted = [name for entry in entries for name in (entry.id, *entry.depends_on, entry.parent or entry.id)]
    yield from _read(found, wanted)
    if unlisted:
        for state in (None,) if closed else sorted(OPEN_TASKS):
            found.take((yield from _all_of(state)), listed=True)
    yield from _read(found, [ref for task in list(found.by_id.values()) for ref in _refs(task)])
    _name_by_file(found, plan)
    return found


def _all_of(state: str | None) -> Steps[list[Task]]:
    return (yield from every(lambda after, limit: tasks.listing(state=state, after=after, limit=limit)))


def _refs(task: Task) -> Sequence[str]:
    return (*task.depends_on, *((task.parent_id,) if task.parent_id else ()))


def _read(found: TownTasks, names: Iterable[str]) -> Steps[None]:
    known = {*found.by_id, *found.names.values()}
    missing = [name for name in dict.fromkeys(names) if name not in known]
    for start in range(0, len(missing), edits.PLAN_ENTRIES_AT_ONCE):
        found.take((yield from ask(edits.planned(missing[start : start + edits.PLAN_ENTRIES_AT_ONCE]))))


def _name_by_file(found: TownTasks, plan: PlanFile) -> None:
    """An entry may be called by the id of a task; then the task is called by that entry."""
    named = {name: ref for ref, name in found.names.items()}
    for entry in plan.entries:
        if entry.id in named or entry.id not in found.by_id:
            continue
        other = found.names.get(entry.id)
        if other is not None and any(each.id == other for each in plan.entries):
            detail = f"entries `{other}` and `{entry.id}` are one task"
            raise ConfigError(path="tasks.toml", detail=detail, hint="take one of them out")
        found.names[entry.id] = entry.id


def canonical(plan: PlanFile, base: Mapping[str, Entry], found: TownTasks) -> Steps[tuple[dict[str, Entry], Agents]]:
    """Give the entries of the file with the names that the town has for tasks and agents."""
    agents = Agents()
    known = {task.agent for task in found.by_id.values()} | {entry.agent for entry in base.values()}
    named: dict[str, Entry] = {}
    for entry in plan.entries:
        shown = entry.renamed(found.name)
        if entry.agent is not None:
            if entry.agent not in known:
                yield from agents.find(entry.agent)
            shown = attrs.evolve(shown, agent=agents.name(entry.agent))
        named[entry.id] = shown
    return named, agents


@attrs.define
class Agents:
    """Agents that a plan names, as far as they were looked up; None for one that does not exist."""

    found: dict[str, Agent | None] = attrs.field(factory=dict[str, "Agent | None"])

    def find(self, text: str) -> Steps[Agent | None]:
        """Look an agent up by a name or nickname, once."""
        from tinytown.domain.records import Agent

        if text not in self.found:
            try:
                self.found[text] = yield from show_as(Agent, "agent", text)
            except NotFoundError:
                self.found[text] = None
        return self.found[text]

    def name(self, text: str) -> str:
        """Give the name of an agent that was looked up, or the text."""
        agent = self.found.get(text)
        return text if agent is None else agent.name

"""An entry of a plan as both sides show it, so that they can be compared field by field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from tinytown.domain.records import Task
from tinytown.domain.states import CLOSED_TASKS, TaskState

FIELDS = ("description", "agent", "role", "status", "tags", "depends_on", "parent", "result")
LISTS = frozenset({"tags", "depends_on"})
SAYS = ("description", "role", "tags", "depends_on", "parent")
"""Fields that `edit` changes."""
STATUSES = (*map(str, TaskState), "in_flight")
"""Words for the status; the last one is an older word for ``running``."""
CLOSED = frozenset(map(str, CLOSED_TASKS))
RESULT_SHOWN = 2000


@attrs.frozen(kw_only=True)
class Entry:
    """One entry of a plan.

    Attributes:
        id: Its name, which never changes.
        description: What is to be done.
        agent: Who does it.
        role: Which role should do it.
        status: A state of a task; None in a file that does not say.
        tags: Words to find it by.
        depends_on: Entries or tasks that must be completed first.
        parent: The entry or task that it is a part of.
        result: What came of it; only the town writes it.
    """

    id: str
    description: str
    agent: str | None = None
    role: str | None = None
    status: str | None = None
    tags: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    parent: str | None = None
    result: str | None = None

    def get(self, field: str) -> Any:
        """Give a field by its name."""
        return getattr(self, field)

    def renamed(self, name: Callable[[str], str]) -> Entry:
        """Give the entry with other words for what it refers to."""
        return attrs.evolve(
            self,
            depends_on=tuple(dict.fromkeys(map(name, self.depends_on))),
            parent=None if self.parent is None else name(self.parent),
        )


def entry_from(fields: Mapping[str, Any]) -> Entry:
    """Make an entry of plain values, as they were written to a file of JSON."""
    known: dict[str, Any] = {name: fields.get(name) for name in ("id", *FIELDS)}
    known |= {name: tuple(known[name] or ()) for name in LISTS}
    return Entry(**known)


def same(field: str, one: Any, other: Any) -> bool:
    """Say whether two values of a field mean the same; the order of lists means nothing."""
    return sorted(one) == sorted(other) if field in LISTS else one == other


def entry_of(task: Task, name: Callable[[str], str]) -> Entry:
    """Show a task as an entry.

    Args:
        task: The task. An order that waits for its round to end counts as done.
        name: Gives the id of the entry that a task's id stands for, or the id itself.
    """
    agent, status = task.agent, str(task.state)
    ordered = _AFTER_ORDER.get(str((task.order or {}).get("verb", "")))
    if ordered is not None:
        agent, status = (None, ordered) if ordered == "pending" else (agent, ordered)
    return Entry(
        id=name(task.id),
        description=task.description,
        agent=agent,
        role=task.role,
        status=status,
        tags=task.tags,
        depends_on=tuple(map(name, task.depends_on)),
        parent=None if task.parent_id is None else name(task.parent_id),
        result=_short(task),
    )


_AFTER_ORDER = {"cancel": "cancelled", "fail": "failed", "requeue": "pending"}


def _short(task: Task) -> str | None:
    if task.result is None or len(task.result) <= RESULT_SHOWN:
        return task.result
    return f"{task.result[:RESULT_SHOWN]} … (`tt task show {task.id}` shows all of it)"


def slug(text: str, taken: Iterable[str]) -> str:
    """Make a readable id of a description that nothing else has."""
    import re
    import unicodedata

    plain = unicodedata.normalize("NFKD", text.strip()[:200].split("\n")[0]).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    base = words if len(words) <= 40 else words[:40].rpartition("-")[0] or words[:40]  # noqa: PLR2004 - as long as reads well
    base, known, number = base or "task", set(taken), 1
    found = base
    while found in known:
        number += 1
        found = f"{base}-{number}"
    return found


def circle(needs: Mapping[str, Iterable[str]]) -> list[str] | None:
    """Give a way from a name round to itself by what each needs, or None."""
    done: set[str] = set()
    for start in needs:
        way: list[str] = []
        stack = [(start, iter(()) if start in done else iter(needs.get(start, ())))]
        on_way = {start}
        way.append(start)
        while stack:
            name, rest = stack[-1]
            needed = next(rest, None)
            if needed is None:
                stack.pop()
                way.pop()
                on_way.discard(name)
                done.add(name)
            elif needed in on_way:
                return [*way[way.index(needed) :], needed]
            elif needed not in done and needed in needs:
                stack.append((needed, iter(needs[needed])))
                way.append(needed)
                on_way.add(needed)
    return None


def in_order(needs: Mapping[str, Iterable[str]]) -> list[str]:
    """Order names so that each comes after what it needs; otherwise as they came. There must be no circle."""
    found: dict[str, None] = {}
    for start in needs:
        stack = [start]
        while stack:
            name = stack[-1]
            missing = [needed for needed in needs[name] if needed in needs and needed not in found]
            if missing and name not in found:
                stack.append(missing[0])
            else:
                found.setdefault(name)
                stack.pop()
    return list(found)

"""Calls that change what a task says, and those by which a plan names its tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tinytown.domain.records import Task
from tinytown.storage import codec
from tinytown.storage.calls._make import change, query, rows
from tinytown.storage.calls.answers import Changed
from tinytown.storage.protocol import Answer, Call

Values = Mapping[str, str | Sequence[str]]
"""By the names of the record's fields: ``description role tags depends_on parent_id``; empty for nothing."""

PLAN_ENTRIES_AT_ONCE = 200


def _changed(answer: Answer) -> Changed:
    return Changed(task=codec.record(Task, answer["task"]))


def edit(
    task: str, values: Values, *, seen: Values | None = None, round_id: str | None = None, by: str | None = None
) -> Call[Changed]:
    """Change what a task says; what it says already is no change.

    Args:
        task: The task.
        values: What it shall say.
        seen: What it said when it was read; a field that says something else by now is refused.
        round_id: Only to be refused: what a task says is for people to change.
        by: Who changes it.
    """
    args = {"task": task, "set": dict(values), "seen": dict(seen) if seen else None, "round_id": round_id, "by": by}
    return change("task_edit", args, _changed, allowed=rows("task", "edit"))


def link(task: str, plan_id: str, *, round_id: str | None = None, by: str | None = None) -> Call[Changed]:
    """Name a task by the id of an entry of a plan; one that has such a name keeps it."""
    return change("plan_link", {"task": task, "plan_id": plan_id, "round_id": round_id, "by": by}, _changed)


def planned(entries: Sequence[str]) -> Call[tuple[Task, ...]]:
    """Give the tasks that entries of a plan, or whole ids of tasks, name; at most ``PLAN_ENTRIES_AT_ONCE``."""
    return query("plan_tasks", {"entries": list(entries)}, lambda answer: codec.records(Task, answer.get("items")))

"""What is taken off the books is written under `.tt/trash` first, where a person finds it again."""

from __future__ import annotations

import json
from pathlib import Path

import attrs

from tinytown.config.files import private_dir, write_private
from tinytown.domain.records import Task
from tinytown.errors import NotFoundError
from tinytown.services.context import TownContext
from tinytown.services.steps import Steps, ask, local
from tinytown.storage.calls import town as town_calls


def keep_task(context: TownContext, ref: str) -> Steps[int]:
    """Write a task with its history to `.tt/trash/tasks/`; writing it again replaces the file.

    Args:
        context: The town.
        ref: Id of the task.

    Returns:
        When the task was changed last, so that one that has changed since can be told apart.

    Raises:
        NotFoundError: There is no such task any more.
    """
    shown = yield from ask(town_calls.show(ref, "task"))
    task = shown.record
    if not isinstance(task, Task):
        raise NotFoundError(kind="task", ref=ref)
    text = json.dumps({"task": attrs.asdict(task), "history": list(shown.history)}, ensure_ascii=False, indent=1)
    file = trashed_task(context, task.id)
    yield from local(lambda: _write(file, text))
    return task.updated_at


def trashed_task(context: TownContext, task_id: str) -> Path:
    """Give the file that a deleted task is kept in."""
    return context.paths.trash / "tasks" / f"{task_id}.json"


def _write(file: Path, text: str) -> None:
    private_dir(file.parents[1])
    private_dir(file.parent)
    write_private(file, text.encode())

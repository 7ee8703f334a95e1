"""Changing what a task says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tinytown.domain.records import Task
from tinytown.errors import UsageError
from tinytown.services import checks
from tinytown.services.context import TownContext
from tinytown.services.steps import Steps, ask
from tinytown.services.working import see_to_it
from tinytown.storage.calls import edits


def edit(
    context: TownContext,
    ref: str | Task,
    *,
    text: str | None = None,
    role: str | None = None,
    tags: Iterable[str] | None = None,
    depends_on: Iterable[str] | None = None,
    parent: str | None = None,
) -> Steps[Task]:
    """Change what an open task says. What is left out stays; an empty text or list takes away.

    A task that a round works on, or whose gates run, cannot be edited: its agent has read the old text. What is
    changed there is said by mail, or after `requeue`. New dependencies let a task wait; without open ones it goes on.

    Args:
        context: The town.
        ref: The task. A record instead of an id also says what was read: what has changed since is refused.
        text: What is to be done.
        role: Which role should do it.
        tags: Words to find it by; all of them.
        depends_on: Tasks that must be completed first; all of them.
        parent: The task that it is a part of.

    Returns:
        The task as it is on record.

    Raises:
        InvalidValueError: An argument is of the wrong form; nothing was changed.
        NotFoundError: A dependency or the parent does not exist.
        WrongStateError: It is closed, or a round works on it.
        RefusedError: It has changed since it was read, tasks would wait for each other, or a dependency has failed.
    """
    values = checked(text=text, role=role, tags=tags, depends_on=depends_on, parent=parent)
    if not values:
        raise UsageError(detail="nothing was named that shall change", hint="name a description, role, tags, …")
    seen = None
    if isinstance(ref, Task):
        seen, ref = {name: value for name, value in says(ref).items() if name in values}, ref.id
    call = edits.edit(checks.ref(ref, what="task"), values, seen=seen, **context.actor.fields)
    changed = yield from ask(call)
    yield from see_to_it(context)
    return changed.task


def checked(
    *,
    text: str | None = None,
    role: str | None = None,
    tags: Iterable[str] | None = None,
    depends_on: Iterable[str] | None = None,
    parent: str | None = None,
) -> dict[str, str | Sequence[str]]:
    """Check what a task shall say, by the names of the record's fields; None stands for what stays."""
    values: dict[str, str | Sequence[str]] = {}
    if text is not None:
        values["description"] = checks.body(text, what="task")
    if role is not None:
        values["role"] = checks.plain_name(role, what="role") if role.strip() else ""
    if tags is not None:
        values["tags"] = list(checks.tags(tags))
    if depends_on is not None:
        values["depends_on"] = list(checks.refs(depends_on, what="dependencies"))
    if parent is not None:
        values["parent_id"] = checks.ref(parent, what="parent") if parent.strip() else ""
    return values


def says(task: Task) -> dict[str, str | Sequence[str]]:
    """Give what a task says, by the names of the record's fields that can be edited."""
    return {
        "description": task.description,
        "role": task.role or "",
        "tags": list(task.tags),
        "depends_on": list(task.depends_on),
        "parent_id": task.parent_id or "",
    }

"""Looking at the plan of a town, and beginning one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from tinytown.config.files import write_shared
from tinytown.config.plan_file import read_plan
from tinytown.config.plan_write import EXAMPLE
from tinytown.domain.plan_entries import Entry
from tinytown.errors import RefusedError
from tinytown.services.plan_view import read_tasks
from tinytown.services.steps import Steps, local

if TYPE_CHECKING:
    from pathlib import Path

    from tinytown.config.paths import TownPaths
    from tinytown.domain.records import Task
    from tinytown.services.context import TownContext


@attrs.frozen(kw_only=True)
class Planned:
    """An entry of the file with its task.

    Attributes:
        entry: What the file says.
        task: Its task; None where it was not pushed yet, or the town cannot be reached.
    """

    entry: Entry
    task: Task | None = None

    def as_json(self) -> Mapping[str, Any]:
        """Give it as plain values: what the file says, and the id and state of the task."""
        task = self.task
        return {
            **attrs.asdict(self.entry),
            "status": self.entry.status or "pending",
            "task": None if task is None else task.id,
            "state": None if task is None else str(task.state),
            "reason": None if task is None else task.reason,
        }


def plan(context: TownContext) -> Steps[tuple[Planned, ...]]:
    """List the entries of the file `tasks.toml` with their tasks.

    Raises:
        ConfigError: The file cannot be read, or says what it must not.
    """
    file = yield from local(lambda: read_plan(context.paths.plan))
    found = yield from read_tasks(file, {})
    return tuple(Planned(entry=entry, task=found.task(entry.id)) for entry in file.entries)


def plan_without_town(paths: TownPaths) -> tuple[Planned, ...]:
    """List the entries of the file alone."""
    return tuple(Planned(entry=entry) for entry in read_plan(paths.plan).entries)


def write_example(paths: TownPaths, *, force: bool = False) -> Path:
    """Write an example of a plan.

    Args:
        paths: Files of the town.
        force: Whether a plan that is there is replaced.

    Raises:
        RefusedError: There is a plan.
        ConfigError: It cannot be written.
    """
    if os.path.lexists(paths.plan) and not force:
        raise RefusedError(
            refusal="plan_exists",
            detail=f"`{paths.plan}` exists already",
            hint="edit it, or replace it by the example with `--force`",
        )
    write_shared(paths.plan, EXAMPLE.encode())
    return paths.plan

"""Play the demo: a town of three agents repairs, reviews and documents, while a person watches."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from tinytown_cli.demo import stage

if TYPE_CHECKING:
    from tinytown import Town
    from tinytown.domain.records import Event, Task

WAIT_SECS = 60.0


@attrs.frozen(kw_only=True)
class Played:
    """How the demo went.

    Attributes:
        root: The town's folder; it is gone unless ``kept``.
        tasks: The three tasks at the end.
        commits: The commits of the repository, the newest first.
        rejections: How often a gate sent work back.
        seconds: How long it took.
        kept: Whether the folder was left for the reader.
    """

    root: Path
    tasks: tuple[Task, ...]
    commits: tuple[str, ...]
    rejections: int
    seconds: float
    kept: bool


def play(tell: Callable[[str], None], *, keep: bool = False, env: Mapping[str, str] | None = None) -> Played:
    """Make the repository and the town, let the agents work, and take everything away again.

    Args:
        tell: Gets one line of progress at a time.
        keep: Leave the folder, with the town stopped.
        env: Environment of the caller; that of the process when left out.

    Returns:
        How it went.

    Raises:
        TinytownError: Something did not work; the folder is taken away all the same.
    """
    from tinytown import Town

    begun = time.monotonic()
    root = Path(tempfile.mkdtemp(prefix="tinytown-demo-")).resolve()
    caller = dict(os.environ if env is None else env)
    own = {name: value for name, value in caller.items() if not name.startswith(("TINYTOWN_", "REDIS_URL"))}
    for name in ("TINYTOWN_REDIS_SERVER", "TINYTOWN_HOME"):
        if name in caller:
            own[name] = caller[name]
    own["TINYTOWN_SCRIPT"] = str(root / ".tt" / "parts.json")
    try:
        stage.build(root)
        tell(f"a repository with a failing test: {root}")
        (root / "tinytown.toml").write_text(stage.town_file("demo"))
        (root / ".tt").mkdir(mode=0o700)
        Path(own["TINYTOWN_SCRIPT"]).write_text(json.dumps(stage.parts()))
        with Town.open(root, env=own) as town:
            try:
                tasks = _work(town, tell)
            finally:
                town.stop(timeout=0, now=True)
        commits = tuple(stage.history(root))
        rejections = sum(task.rejections for task in tasks)
        seconds = time.monotonic() - begun
        return Played(root=root, tasks=tasks, commits=commits, rejections=rejections, seconds=seconds, kept=keep)
    finally:
        if not keep:
            shutil.rmtree(root, ignore_errors=True)


def _work(town: Town, tell: Callable[[str], None]) -> tuple[Task, ...]:
    for name, role in (("fixer", "worker"), ("reviewer", "reviewer"), ("writer", "writer")):
        town.spawn(name, cli="script", role=role)
        tell(f"agent `{name}` is here, a {role}")
    repair = town.add_task("The discount of the shop is wrong. Repair it, so that its tests pass.", agent="fixer")
    review = town.add_task(
        f"Review the repair of {repair.id}.", agent="reviewer", depends_on=(repair.id,), tags=("review",)
    )
    write = town.add_task("Write a README for the shop.", agent="writer", depends_on=(repair.id,))
    names = {repair.id: "repair", review.id: "review", write.id: "document"}
    open_tasks = set(names)
    for event in town.follow("0"):
        line = _line(event, names)
        if line:
            tell(line)
        if event.type in {"task.completed", "task.failed", "task.cancelled", "task.blocked"}:
            open_tasks.discard(event.task_id or "")
            if not open_tasks:
                break
    return tuple(town.wait(ref, timeout=WAIT_SECS) for ref in names)  # pyright: ignore[reportReturnType] - ids of tasks


def _line(event: Event, names: Mapping[str, str]) -> str | None:
    """Say what an event means for somebody who watches; most say nothing."""
    task = names.get(event.task_id or "", "")
    texts = {
        "task.started": f"{task}: its agent has begun",
        "task.submitted": f"{task}: submitted",
        "gate.failed": f"{task}: gate `{event.detail}` does not hold; the findings go back",
        "gate.passed": f"{task}: gate `{event.detail}` holds",
        "task.completed": f"{task}: completed",
        "task.blocked": f"{task}: blocked, {event.detail}",
    }
    return texts.get(event.type) if task else None


def summary(played: Played) -> list[str]:
    """Write what happened, for the end."""
    lines = ["", f"Three tasks completed in {played.seconds:.1f} s; a gate sent work back {played.rejections} time(s)."]
    lines += [f"  {task.id}  {task.state:<9}  {task.agent:<8}  {task.result or ''}" for task in played.tasks]
    lines += ["Commits:", *(f"  {commit}" for commit in played.commits)]
    end = f"The town is stopped; its folder is {played.root}" if played.kept else "Nothing is left of it."
    return [*lines, end]


if __name__ == "__main__":
    sys.stdout.write("\n".join(summary(play(lambda line: print(line, file=sys.stderr)))) + "\n")

"""Play the demo: a town of three agents repairs, reviews and documents, while a person watches."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

import attrs
from tinytown.errors import RefusedError, TinytownError

from tinytown_cli.demo import stage

if TYPE_CHECKING:
    from tinytown import Town
    from tinytown.domain.records import Event, Task

WAIT_SECS = 60.0
WATCH_SECS = 2.0
"""How long the end waits for the last lines of progress."""


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

    if shutil.which("git") is None:
        raise RefusedError(detail="the demo needs `git`", refusal="no_git", hint="install git and repeat `tt demo`")
    begun = time.monotonic()
    root = Path(tempfile.mkdtemp(prefix="tinytown-demo-")).resolve()
    try:
        stage.build(root)
        tell(f"a repository with a failing test: {root}")
        (root / "tinytown.toml").write_text(stage.town_file("demo"))
        (root / ".tt").mkdir(mode=0o700)
        script = root / ".tt" / "parts.json"
        script.write_text(json.dumps(stage.parts()))
        with Town.open(root, env=_own_environment(os.environ if env is None else env, root, script)) as town:
            try:
                tasks = _work(town, tell)
            finally:
                town.stop(timeout=0, now=True)
        return Played(
            root=root,
            tasks=tasks,
            commits=tuple(stage.history(root)),
            rejections=sum(task.rejections for task in tasks),
            seconds=time.monotonic() - begun,
            kept=keep,
        )
    finally:
        if not keep:
            shutil.rmtree(root, ignore_errors=True)


def _own_environment(env: Mapping[str, str], root: Path, script: Path) -> dict[str, str]:
    """Give the environment of the demo: no other town, no other server, and a home that goes away with it."""
    own = {name: value for name, value in env.items() if not name.startswith("TINYTOWN_") and name != "REDIS_URL"}
    if "TINYTOWN_REDIS_SERVER" in env:
        own["TINYTOWN_REDIS_SERVER"] = env["TINYTOWN_REDIS_SERVER"]
    return {**own, "TINYTOWN_HOME": str(root / ".tt" / "home"), "TINYTOWN_SCRIPT": str(script)}


def _work(town: Town, tell: Callable[[str], None]) -> tuple[Task, ...]:
    for name, role in (("fixer", "worker"), ("reviewer", "reviewer"), ("writer", "writer")):
        town.spawn(name, cli="script", role=role)
        tell(f"agent `{name}` is here, a {role}")
    repair = town.add_task("The discount of the shop is wrong. Repair it, so that its tests pass.", agent="fixer")
    review = town.add_task(f"Review the repair of {repair.id}.", agent="reviewer", depends_on=(repair.id,))
    write = town.add_task("Write a README for the shop.", agent="writer", depends_on=(repair.id,))
    names = {repair.id: "repair", review.id: "review", write.id: "document"}
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(town.follow("0"), names, tell, done), daemon=True)
    watcher.start()
    tasks = tuple(cast("Task", town.wait(ref, timeout=WAIT_SECS)) for ref in names)
    done.wait(WATCH_SECS)
    return tasks


def _watch(
    events: Iterator[Event], names: Mapping[str, str], tell: Callable[[str], None], done: threading.Event
) -> None:
    """Tell what happens until all tasks are completed."""
    left = set(names)
    with contextlib.suppress(TinytownError):  # the town may be stopped under a watcher; that is no news
        for event in events:
            line = _line(event, names)
            if line:
                tell(line)
            if event.type == "task.completed":
                left.discard(event.task_id or "")
            if not left:
                break
    done.set()


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

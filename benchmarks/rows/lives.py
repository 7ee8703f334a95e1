"""Whole lives of tasks through one node, without agents' processes."""

from __future__ import annotations

import subprocess
import threading
import time

from tinytown.domain.ids import IdKind, new_id
from tinytown.storage.calls import tasks
from tinytown.storage.calls import town as town_calls
from tinytown.testing.towns import TestTown

from benchmarks.counting import in_bulk
from benchmarks.places import noop_node, town
from benchmarks.result import Budget, Line, must

_FSYNC = "everysec"
_CLI = "noop"
_AGENTS = 16


def measure(*, quick: bool) -> list[Line]:
    """Add many tasks and let them through, several times over."""
    count, batches = (400, 2) if quick else (2000, 5)
    rates: list[float] = []
    config = f"max_agents = {_AGENTS}"
    with (
        town(fsync=_FSYNC, config=config, options={_CLI: 'command = "/usr/bin/true"'}, scripts={_CLI: ""}) as place,
        noop_node(place, _CLI, _AGENTS) as (process, agents),
    ):
        threading.Thread(target=_drain, args=(process,), daemon=True).start()  # a full pipe would hold it up
        place.until(place.add(agent=agents[0]), "completed")
        for batch in range(batches):
            wanted = 1 + (batch + 1) * count
            began = time.perf_counter()
            calls = (tasks.add(new_id(IdKind.TASK), "do it", agent=agents[n % _AGENTS]) for n in range(count))
            in_bulk(place.serve().socket, place.name, calls, batch=100)
            place.wait(lambda wanted=wanted: _completed(place) >= wanted, f"{count} tasks are completed", secs=60)
            rates.append(count / (time.perf_counter() - began))
        must(_completed(place) == 1 + batches * count, "all tasks are completed")
    return [
        Line(
            row="lives",
            what=f"task lives per second, from add to completed, {_AGENTS} agents",
            unit="/s",
            fsync=_FSYNC,
            samples=rates,
            budgets=(Budget(figure="p50", limit=500, least=True),),
            done=f"{batches} batches of {count} tasks: all completed",
        )
    ]


def _drain(process: subprocess.Popen[str]) -> None:
    if process.stdout:
        while process.stdout.readline():
            pass


def _completed(place: TestTown) -> int:
    return place.run(town_calls.status(limit=1)).tasks.get("completed", 0)

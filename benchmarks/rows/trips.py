"""Requests that reach the server: for one verb, for the whole life of a task, and for the overview."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tinytown.domain.ids import IdKind, new_id
from tinytown.storage.calls import agents, tasks
from tinytown.storage.calls import town as town_calls
from tinytown.testing.towns import TestTown

from benchmarks.counting import Requests, Watch, in_bulk
from benchmarks.places import town
from benchmarks.result import Budget, Line, in_turns, must

_FSYNC = "everysec"
_TT = Path(sys.executable).with_name("tt")
_LAST_VERB = "round_end"
_QUIET_SECS = 0.3


def measure(*, quick: bool) -> list[Line]:
    """Count at the server."""
    return [*_verb(), *_life(5 if quick else 20), *_status(quick=quick)]


def _verb() -> list[Line]:
    with town(fsync=_FSYNC, sound=False) as place:
        first, second = (place.spawn(name, cli="noop") for name in ("a", "b"))
        task = place.add(agent=first)
        place.run(tasks.assign(task, second))  # the connection is made and the script is known
        requests = Requests(place.serve().socket)
        place.run(tasks.assign(task, first))
        asked = requests.since()
        must(place.task(task).agent_id == first, "the task was handed over")
    return [_counted("a state verb (assign)", float(sum(asked.values())), 1, f"the task changed hands; {asked}")]


def _life(count: int) -> list[Line]:
    """Count for tasks that come one after the other, each from `add` until its node is quiet again."""
    verbs: list[float] = []
    every: list[float] = []
    kinds: dict[str, int] = {}
    life: list[str] = []
    with town({"w1": "complete('done')"}, fsync=_FSYNC) as place:
        place.start()
        agent = place.spawn("w1")
        place.until(place.add(agent="w1"), "completed")
        for _ in range(count):
            place.wait(lambda: place.agent(agent).state == "idle", "the agent is idle")
            time.sleep(_QUIET_SECS)
            with Watch(place.serve().socket) as watch, place.paths.node_log.open() as log:
                log.seek(0, os.SEEK_END)
                requests = Requests(place.serve().socket)
                task = place.add(agent="w1")
                # Its end is awaited in the node's log, which asks nothing of the server.
                place.wait(lambda log=log: "ended as ok" in log.read(), "the round has ended")
                time.sleep(_QUIET_SECS)
                kinds = requests.since()
                life = watch.verbs()
            life = life[: life.index(_LAST_VERB) + 1]
            verbs.append(len(life))
            every.append(sum(kinds.values()))
            must(place.task(task).state == "completed", f"{task} is completed")
    done = f"each of {count} tasks was completed"
    what = "a task's life with its node and agent"
    return [
        Line(
            row="trips",
            what=f"{what}: verbs from add to completed",
            unit="",
            fsync=_FSYNC,
            samples=verbs,
            budgets=(Budget(figure="p50", limit=5),),
            done=f"{done}; the last one took {', '.join(life)}",
        ),
        Line(
            row="trips",
            what=f"{what}: all requests until the node is quiet, its blocking reads and greetings included",
            unit="",
            fsync=_FSYNC,
            samples=every,
            done=f"{done}; the last one took {kinds}",
        ),
    ]


def _status(*, quick: bool) -> list[Line]:
    agents_count, tasks_count, count = (200, 5_000, 10) if quick else (1000, 100_000, 40)
    with contextlib.ExitStack() as stack:
        empty, full = (stack.enter_context(town(fsync=_FSYNC, sound=False)) for _ in range(2))
        _fill(full, agents_count, tasks_count)
        empty.run(town_calls.status())
        requests = Requests(full.serve().socket)
        found = full.run(town_calls.status())
        asked = requests.since()
        must(found.agents_total == agents_count, f"{found.agents_total} agents are shown")
        must(sum(found.tasks.values()) == tasks_count, f"{found.tasks} tasks are shown")
        called = in_turns({"full": _call(full), "empty": _call(empty)}, count * 5)
        seen = in_turns({"full": _command(full), "empty": _command(empty)}, count)
    size = f"{agents_count:,} agents, {tasks_count:,} tasks"
    done = f"it showed {size}"
    twice = (Budget(figure="ratio", limit=2),)

    def line(what: str, samples: dict[str, list[float]], budgets: tuple[Budget, ...]) -> Line:
        return Line(
            row="trips",
            what=f"{what}, {size}",
            unit="ms",
            fsync=_FSYNC,
            samples=samples["full"],
            against="an empty town",
            reference=samples["empty"],
            budgets=budgets,
            done=done,
        )

    return [
        _counted(f"status, {size}", float(sum(asked.values())), 5, done),
        line("`tt status`", seen, twice),
        line("status as a call (its first page of 100 agents)", called, ()),
    ]


def _fill(place: TestTown, agents_count: int, tasks_count: int) -> None:
    place.spawn("first", cli="noop")
    place.add()
    socket, node = place.serve().socket, place.node_id
    some = (agents.spawn(new_id(IdKind.AGENT), f"w{n}", cli="noop", node=node) for n in range(1, agents_count))
    in_bulk(socket, place.name, some)
    in_bulk(socket, place.name, (tasks.add(new_id(IdKind.TASK), f"number {n}") for n in range(1, tasks_count)))


def _call(place: TestTown) -> Callable[[], float]:
    def once() -> float:
        began = time.perf_counter()
        place.run(town_calls.status())
        return (time.perf_counter() - began) * 1000

    return once


def _command(place: TestTown) -> Callable[[], float]:
    def once() -> float:
        began = time.perf_counter()
        done = subprocess.run([str(_TT), "status"], cwd=place.root, env=place.env, capture_output=True, check=True)
        took = (time.perf_counter() - began) * 1000
        must(done.stdout, "status printed something")
        return took

    return once


def _counted(what: str, value: float, limit: float, done: str) -> Line:
    budgets = (Budget(figure="value", limit=limit),)
    return Line(row="trips", what=f"{what}: requests", unit="", fsync=_FSYNC, value=value, budgets=budgets, done=done)

"""From the moment a new task is accepted to the moment the agent's program runs."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Generator

from tinytown.storage.calls import tasks
from tinytown.testing.towns import TestTown

from benchmarks.places import town
from benchmarks.result import Budget, Line, in_turns, must

PROGRAM = ("/usr/bin/date", "+%s%N")
"""Prints when it runs, in nanoseconds since 1970. Its own start is part of what is measured."""

_SETTLE_SECS = 0.05
"""Between two measurements the node becomes idle: it has recorded the round and a spare process is ready again."""


def measure(*, quick: bool) -> list[Line]:
    """Measure with both settings and, in the same turns, the bare start of the same program."""
    count = 30 if quick else 200
    with contextlib.ExitStack() as stack:
        places = {name: stack.enter_context(_place(name)) for name in ("everysec", "always")}
        measures = {name: (lambda place=place: _once(place)) for name, place in places.items()}
        for measure_one in measures.values():
            measure_one()  # the first round of a node imports its adapter
        samples = in_turns({**measures, "bare": _bare}, count)
    budgets = (Budget(figure="p50", limit=10), Budget(figure="p99", limit=40))
    return [
        Line(
            row="assign",
            what="task accepted → agent's process runs",
            unit="ms",
            fsync=name,
            samples=samples[name],
            against="fork and exec of the same program",
            reference=samples["bare"],
            budgets=budgets if name == "everysec" else (),
            done=f"each of {count} tasks had one round whose log holds the time that the program printed",
        )
        for name in places
    ]


@contextlib.contextmanager
def _place(fsync: str) -> Generator[TestTown]:
    with town(fsync=fsync, options={"w1": f'command = "{" ".join(PROGRAM)}"'}, scripts={"w1": ""}) as found:
        found.start()
        agent = found.spawn("w1")
        found.wait(lambda: found.agent(agent).state == "idle", "the agent is ready")
        yield found


def _once(place: TestTown) -> float:
    """Give the milliseconds for one task; then take the task away and let the node become idle."""
    task = place.add(agent="w1")
    accepted = time.time_ns()
    place.happened("round.ended", task_id=task)
    place.run(tasks.cancel(task))
    begun = next(event for event in place.events("round.started") if event.get("task_id") == task)
    printed = (place.paths.round_dir(begun["round_id"]) / "log").read_text().split()
    must(len(printed) == 1 and printed[0].isdigit(), f"the program printed {printed}")
    place.wait(lambda: place.agent("w1").state == "idle", "the agent is idle")
    time.sleep(_SETTLE_SECS)
    return (int(printed[0]) - accepted) / 1e6


def _bare() -> float:
    began = time.time_ns()
    done = subprocess.run(PROGRAM, capture_output=True, check=True)
    return (int(done.stdout) - began) / 1e6

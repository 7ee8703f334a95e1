"""From a message that was accepted to a node that has taken it."""

from __future__ import annotations

import select
import time
from typing import IO

from tinytown.testing.towns import TestTown

from benchmarks.places import noop_node, town
from benchmarks.result import Budget, Line, NotDoneError, must

_FSYNC = "everysec"
_CLI = "noop"
_PAUSE_SECS = 0.02
_LONGEST_SECS = 10.0


def measure(*, quick: bool) -> list[Line]:
    """Measure with a node that waits on its bell."""
    count = 50 if quick else 500
    with (
        town(
            fsync=_FSYNC,
            config="[agent]\ntaskless_rounds_per_hour = 100000",
            options={_CLI: 'command = "/usr/bin/true"'},
            scripts={_CLI: ""},
        ) as place,
        noop_node(place, _CLI, 1) as (process, agents),
    ):
        output = process.stdout
        if output is None:
            raise NotDoneError("the node says nothing")
        samples = [_once(place, output, agents[0]) for _ in range(count + 5)][5:]
    return [
        Line(
            row="mail",
            what="message sent → taken by a waiting node",
            unit="ms",
            fsync=_FSYNC,
            samples=samples,
            budgets=(Budget(figure="p50", limit=2),),
            done=f"the node named each of {count} messages when it took it",
        )
    ]


def _once(place: TestTown, said: IO[str], agent: str) -> float:
    message = place.send(agent, "hello")
    sent = time.time_ns()
    must(select.select([said], [], [], _LONGEST_SECS)[0], f"the node did not take {message}")
    taken, *ids = said.readline().split()
    must(ids == [message], f"the node took {ids} and not {message}")
    place.wait(lambda: place.agent(agent).state == "idle", "the agent is idle")
    time.sleep(_PAUSE_SECS)
    return (int(taken) - sent) / 1e6

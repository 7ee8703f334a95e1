"""What a node costs while its agents have nothing to do."""

from __future__ import annotations

import time
from collections.abc import Sequence

import psutil
from tinytown.domain.ids import IdKind, new_id
from tinytown.storage.calls import agents
from tinytown.storage.calls import town as town_calls
from tinytown.testing.towns import TestTown

from benchmarks.counting import Requests, in_bulk
from benchmarks.places import town
from benchmarks.result import Budget, Line, must

_CLI = "noop"
_FSYNC = "always"
_MIB = 1024 * 1024
_SETTLE_SECS = 2.0


def measure(*, quick: bool) -> list[Line]:
    """Measure memory, processor and requests of one node with many idle agents."""
    count, secs = (300, 10.0) if quick else (1000, 60.0)
    with town(fsync=_FSYNC, options={_CLI: 'command = "/usr/bin/true"'}, scripts={_CLI: ""}) as place:
        place.start()
        _spawn(place, count)
        place.wait(lambda: _idle(place) == count, f"{count} agents are idle", secs=120)
        time.sleep(_SETTLE_SECS)
        processes = _processes(place)
        sizes = [process.memory_full_info() for process in processes]
        requests, before, began = Requests(place.serve().socket), _cpu(processes), time.monotonic()
        time.sleep(secs)
        took, asked = time.monotonic() - began, requests.since()
        share = (_cpu(processes) - before) / took * 100
        idle, after = _idle(place), _processes(place)
    must(idle == count, f"{idle} of {count} agents are idle")
    done = f"all {count} agents were idle before and after {took:.0f} s"
    what = f"node, {count} idle agents"

    def line(name: str, unit: str, value: float, limit: float | None, proof: str) -> Line:
        budgets = () if limit is None else (Budget(figure="value", limit=limit),)
        return Line(
            row="idle", what=f"{what}: {name}", unit=unit, fsync=_FSYNC, value=value, budgets=budgets, done=proof
        )

    names = f"{done}; the node, its launcher and {len(processes) - 2} spare processes"
    asked_text = ", ".join(f"{number} {name}" for name, number in asked.items())
    return [
        line("memory of its own and its share of shared pages (PSS)", "MiB", sum(map(_pss, sizes)) / _MIB, 120, names),
        line("memory with shared pages counted for each (RSS)", "MiB", sum(s.rss for s in sizes) / _MIB, None, names),
        line("processor, share of a core", "%", share, 0.5, done),
        line("requests to the server per second", "/s", sum(asked.values()) / took, 2, f"{done}: {asked_text}"),
        line("processes beyond those of a node without agents", "", _beyond(after), 0, names),
    ]


def _spawn(place: TestTown, count: int) -> None:
    """Register one agent as a command does, and the others in bulk."""
    place.spawn("first", cli=_CLI)
    node = place.node_id
    in_bulk(
        place.serve().socket,
        place.name,
        (agents.spawn(new_id(IdKind.AGENT), f"w{number}", cli=_CLI, node=node) for number in range(1, count)),
    )


def _idle(place: TestTown) -> int:
    """Count the idle agents, page by page."""
    found, after = 0, None
    while True:
        page = place.run(agents.listing(after=after, limit=500))
        found += sum(agent.state == "idle" for agent in page.items)
        if page.next is None:
            must(place.run(town_calls.status(limit=1)).live == 0, "a round is live")
            return found
        after = page.next


def _processes(place: TestTown) -> Sequence[psutil.Process]:
    process = place.process
    must(process is not None, "the node runs")
    node = psutil.Process(process.pid if process else 0)
    return [node, *node.children(recursive=True)]


def _beyond(processes: Sequence[psutil.Process]) -> int:
    """A node without agents has a launcher, a spare shim, and the process behind its gate."""
    return max(0, len(processes) - 4)


def _cpu(processes: Sequence[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def _pss(size: object) -> int:
    """Give the proportional size of a process; only Linux knows it."""
    return int(getattr(size, "pss", 0))

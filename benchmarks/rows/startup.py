"""Wall time of commands, measured in turns with a Python program that does nothing."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path

import tinytown
from tinytown.testing import servers

from benchmarks.places import place
from benchmarks.result import Budget, Line, in_turns, must

TT = Path(sys.executable).with_name("tt")
_SHORT = {"--version": 2.5, "--help": 16.0}
_LONG = 12.0
_AGENT = "w1"
_LIBRARY = "import redis"
"""What many programs of this kind begin with; it tells how quick this machine is with imports just now."""


def measure(*, quick: bool) -> list[Line]:
    """Measure with compiled modules present, as an installed wheel has them."""
    count = 10 if quick else 40
    with contextlib.ExitStack() as stack:
        cache = stack.enter_context(tempfile.TemporaryDirectory(prefix="ttb-"))
        env = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TINYTOWN", "REDIS"))
        }
        env |= {"PYTHONPYCACHEPREFIX": cache, "NO_COLOR": "1"}
        own = stack.enter_context(_town(env, None))
        server = stack.enter_context(servers.server("valkey", tcp=True))
        other = stack.enter_context(_town(env, server.tcp_url))
        commands: dict[str, tuple[Sequence[str], Mapping[str, str], Path]] = {
            flag: ((str(TT), flag), env, own.root) for flag in _SHORT
        }
        for way, town in (("socket", own), ("tcp", other)):
            task = town.add_task("something to look at").id
            for name, words in _commands(task).items():
                commands[f"{name}, {way}"] = ((str(TT), *words), env, town.root)
        measures: dict[str, Callable[[], float]] = {
            name: (lambda words=words: _run((sys.executable, "-c", words), env, own.root))
            for name, words in {"pass": "pass", _LIBRARY: _LIBRARY}.items()
        }
        for name, (argv, variables, folder) in commands.items():
            measures[name] = _runner(argv, variables, folder)
        for once in measures.values():
            once()  # compiles what it imports
        samples = in_turns(measures, count)
        _check_sent(own, other, count + 1)
    bare, library = samples.pop("pass"), samples.pop(_LIBRARY)
    told = Line(
        row="startup",
        what=f"for comparison: python -c '{_LIBRARY}'",
        unit="ms",
        fsync="-",
        samples=library,
        against="python -c pass",
        reference=bare,
        done="every run left with 0",
    )
    return [*(_line(name, values, bare) for name, values in samples.items()), told]


def _commands(task: str) -> dict[str, Sequence[str]]:
    return {
        "send": ("send", _AGENT, "hello", "--info"),
        "task": ("task", "show", task),
        "inbox": ("inbox",),
        "status": ("status",),
    }


def _line(name: str, values: Sequence[float], bare: Sequence[float]) -> Line:
    fsync = "-" if name in _SHORT else "always" if name.endswith("socket") else "off"
    return Line(
        row="startup",
        what=f"tt {name}",
        unit="ms",
        fsync=fsync,
        samples=values,
        against="python -c pass",
        reference=bare,
        budgets=(Budget(figure="ratio", limit=_SHORT.get(name, _LONG)),),
        done="every run left with 0 and printed something; every message is on record",
    )


@contextlib.contextmanager
def _town(env: Mapping[str, str], url: str | None) -> Generator[tinytown.Town]:
    """Give a town with an idle node and one agent, on its own server or another."""
    with place() as base:
        variables = {**env, "TINYTOWN_HOME": str(base / "home"), "HOME": str(base)}
        (base / "town").mkdir()
        town = tinytown.Town.init(base / "town", redis_url=url, cli="noop", env=variables)
        with town:
            try:
                with town.paths.config.open("a") as file:
                    file.write('\n[agent_clis.noop]\ncommand = "/usr/bin/true"\n')
                with tinytown.Town.open(town.root, env=variables) as ready:
                    ready.spawn(_AGENT, cli="noop")
                    ready.send("conductor", "something to read", kind="info")
                    yield ready
            finally:
                town.stop(now=True)
                _stop_server(town)


def _stop_server(town: tinytown.Town) -> None:
    from tinytown.storage.embedded.server import lock_held, stop_server

    if lock_held(town.paths):
        stop_server(town.paths)


def _runner(argv: Sequence[str], env: Mapping[str, str], folder: Path) -> Callable[[], float]:
    def run() -> float:
        return _run(argv, env, folder, speaks=True)

    return run


def _run(argv: Sequence[str], env: Mapping[str, str], folder: Path, *, speaks: bool = False) -> float:
    began = time.perf_counter()
    done = subprocess.run(argv, env=env, cwd=folder, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    took = (time.perf_counter() - began) * 1000
    must(done.returncode == 0, f"{argv} left with {done.returncode}: {done.stderr.decode()[-500:]}")
    must(done.stdout or not speaks, f"{argv} printed nothing")
    return took


def _check_sent(own: tinytown.Town, other: tinytown.Town, count: int) -> None:
    for town in (own, other):
        found = town.agent(_AGENT).mail
        must(found == count, f"{found} of {count} messages are on record")

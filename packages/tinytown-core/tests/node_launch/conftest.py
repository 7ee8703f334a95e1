"""Rounds of real processes, and the certainty that none of them outlives its test."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tinytown.node import processes
from tinytown.node.launch import files
from tinytown.node.launch.client import Launcher, launcher_environment
from tinytown.node.launch.files import Spec
from tinytown.node.launch.rounds import RoundProcess, RoundState

DEADLINE = 30.0
PATH = os.environ["PATH"]


class Playground:
    """Prepares rounds in a folder of the test, launches them and clears up."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.marks: list[str] = []

    def prepare(self, script: str | list[str], name: str | None = None, **changes: Any) -> RoundProcess:
        """Prepare a round that runs a shell script (or an argv)."""
        name = name or f"r-{uuid.uuid4().hex}"  # tests run side by side, and a round is known by its id
        directory = self.root / "rounds" / name
        argv = ["/bin/sh", "-c", script] if isinstance(script, str) else script
        spec = Spec(
            round_id=name,
            argv=argv,
            env={"PATH": PATH, "TINYTOWN_ROUND_ID": name},
            cwd=str(self.root),
            stdin=None,
            log=str(directory / "log"),
            interrupt_secs=0.3,
            terminate_secs=0.3,
            kill_secs=5.0,
        )._replace(**changes)
        files.prepare(directory, spec)
        self.marks.append(spec.mark)
        return RoundProcess(directory)

    @contextlib.asynccontextmanager
    async def launcher(self, **environment: str) -> AsyncIterator[Launcher]:
        launcher = Launcher({**launcher_environment(), **environment})
        try:
            yield launcher
        finally:
            await launcher.close()

    async def run(self, process: RoundProcess, **environment: str) -> RoundState:
        async with self.launcher(**environment) as launcher:
            await launcher.launch(process.directory)
            return await process.wait()

    def clear(self) -> None:
        for started in self.root.glob("rounds/*/started"):
            with contextlib.suppress(ValueError):  # a test damaged it
                claim = files.read_claim(started.parent)
                if claim is not None and claim.owner.pid != os.getpid():
                    processes.send(claim.owner, signal.SIGKILL)
        end_all(lambda row: any(processes.carries(row.pid, mark) for mark in self.marks))


def end_all(chosen: Callable[[processes.ProcessInfo], bool]) -> None:
    """Kill processes until a look finds none: one may be about to start another."""
    while rows := [row for row in processes.table().values() if chosen(row)]:
        for row in rows:
            processes.send(row.identity, signal.SIGKILL)


@pytest.fixture
def end_session() -> Callable[[int], None]:
    """Kill a session that a test made and that carries no mark."""
    return lambda session: end_all(lambda row: row.session == session)


@pytest.fixture
def playground(tmp_path: Path) -> Iterator[Playground]:
    playground = Playground(tmp_path)
    yield playground
    playground.clear()


@pytest.fixture
def play() -> Callable[[Awaitable[Any]], Any]:
    """Run a coroutine with a deadline."""

    def run(scenario: Awaitable[Any]) -> Any:
        async def bounded() -> Any:
            async with asyncio.timeout(DEADLINE):
                return await scenario

        return asyncio.run(bounded())

    return run


@pytest.fixture
def shows() -> Callable[[RoundProcess, bytes], Awaitable[bytes]]:
    """Wait until a live round has printed something; returns all it printed so far."""

    async def wait(process: RoundProcess, text: bytes) -> bytes:
        seen, reader = b"", process.log()
        async for _ in process.growth():
            while data := reader.read().data:
                seen += data
            if text in seen:
                return seen
        raise AssertionError(f"the round ended and printed only {seen!r}")

    return wait


@pytest.fixture
def python() -> str:
    """An interpreter for scripted CLIs."""
    return sys.executable

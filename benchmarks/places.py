"""Towns to measure in: throw-away folders with a server and, where asked for, a node of their own."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

from tinytown.testing import towns
from tinytown.testing.towns import TestTown

from benchmarks.result import must


@contextlib.contextmanager
def place() -> Generator[Path]:
    """Give an empty folder with a short path, since a socket's may not be long."""
    with tempfile.TemporaryDirectory(prefix="ttb-") as name:
        yield Path(name)


@contextlib.contextmanager
def town(scripts: Mapping[str, str] | None = None, *, fsync: str = "everysec", **more: Any) -> Generator[TestTown]:
    """Give a town that ends with the block; see `tinytown.testing.towns.town`."""
    with place() as base, towns.town(base, scripts, fsync=fsync, **more) as found:
        found.serve()
        kept = found.command("CONFIG", "GET", "appendfsync")[1]
        must(kept == fsync, f"the server keeps its file with {kept}")
        yield found


@contextlib.contextmanager
def noop_node(place: TestTown, prefix: str, count: int) -> Generator[tuple[subprocess.Popen[str], list[str]]]:
    """Run a node without processes on a town, with some idle agents.

    Args:
        place: The town; it must have no node.
        prefix: Of the agents' names, which is their CLI's too.
        count: How many agents.

    Yields:
        Its process, whose output tells of the rounds that it took, and the agents' ids.
    """
    repository = Path(__file__).parent.parent
    place.serve()
    names = [place.spawn(f"{prefix}{number}", cli=prefix) for number in range(count)]
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.noop_node", "--town", str(place.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=place.env,
        cwd=repository,
    )
    try:
        place.wait(lambda: all(place.agent(ref).state == "idle" for ref in names), "the agents are idle")
        yield process, names
    finally:
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()

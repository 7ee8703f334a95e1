"""Towns whose wall clocks can be turned: the server's, the node's machine's, or both."""

from __future__ import annotations

import contextlib
import itertools

import attrs
import pytest
from tinytown.domain.clock import SystemClock
from tinytown.testing import servers, towns
from tinytown.testing.pytest_plugin import DURABLE, make_clock, required
from tinytown.testing.servers import TestServer
from tinytown.testing.towns import TestTown
from tinytown.testing.wall_clock import WallClock

__all__ = ["make_clock"]


@attrs.frozen
class Clocked:
    """A town with two clocks.

    Attributes:
        town: The town; its node runs.
        server: Its server.
        clocks: The clock of its server and that of its node's machine, by name.
    """

    town: TestTown
    server: TestServer
    clocks: dict[str, WallClock]

    def jump(self, where: str, seconds: int) -> None:
        """Turn the clock of the ``server``, of the ``machine``, or of ``both``, and wait until the server shows it."""
        for name, turned in self.clocks.items():
            if where in {name, "both"}:
                turned.jump(seconds)
        if where != "machine":
            self.town.wait(lambda: abs(self.ahead() - seconds) < 5, "the server has the new time")

    def ahead(self) -> float:
        """How many seconds the server's clock is ahead of the true time."""
        return int(self.server.command("TIME")[0]) - SystemClock().now_ms() / 1000

    def spawn(self, name: str, **more: object) -> str:
        """Register an agent whose process has the clock of its machine."""
        return self.town.spawn(name, env=self.clocks["machine"].env, **more)


@pytest.fixture
def make_clocked(request, tmp_path, make_clock):
    """Make towns with clocks, on a server of the kind that the test names."""
    numbers = itertools.count()
    with required(request.param), contextlib.ExitStack() as stack:

        def make(scripts, *, start=True, **more):
            base = tmp_path / f"b{next(numbers)}"
            base.mkdir()
            clocks = {"server": make_clock(), "machine": make_clock()}
            server = stack.enter_context(servers.server(request.param, env=clocks["server"].env, settings=DURABLE))
            machine = clocks["machine"]
            made = towns.town(base, scripts, env=machine.env, python=machine.python, socket=server.socket, **more)
            clocked = Clocked(stack.enter_context(made), server, clocks)
            if start:
                clocked.town.start()
            return clocked

        yield make

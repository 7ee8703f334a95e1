"""Fixtures with real servers, for our tests and for those of storage plugins.

Load them with ``pytest_plugins = ["tinytown.testing.pytest_plugin"]`` or import the names into a ``conftest.py``.
One server of each kind runs per worker; tests keep apart by the name of their town.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from tinytown.domain.ids import IdKind, new_id
from tinytown.storage import keys
from tinytown.testing import servers, wall_clock
from tinytown.testing.servers import KINDS, MissingServerError, TestServer
from tinytown.testing.wall_clock import MissingClockError, WallClock

PASSWORD = "p@ss/w:rd#1?%"  # noqa: S105 - a test's, with every character that means something in a URL


@contextlib.contextmanager
def required(kind: str) -> Generator[None]:
    """Turn a missing binary into a skipped test, or into a failure where servers are required."""
    _demand(lambda: servers.binary(kind), MissingServerError)
    yield


def _demand(find: Callable[[], object], missing: type[Exception]) -> None:
    try:
        find()
    except missing as error:
        if os.environ.get("TINYTOWN_REQUIRE_SERVERS"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture
def make_clock(tmp_path: Path) -> Iterator[Callable[[], WallClock]]:
    """Make wall clocks that the test may turn, each for the programs that are started with its variables."""
    _demand(wall_clock.library, MissingClockError)
    numbers = itertools.count()
    with contextlib.ExitStack() as stack:

        def make() -> WallClock:
            folder = tmp_path / f"clock{next(numbers)}"
            folder.mkdir()
            return stack.enter_context(wall_clock.clock(folder))

        yield make


@pytest.fixture(scope="session", params=KINDS)
def shared_server(request: pytest.FixtureRequest) -> Iterator[TestServer]:
    """One running server of each kind for the whole worker, with a socket, a TCP port and no password."""
    with required(request.param), servers.server(request.param, tcp=True) as running:
        yield running


@pytest.fixture
def town_name() -> str:
    """A name that no other test uses."""
    return "town" + new_id(IdKind.TASK).removeprefix("t-")


@pytest.fixture
def server(shared_server: TestServer, town_name: str) -> Iterator[TestServer]:
    """The shared server; every key that the test leaves must be of its town, and is removed."""
    before = _all_keys(shared_server)
    yield shared_server
    left = _all_keys(shared_server) - before
    if left:
        shared_server.command("DEL", *sorted(left))
    strangers = {key for key in left if not key.startswith(keys.prefix(town_name))}
    assert not strangers, f"keys outside the test's town: {sorted(strangers)}"  # noqa: S101 - a test's check


@pytest.fixture(params=KINDS)
def own_server(request: pytest.FixtureRequest) -> Iterator[TestServer]:
    """A server that the test may kill, freeze or fill."""
    with required(request.param), servers.server(request.param, tcp=True, settings=DURABLE) as running:
        yield running


@pytest.fixture(params=KINDS)
def locked_server(request: pytest.FixtureRequest) -> Iterator[TestServer]:
    """A server with a password."""
    with required(request.param), servers.server(request.param, tcp=True, password=PASSWORD) as running:
        yield running


DURABLE = {"appendonly": "yes", "appendfsync": "always"}
"""Settings under which a killed server has kept everything."""


def _all_keys(running: TestServer) -> set[str]:
    found = running.command("KEYS", "*")
    if not isinstance(found, list):
        raise TypeError(f"KEYS answered {found!r}")
    return {str(key) for key in found}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]

"""Towns on real servers for the contract: two clients of a storage, and a plain connection to look behind it."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Generator, Sequence
from typing import Any

import pytest
from tinytown.domain.ids import IdKind, new_id
from tinytown.storage.redis.lean import LeanTransport
from tinytown.storage.redis.plugin import open_sync
from tinytown.storage.redis.scripts import Scripts
from tinytown.storage.redis.urls import parse
from tinytown.storage.redis.wire import Deadline, or_raise
from tinytown.testing.pytest_plugin import shared_server
from tinytown.testing.servers import TestServer
from tinytown.testing.subjects import ServerSubject, server_subject

__all__ = ["on_server", "open_town", "shared_server", "town_on"]

TownOn = Callable[..., contextlib.AbstractContextManager[ServerSubject]]


@contextlib.contextmanager
def town_on(server: TestServer, scripts: Scripts | None = None) -> Generator[ServerSubject]:
    """Open a new town on a server."""
    address = parse(server.url)
    wire = LeanTransport(address.endpoints[0], address, Deadline(10))

    def pipeline(commands: Sequence[Sequence[str]]) -> list[Any]:
        return [or_raise(reply) for reply in wire.execute_many([tuple(words) for words in commands], Deadline(10))]

    town = "kit" + new_id(IdKind.TASK)[2:]
    try:
        with server_subject(
            lambda clock: open_sync(server.url, town, clock=clock, scripts=scripts), pipeline, town
        ) as s:
            yield s
    finally:
        wire.close()


@pytest.fixture
def on_server(shared_server: TestServer) -> TownOn:
    """Opens a new town on the shared server; perhaps with other scripts."""
    return functools.partial(town_on, shared_server)


@pytest.fixture
def open_town() -> TownOn:
    """Opens a new town on a server; perhaps with other scripts."""
    return town_on

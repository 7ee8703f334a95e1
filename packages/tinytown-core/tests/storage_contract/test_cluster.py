"""A town on a cluster of three passes a walk and the contract's damage, so all its keys lie in one slot."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import pytest
from tinytown.domain.ids import IdKind, new_id
from tinytown.storage import keys
from tinytown.storage.redis.lean import LeanTransport
from tinytown.storage.redis.plugin import open_sync
from tinytown.storage.redis.urls import parse
from tinytown.storage.redis.wire import Deadline, or_raise
from tinytown.testing import machine, servers
from tinytown.testing.contract.damage import Damage
from tinytown.testing.contract.task_table import TaskTable
from tinytown.testing.pytest_plugin import required
from tinytown.testing.servers import TestServer
from tinytown.testing.subjects import ServerSubject, server_subject


@pytest.fixture(scope="module")
def three() -> Iterator[list[TestServer]]:
    with required("valkey"), servers.cluster("valkey") as nodes:
        yield nodes


@contextlib.contextmanager
def town_on(nodes: list[TestServer]) -> Generator[ServerSubject]:
    """Open a new town on the cluster, and look behind it on the server of its slot."""
    town = "kit" + new_id(IdKind.TASK)[2:]
    slot = int(str(nodes[0].command("CLUSTER", "KEYSLOT", keys.prefix(town))))
    owner = nodes[slot * len(nodes) // 16_384]
    address = parse(owner.url)
    wire = LeanTransport(address.endpoints[0], address, Deadline(10))

    def pipeline(commands: Sequence[Sequence[str]]) -> list[Any]:
        return [or_raise(reply) for reply in wire.execute_many([tuple(words) for words in commands], Deadline(10))]

    url = "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes)
    try:
        with server_subject(lambda clock: open_sync(url, town, clock=clock), pipeline, town) as subject:
            yield subject
    finally:
        wire.close()


class TestCluster(TaskTable, Damage):
    """The parts of the contract that touch every key of a town."""

    @pytest.fixture
    def subject(self, three: list[TestServer]) -> Iterator[ServerSubject]:
        with town_on(three) as subject:
            yield subject


def test_a_cluster_does_what_memory_does_for_any_steps(three: list[TestServer]) -> None:
    assert machine.run(600, 7, lambda: town_on(three), every=50) > 200

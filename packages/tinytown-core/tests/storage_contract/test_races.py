"""Many clients want the same thing at the same time: exactly one gets it. Processes and threads, on real servers."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from tinytown.storage.calls import nodes
from tinytown.storage.redis.plugin import open_sync
from tinytown.testing import invariants, races
from tinytown.testing.hands import Hands
from tinytown.testing.servers import TestServer
from tinytown.testing.subjects import ServerSubject


@pytest.fixture
def town(on_server: Any) -> Any:
    with on_server() as subject:
        hands = Hands(subject)
        yield hands
        assert invariants.check(subject.dump()) == []


def _race(server: TestServer, town: Hands, act: races.Act) -> list[list[str]]:
    assert isinstance(town.subject, ServerSubject)
    return races.race(functools.partial(open_sync, server.url, town.subject.town), act)


def test_two_hundred_tasks_are_claimed_once_each_by_eight_clients(town: Hands, shared_server: TestServer) -> None:
    for name in races.NAMES:
        town.spawn(name)
    refs = [town.add(f"{number}").id for number in range(200)]
    won = _race(shared_server, town, races.claim_all)
    assert Counter(ref for mine in won for ref in mine) == Counter(refs)
    owners = {ref: name for name, mine in zip(races.NAMES, won, strict=True) for ref in mine}
    assert {ref: town.task(ref).agent for ref in refs} == owners


def _one_winner(won: Sequence[Sequence[str]]) -> str:
    (winner,) = [item for mine in won for item in mine]
    return winner


def test_one_of_many_spawns_of_a_name_wins(town: Hands, shared_server: TestServer) -> None:
    winner = _one_winner(_race(shared_server, town, races.spawn_one))
    assert town.agent("only").id == winner


def test_one_of_many_takes_of_an_agent_begins_a_round(town: Hands, shared_server: TestServer) -> None:
    town.spawn("w1")
    ref = town.add(agent="w1").id
    winner = _one_winner(_race(shared_server, town, races.take_one))
    assert town.task(ref).round_id == town.agent("w1").round_id == winner
    assert town.task(ref).attempt == 1


def test_one_of_many_lives_of_a_node_gets_the_lease(town: Hands, shared_server: TestServer) -> None:
    winner = _one_winner(_race(shared_server, town, races.join_one))
    found = {node.id: node for node in town.run(nodes.listing()).items}
    assert found["n-00000009"].nonce == winner

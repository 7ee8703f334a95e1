"""A town in memory whose clock and node the test moves by hand."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tinytown.config.paths import TownPaths, UserPaths
from tinytown.config.server_source import ServerChoice
from tinytown.config.town import parse_town
from tinytown.domain.ids import IdKind, new_id
from tinytown.errors import NodeStartError
from tinytown.services.context import Actor, TownContext
from tinytown.services.town import Town
from tinytown.storage.calls import agents, nodes, rounds
from tinytown.storage.calls import town as town_calls
from tinytown.storage.embedded.server import ensure_server, stop_server
from tinytown.storage.embedded.settings import Fsync
from tinytown.storage.memory.storage import MemoryStorage, MemoryTown
from tinytown.storage.redis.plugin import open_sync
from tinytown.testing.clock import SettableClock
from tinytown.testing.pytest_plugin import required

NODE = "n-00000001"
NONCE = "one-life"


class HandNode:  # the arguments are those of a real one
    """The node of this machine, moved by the test instead of being a process."""

    def __init__(self) -> None:
        self.runs = True
        self.stopped = False
        self.starts = 0
        self.broken = False

    def ensure_node(self, paths, *, env):  # noqa: ARG002
        if self.broken:
            raise NodeStartError(detail="it fell over")
        self.starts += 1
        self.runs, self.stopped = True, False

    def node_runs(self, paths):  # noqa: ARG002
        return self.runs

    def node_identity(self, paths):  # noqa: ARG002
        return NODE

    def was_stopped(self, paths):  # noqa: ARG002
        return self.stopped

    def stop_node(self, paths, *, timeout, now):  # noqa: ARG002
        was, self.runs, self.stopped = self.runs, False, True
        return was


class Bench:
    """A town with everything around it in the test's hands."""

    def __init__(self, root: Path, config: str = "", url: str | None = None) -> None:
        self.clock = SettableClock()
        self.memory = MemoryTown("bench", self.clock)
        self.name = "bench" + new_id(IdKind.TASK)[2:]  # a town of its own on a server that tests share
        self.storage = MemoryStorage(self.memory) if url is None else open_sync(url, self.name, clock=self.clock)
        self.node = HandNode()
        self.storage.run(town_calls.claim("bench", "instance-1"))
        self.context = TownContext(
            root=root,
            config=parse_town(f'name = "bench"\n{config}', "tinytown.toml"),
            paths=TownPaths(root),
            server=ServerChoice(url="memory:", source="default"),
            env={"HOME": str(root), "PATH": "/usr/bin:/bin"},
            node_control=self.node,
        )
        self.town = Town(self.context, self.storage)

    def join(self, node: str = NODE, *, capacity: int = 4) -> None:
        self.storage.run(nodes.join(node, name=node, pid=1, host="here", nonce=NONCE, capacity=capacity))

    def beat(self, node: str = NODE, *, running: int = 0) -> None:
        self.storage.run(nodes.beat(node, NONCE, running=running))

    def leave(self, state: str, node: str = NODE) -> None:
        self.storage.run(nodes.leave(node, NONCE, state))

    def agent(self, name: str = "w1", *, node: str = NODE, ready: bool = True, **fields):
        call = agents.spawn(new_id(IdKind.AGENT), name, cli="script", node=node, **fields)
        made = self.storage.run(call).agent
        if ready:
            self.storage.run(agents.ready(made.id, made.incarnation, node_id=node, nonce=NONCE))
        return made

    def take(self, agent, *, node: str = NODE):
        return self.storage.run(rounds.take(new_id(IdKind.ROUND), agent.id, node_id=node, nonce=NONCE))

    def take_live(self):
        """Give the one round that goes on."""
        (ref,) = self.memory.data["live"]
        return self.storage.run(town_calls.show(ref, "round")).record

    def end(self, live, outcome: str = "ok", **fields):
        report = rounds.RoundReport(outcome=outcome, **fields)
        return self.storage.run(rounds.end(live.id, report, node_id=live.node, nonce=NONCE))

    def gate_take(self, task):
        call = rounds.gate_take(new_id(IdKind.ROUND), task.id, node_id=NODE, nonce=NONCE, head="abc")
        return self.storage.run(call).round

    def gate_end(self, live, result: str, **fields):
        fields.setdefault("outcome", "ok")
        return self.storage.run(rounds.gate_end(live.id, result, node_id=NODE, nonce=NONCE, **fields))

    def inside(self, live) -> Town:
        """The same town as a command inside a round sees it."""
        import attrs

        actor = Actor(round_id=live.id, agent_id=live.agent_id, task_id=live.task_id)
        return Town(attrs.evolve(self.context, actor=actor, notices=[]), self.storage)

    def events(self) -> int:
        return len(self.storage.read_stream("events", after="0-0", limit=100_000))

    def when(self, event: str, act: Callable[[], object]) -> threading.Thread:
        """Do something in another thread as soon as an event is on record."""
        position = self.storage.newest_id("events")

        def watch() -> None:
            at = position
            while True:
                entries = self.storage.read_stream("events", after=at, limit=100, block_ms=20_000)
                if any(fields["type"] == event for _ref, fields in entries):
                    act()
                    return
                at = entries[-1][0] if entries else at

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        return thread


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """A real server for the whole worker."""
    with tempfile.TemporaryDirectory(prefix="tts-") as name, required("valkey"):
        paths = TownPaths(Path(name))
        found = ensure_server(paths, fsync=Fsync.EVERYSEC, user=UserPaths(Path(name) / "home"))
        yield found.url
        stop_server(paths)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    made.join()
    yield made
    made.town.close()


@pytest.fixture
def make_bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Make a bench with settings of the test's own, in memory or on a server."""
    made: list[Bench] = []

    def make(config: str, url: str | None = None, root: Path = tmp_path) -> Bench:
        made.append(Bench(root, config, url))
        made[-1].join()
        return made[-1]

    yield make
    for each in made:
        each.town.close()

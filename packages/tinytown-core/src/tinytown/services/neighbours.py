"""The towns of this machine as they are now: files, node and server are looked at, and nothing is started."""

from __future__ import annotations

import queue
import threading
import time
from pathlib import Path
from typing import Any

import attrs

from tinytown.config.paths import TownPaths, UserPaths
from tinytown.config.registry import RegisteredTown, registered_towns
from tinytown.config.server_source import ServerChoice, choose_server
from tinytown.config.town import TownConfig, load_town
from tinytown.config.urls import redacted
from tinytown.errors import TinytownError

LOOK_SECS = 3.0
"""How long all towns together are waited for."""

_AT_ONCE = 16
_RESTING = frozenset({"cold", "stopped", "error"})


@attrs.frozen(kw_only=True)
class Neighbour:
    """One town of the list.

    Attributes:
        path: Its folder.
        name: What it is called; what the list says where its file cannot be read.
        state: ``ok``, ``folder_missing``, ``file_missing`` or ``file_broken``.
        server: Its server without secrets; None where the file does not say.
        answers: Whether the server answers; None where nobody was asked in time.
        node_running: Whether its node runs on this machine.
        agents: How many agents it has; None where the server did not say.
        agents_active: How many of them are neither cold nor stopped nor in error.
        problem: One sentence about what is wrong, or None.
    """

    path: str
    name: str
    state: str = "ok"
    server: str | None = None
    answers: bool | None = None
    node_running: bool = False
    agents: int | None = None
    agents_active: int | None = None
    problem: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Give the fields by name."""
        return attrs.asdict(self)


def vanished(user: UserPaths) -> list[RegisteredTown]:
    """List the towns whose folder or file is gone.

    Raises:
        ConfigError: The list cannot be read.
    """
    return [town for town in registered_towns(user) if _files(town).state.endswith("_missing")]


def look_at_all(user: UserPaths, *, secs: float = LOOK_SECS) -> list[Neighbour]:
    """Look at every town of the list, at several at a time.

    Args:
        user: The user's folder.
        secs: Towns whose server says nothing for so long are given as they are on this machine.

    Returns:
        The towns by name, then by folder.

    Raises:
        ConfigError: The list cannot be read; it is left as it is.
    """
    listed = registered_towns(user)
    seen = {town.path: _files(town) for town in listed}
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    done: queue.SimpleQueue[Neighbour] = queue.SimpleQueue()
    asked = [path for path, town in seen.items() if town.state == "ok"]
    for path in asked:
        waiting.put(path)

    def work() -> None:
        while True:
            try:
                path = waiting.get_nowait()
            except queue.Empty:
                return
            done.put(_ask(seen[path]))

    for _ in range(min(_AT_ONCE, len(asked))):
        threading.Thread(target=work, daemon=True).start()  # one that hangs must not keep the command
    ends = time.monotonic() + secs
    for _ in asked:
        try:
            town = done.get(timeout=max(ends - time.monotonic(), 0.001))
        except queue.Empty:
            break
        seen[town.path] = town
    return sorted(seen.values(), key=lambda town: (town.name, town.path))


def _files(town: RegisteredTown) -> Neighbour:
    found = Neighbour(path=town.path, name=town.name)
    paths = TownPaths(Path(town.path))
    try:
        if not paths.root.is_dir():
            return attrs.evolve(found, state="folder_missing", problem="the folder does not exist")
        if not paths.config.exists():
            return attrs.evolve(found, state="file_missing", problem="the folder holds no `tinytown.toml`")
        config = load_town(paths.config)
        node, server = _server(paths, config)
    except TinytownError as error:
        return attrs.evolve(found, state="file_broken", problem=error.message)
    except (OSError, ValueError) as error:
        return attrs.evolve(found, state="file_broken", problem=str(error))
    shown = "own server" if server.embedded else redacted(server.url)
    return attrs.evolve(found, name=config.name, server=shown, node_running=node)


def _server(paths: TownPaths, config: TownConfig) -> tuple[bool, ServerChoice]:
    """Give whether the node runs, and the server. Variables of the caller say nothing about other towns."""
    import os

    from tinytown.node.control import node_runs

    ours = ("TINYTOWN_REDIS_URL", "REDIS_URL", "TINYTOWN_REDIS_PASSWORD", "TINYTOWN_ROUND_ID", "TINYTOWN_TOWN")
    env = {name: value for name, value in os.environ.items() if name not in ours}
    node = node_runs(paths)
    return node, choose_server(paths, config, node_alive=lambda: node, env=env)


def _ask(town: Neighbour) -> Neighbour:
    """Ask a town's server, if it runs."""
    from tinytown.services.servers import MEMORY_URL

    paths = TownPaths(Path(town.path))
    try:
        config = load_town(paths.config)
        _, server = _server(paths, config)
        if server.url == MEMORY_URL:  # it lives and ends with the process that opened it
            return town
        url = running_url(paths, server)
        if url is None:
            return attrs.evolve(town, answers=False)
        agents, active = _count(paths, config, server, url)
    except TinytownError as error:
        return attrs.evolve(town, answers=False, problem=error.message)
    except (OSError, ValueError) as error:
        return attrs.evolve(town, answers=False, problem=str(error))
    return attrs.evolve(town, answers=True, agents=agents, agents_active=active)


def running_url(paths: TownPaths, server: ServerChoice) -> str | None:
    """Give the address of a town's server, or None where the town's own does not run. Starts nothing."""
    if not server.embedded:
        return server.url
    from tinytown.storage.embedded.instance import read_instance
    from tinytown.storage.embedded.server import EmbeddedServer, status

    own, instance = status(paths), read_instance(paths)
    if not own.running or own.socket is None or instance is None:
        return None
    return EmbeddedServer(own.socket, None, instance).url


def _count(paths: TownPaths, config: TownConfig, server: ServerChoice, url: str) -> tuple[int, int]:
    from tinytown.services.ended_agents import all_agents, shown_state
    from tinytown.services.servers import open_storage
    from tinytown.services.steps import drive

    storage = open_storage(paths, config.name, server, url)
    try:
        found = drive(all_agents(), storage)
    finally:
        storage.close()
    return len(found), sum(shown_state(agent) not in _RESTING for agent in found)

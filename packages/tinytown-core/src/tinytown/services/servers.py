"""From the choice of a server to a storage: the town's own, somebody else's, or the memory of this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

import attrs

from tinytown.config.paths import TownPaths, user_home
from tinytown.config.server_source import ServerChoice

if TYPE_CHECKING:
    from tinytown.config.town import TownConfig
    from tinytown.storage.embedded.server import EmbeddedServer
    from tinytown.storage.memory.storage import MemoryTown
    from tinytown.storage.protocol import AsyncStorage, Storage

MEMORY_URL = "memory:"
_REDIS_SCHEMES = frozenset({"embedded", "unix", "redis", "rediss", "redis+sentinel", "redis+cluster"})

_memory_towns: dict[tuple[Path, str], MemoryTown] = {}
"""Towns of this process, so that opening one twice gives the same."""


@attrs.frozen(kw_only=True)
class Reach:
    """Where a town's server answers.

    Attributes:
        url: Address to connect to, without a password.
        instance: Id of the town's folder.
        copied: The folder is a copy of another town's.
        started: The town's own server was started just now.
    """

    url: str
    instance: str
    copied: bool = False
    started: bool = False


def find_server(
    paths: TownPaths, config: TownConfig, choice: ServerChoice, *, start: bool, env: Mapping[str, str]
) -> Reach:
    """Say where the server is; the town's own is started if it does not run and ``start`` allows it.

    Looks at files and locks alone, so a running server costs no round trip here.

    Raises:
        ServerStartError: It cannot be started.
        StorageUnavailableError: It runs but does not answer.
    """
    from tinytown.storage.embedded.instance import ensure_instance, read_instance

    instance = read_instance(paths) or ensure_instance(paths)
    reach = Reach(url=choice.url, instance=instance.id, copied=instance.copied)
    if not choice.embedded:
        return reach
    from tinytown.storage.embedded.server import EmbeddedServer, lock_held
    from tinytown.storage.embedded.sockets import noted_socket

    noted = noted_socket(paths, instance.id)
    if noted is not None and (not start or lock_held(paths)):
        return attrs.evolve(reach, url=EmbeddedServer(noted, None, instance).url)
    if not start:
        return attrs.evolve(reach, url=EmbeddedServer(paths.redis_socket, None, instance).url)
    found = start_server(paths, config, env)
    return attrs.evolve(reach, url=found.url, started=found.started)


def start_server(paths: TownPaths, config: TownConfig, env: Mapping[str, str]) -> EmbeddedServer:
    """Give the town's own server, started if need be and ready to answer."""
    from tinytown.storage.embedded.server import ensure_server
    from tinytown.storage.embedded.settings import Fsync

    redis = config.redis
    return ensure_server(
        paths, fsync=Fsync(redis.fsync), idle_secs=redis.server_idle_secs, env=env, user=user_home(env)
    )


def reviver(
    paths: TownPaths, config: TownConfig, choice: ServerChoice, env: Mapping[str, str]
) -> Callable[[], object] | None:
    """Give what brings the town's own server back, or None where the server is somebody else's."""
    return (lambda: start_server(paths, config, env)) if choice.embedded else None


def open_storage(paths: TownPaths, town: str, choice: ServerChoice, url: str) -> Storage:
    """Open the synchronous face. Connects with the first call."""
    if url == MEMORY_URL:
        from tinytown.storage.memory.storage import MemoryStorage

        return MemoryStorage(_memory(paths, town))
    if url.partition(":")[0] in _REDIS_SCHEMES:
        from tinytown.storage.redis.plugin import complete, open_sync

        address, tls = complete(url, choice)
        return open_sync(address, town, tls=tls)
    return cast("Storage", _from_plugin(town, choice, url, asynchronous=False))


def open_async_storage(paths: TownPaths, town: str, choice: ServerChoice, url: str) -> AsyncStorage:
    """Open the asyncio face. Connects with the first call."""
    if url == MEMORY_URL:
        from tinytown.storage.memory.storage import AsyncMemoryStorage

        return AsyncMemoryStorage(_memory(paths, town))
    if url.partition(":")[0] in _REDIS_SCHEMES:
        from tinytown.storage.redis.plugin import complete, open_async

        address, tls = complete(url, choice)
        return open_async(address, town, tls=tls)
    return cast("AsyncStorage", _from_plugin(town, choice, url, asynchronous=True))


def check_scheme(url: str) -> None:
    """Refuse a URL that no installed storage takes, before anything is made for it.

    Raises:
        PluginNotFoundError: There is no storage for its scheme.
    """
    if url != MEMORY_URL and url.partition(":")[0] not in _REDIS_SCHEMES:
        from tinytown.plugins.loading import load
        from tinytown.plugins.storages import storage_name

        load("storages", storage_name(url))


def _from_plugin(town: str, choice: ServerChoice, url: str, *, asynchronous: bool) -> object:
    """Open the storage of a scheme that core does not know."""
    from tinytown.plugins.storages import open_storage as open_plugin

    options = {name: value for name, value in attrs.asdict(choice.connection).items() if value is not None}
    return open_plugin(url, town, asynchronous=asynchronous, options=options)


def _memory(paths: TownPaths, town: str) -> MemoryTown:
    from tinytown.storage.memory.storage import MemoryTown

    return _memory_towns.setdefault((paths.root, town), MemoryTown(town))

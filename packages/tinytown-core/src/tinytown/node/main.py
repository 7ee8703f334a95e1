"""The node as a process: its lock, its server, its log, and being told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import attrs

from tinytown._version import __version__
from tinytown.config.connection import write_connection
from tinytown.config.files import write_private
from tinytown.config.paths import TownPaths, user_home
from tinytown.config.server_source import ServerChoice, choose_server
from tinytown.config.town import TownConfig, load_town
from tinytown.crash import point
from tinytown.errors import StaleNodeError, StorageRefusedError, TinytownError
from tinytown.node.context import NodeContext, log
from tinytown.node.control import READY, STOP_REQUEST, hold_lock, node_identity, stop_request, write_pid
from tinytown.node.launch.client import Launcher
from tinytown.node.log_file import begin_log
from tinytown.node.town_node import TownNode
from tinytown.storage.calls import town as town_calls
from tinytown.storage.embedded.instance import ensure_instance
from tinytown.storage.protocol import AsyncStorage

if TYPE_CHECKING:
    from tinytown.storage.embedded.server import EmbeddedServer

LEAVE_SECS = 1.0
LOOK_SECS = 5.0
ALREADY_RUNS = 3
"""Exit code when another node holds the town's lock."""


def main(argv: list[str] | None = None, *, told: int | None = None) -> int:
    """Run the node of a town in front until it is told to stop.

    Args:
        argv: ``--town PATH``.
        told: Descriptor on which to tell by one byte that the node is ready.

    Returns:
        Exit code: 0 stopped, 1 could not start or was taken over, 3 another node runs here.
    """
    words = sys.argv[1:] if argv is None else argv
    if len(words) != 2 or words[0] != "--town":  # noqa: PLR2004 - a flag and its value
        sys.stderr.write("usage: python -m tinytown.node --town PATH\n")
        return 2
    paths = TownPaths(Path(words[1]))
    begin_log(paths.node_log)
    try:
        return run_node(paths, told=told)
    except TinytownError as error:
        log.error("%s", f"{error}" + (f" (hint: {error.hint})" if error.hint else ""))
        return 1


def run_node(paths: TownPaths, *, told: int | None = None) -> int:
    """Take the lock and run; see `main`."""
    descriptor = hold_lock(paths)
    if descriptor is None:
        log.info("another node runs here")
        return ALREADY_RUNS
    try:
        for name in (READY, STOP_REQUEST):
            with contextlib.suppress(FileNotFoundError):
                (paths.node_dir / name).unlink()
        write_pid(paths)
        point("node.locked")
        asyncio.run(_run(paths, descriptor, told))
    finally:
        with contextlib.suppress(FileNotFoundError):
            (paths.node_dir / READY).unlink()
        os.close(descriptor)
    return 0


def _in_place(paths: TownPaths, lock: int) -> bool:
    """Say whether the lock that we hold is still that of this folder, which may have been moved or deleted."""
    try:
        return os.path.samestat(paths.node_lock.stat(), os.fstat(lock))
    except OSError:
        return False


async def _moved_away(paths: TownPaths, lock: int) -> None:
    """Return when the folder is no longer there; a look is one system call beside each beat."""
    while True:
        await asyncio.sleep(LOOK_SECS)
        if not _in_place(paths, lock):
            return


async def _run(paths: TownPaths, lock: int, told: int | None) -> None:
    config = _read_config(paths)
    choice = choose_server(paths, config, node_alive=lambda: False)
    instance = ensure_instance(paths)
    storage, pid = await _open(paths, config, choice)

    async def revive() -> int:
        """Bring the town's own server back; another one comes back by itself or not at all."""
        if not choice.embedded:
            return 0
        try:
            return (await asyncio.to_thread(_ensure_server, paths, config)).pid or 0
        except TinytownError as error:
            log.warning("%s", error)
            return context.server_pid

    context = NodeContext(
        paths=paths,
        config=config,
        storage=storage,
        node_id=node_identity(paths),
        nonce=secrets.token_hex(8),
        instance=instance.id,
        launcher=Launcher(),
        revive=revive,
        server_pid=pid,
        read_config=lambda: _read_config(paths),
    )
    # The data of a town's own server lie in its folder, so what a copy of the folder brought along is its own.
    own = choice.embedded
    await context.run(town_calls.claim(config.name, instance.id, max_events=config.events.max_events, replace=own))
    write_connection(paths, choice.connection)
    node = TownNode(context)
    await _until_told(node, paths, lock, told)
    await storage.close()


def _read_config(paths: TownPaths) -> TownConfig:
    """Read the town's settings, with the command lines of the user's own file; the town's own win."""
    from tinytown.config.user import load_user

    config = load_town(paths.config)
    # Commands inside rounds fall back on this, for an agent may leave the file itself broken.
    write_private(paths.node_settings, paths.config.read_bytes())
    return attrs.evolve(config, agent_clis={**load_user(user_home()).agent_clis, **config.agent_clis})


async def _until_told(node: TownNode, paths: TownPaths, lock: int, descriptor: int | None) -> None:
    """Run the node; a signal stops it in order, a second one at once.

    One whose folder is moved or deleted leaves its rounds as they are, to the next node that finds their folders.
    """
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    ready = asyncio.Event()
    running = asyncio.create_task(node.run(ready=ready))
    waiting = asyncio.create_task(told.wait())
    moving = asyncio.create_task(_moved_away(paths, lock))
    marking = asyncio.create_task(_mark_ready(ready, paths, descriptor))
    try:
        await asyncio.wait({running, waiting, moving}, return_when=asyncio.FIRST_COMPLETED)
        if moving.done() and not running.done():
            log.warning("`%s` was moved or deleted; the node leaves", paths.root)
            running.cancel()
            await asyncio.wait({running}, timeout=LEAVE_SECS)
            await node.context.launcher.close()
            return
        if waiting.done():
            timeout, now = stop_request(paths)
            log.info("stopping%s", " at once" if now else f"; rounds have {timeout:g} s")
            await node.stop(timeout_secs=timeout, now=now)
            await asyncio.wait({running}, timeout=LEAVE_SECS)
            if running.cancel():  # it waits for a server that is away
                return
        try:
            await running
        except StaleNodeError as error:
            log.warning("%s; ending the rounds of this one", error)
            await node.abandon()
            raise
        except StorageRefusedError:
            log.error("the node ends; its rounds go on, and the next node takes them over")
            raise
    finally:
        waiting.cancel()
        moving.cancel()
        marking.cancel()


async def _mark_ready(ready: asyncio.Event, paths: TownPaths, descriptor: int | None) -> None:
    await ready.wait()
    (paths.node_dir / READY).write_text(f"{os.getpid()} {__version__}")
    if descriptor is not None:
        with contextlib.suppress(OSError):  # whoever started the node need not listen any more
            os.write(descriptor, b"1")
        os.close(descriptor)
    log.info("ready")


async def _open(paths: TownPaths, config: TownConfig, choice: ServerChoice) -> tuple[AsyncStorage, int]:
    """Open the storage by its plugin, whatever its scheme; gives the process of the town's own server too."""
    from tinytown.plugins.storages import open_storage

    url, pid = choice.url, 0
    if choice.embedded:
        server = await asyncio.to_thread(_ensure_server, paths, config)
        url, pid = server.url, server.pid or 0
    options = {name: value for name, value in attrs.asdict(choice.connection).items() if value is not None}
    return cast("AsyncStorage", open_storage(url, config.name, asynchronous=True, options=options)), pid


def _ensure_server(paths: TownPaths, config: TownConfig) -> EmbeddedServer:
    from tinytown.storage.embedded.server import ensure_server
    from tinytown.storage.embedded.settings import Fsync

    return ensure_server(paths, fsync=Fsync(config.redis.fsync), idle_secs=config.redis.server_idle_secs)

"""What all parts of a running node share: the town, the storage with its patience, and who the node is."""

from __future__ import annotations

import asyncio
import logging
import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import attrs

from tinytown.config.paths import TownPaths
from tinytown.config.town import TownConfig
from tinytown.errors import StorageRefusedError, StorageUnavailableError, TinytownError
from tinytown.node.launch.client import Launcher
from tinytown.storage.protocol import AsyncStorage, Call

if TYPE_CHECKING:
    from tinytown.node.follow import Followed

T = TypeVar("T")

log = logging.getLogger("tinytown.node")

FIRST_PAUSE_SECS = 0.1
LONGEST_PAUSE_SECS = 5.0


@attrs.define(kw_only=True)
class NodeContext:
    """The town as the node sees it.

    Attributes:
        paths: Files of the town.
        refused: Why the server takes nothing from this node any more; it then ends.
        read_config: Reads the settings anew; left out, they stay as they were when the node started.
        storage: The asyncio face.
        node_id: Stable id of this town on this machine.
        nonce: Random; another one on record means that another process has taken over.
        instance: Id of this copy of the town's folder, written into each round's folder.
        launcher: Starts the rounds' processes.
        revive: Brings the town's own server back, where it has one.
        server_pid: Process of the town's own server, which no round's end may touch; 0 for none.
        setups: Set-up commands of worktrees that run now, by the ids of their runs.
    """

    paths: TownPaths
    _config: TownConfig = attrs.field(alias="config")
    storage: AsyncStorage
    node_id: str
    nonce: str
    instance: str
    launcher: Launcher
    revive: Callable[[], Awaitable[int]]
    server_pid: int = 0
    setups: dict[str, Followed] = attrs.Factory(dict[str, "Followed"])
    changed: asyncio.Event = attrs.Factory(asyncio.Event)
    refused: StorageRefusedError | None = None
    read_config: Callable[[], TownConfig] | None = None
    _read_at: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Remember which state of the file the settings are."""
        self._read_at = self._stamp()

    @property
    def config(self) -> TownConfig:
        """Its settings, read again when the file has changed, so that a gate counts from when it was written down.

        The town's name and its server stay as they were when the node started.
        """
        stamp = self._stamp()
        if self.read_config is not None and stamp != self._read_at:
            self._read_at = stamp
            try:
                fresh = self.read_config()
            except TinytownError as error:
                log.warning("the settings stay as they were: %s", error)
            else:
                kept = self._config
                if (fresh.name, attrs.asdict(fresh.redis)) != (kept.name, attrs.asdict(kept.redis)):
                    log.warning("another name or server counts after `tt stop` and `tt start`")
                self._config = attrs.evolve(fresh, name=kept.name, redis=kept.redis)
                log.info("read the settings again")
        return self._config

    def _stamp(self) -> int:
        try:
            return self.paths.config.stat().st_mtime_ns
        except OSError:
            return 0

    @property
    def root(self) -> Path:
        """Folder of the town."""
        return self.paths.root

    async def run(self, call: Call[T]) -> T:
        """Run a call of the node, which is repeatable by its ids, however long the server is away.

        Raises:
            StorageRefusedError: The server takes nothing from this node, and waiting will not change that.
            TinytownError: The verb was refused.
        """
        pause = FIRST_PAUSE_SECS
        while True:
            try:
                return await self.storage.run(call)
            except (StorageUnavailableError, StorageRefusedError) as error:
                if self.ends_with(error):
                    raise
                log.warning("the server is away, trying again in %.1f s: %s", pause, error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECS)
            self.server_pid = await self.revive()

    def ends_with(self, error: TinytownError) -> bool:
        """Say whether the server refuses this node for good: a wrong password, no rights, a version too old.

        The node then ends; its rounds go on, and the next node takes them over.
        """
        if not isinstance(error, StorageRefusedError) or error.passes:
            return False
        self.refused = error
        self.changed.set()
        return True


def find_tt() -> str:
    """Give the absolute path of `tt`: beside this interpreter, else on PATH."""
    beside = Path(sys.executable).with_name("tt")
    if beside.exists():
        return str(beside)
    return shutil.which("tt") or "tt"


def clean(text: str) -> str:
    """Replace what no record can hold: NUL, and what stands for bytes that were not Unicode."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()

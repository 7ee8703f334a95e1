"""The node's side of one round's folder: look at it, follow it, end it.

Everything is derived from the folder, so a node that was started a moment ago knows as much as the one that launched
the round.
"""

from __future__ import annotations

import asyncio
import enum
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

from tinytown.config.files import is_held
from tinytown.node import processes
from tinytown.node.launch import files
from tinytown.node.launch.capped_log import join, layout
from tinytown.node.launch.ending import Ending, full_steps
from tinytown.node.launch.files import ExitRecord, Spec
from tinytown.node.launch.log_reader import LogReader
from tinytown.node.processes import Identity

_RECHECK_SECS = 0.002
_LOG = "log"


class RoundState(enum.StrEnum):
    """What a round's folder says about it."""

    FREE = "free"
    """No shim has claimed it; one may still, until it is voided."""
    VOID = "void"
    """Its CLI never executed and never will."""
    LIVE = "live"
    """A shim holds it."""
    ENDED = "ended"
    """It ended and its exit record is whole."""
    LOST = "lost"
    """Its shim died without an exit record; processes of it may be left."""
    REBOOT = "reboot"
    """It ran in an earlier boot of the machine and left no exit record."""


class RoundProcess:
    """A round by its folder.

    Use it as ``async with RoundProcess(folder) as process`` to follow it; looking at it needs no attachment.

    Attributes:
        directory: The round's folder.
    """

    def __init__(self, directory: Path, shim: Identity | None = None) -> None:
        """Name the round; nothing is opened.

        Args:
            directory: The round's folder.
            shim: The process that runs it, where that is known; it can be asked even if the folder is deleted.
        """
        self.directory = directory
        self._shim = shim
        self._life: int | None = None
        self._gone = asyncio.Event()
        self._grew = asyncio.Event()

    @property
    def spec(self) -> Spec:
        """What the round was prepared to run, read anew each time."""
        return files.read_spec(self.directory)

    @property
    def exit(self) -> ExitRecord | None:
        """How it ended, once that is written."""
        return files.read_exit(self.directory)

    def state(self) -> RoundState:
        """Look; nothing is changed."""
        claim = files.read_claim(self.directory)
        if claim is None:
            return RoundState.LIVE if is_held(self.directory / files.LOCK) else RoundState.FREE
        if claim.void:
            return RoundState.VOID
        this_boot = claim.boot_id == processes.boot_id()
        if this_boot and is_held(self.directory / files.LOCK):
            return RoundState.LIVE
        if self.exit is not None:
            return RoundState.ENDED
        if not this_boot:
            return RoundState.REBOOT
        # The CLI executes only after its process is on record, and the shim that could record it is gone.
        return RoundState.LOST if files.read_cli(self.directory) is not None else RoundState.VOID

    def log(self, position: int = 0) -> LogReader:
        """Read the output from a position on; see :class:`LogReader`."""
        spec = self.spec
        return LogReader(self._log_path(spec), spec.max_log_bytes, position)

    def _log_path(self, spec: Spec) -> Path:
        """Where the log is now: a town may have been moved since the round was prepared, with the round's folder."""
        path = Path(spec.log)
        return self.directory / path.name if path.parent.name == self.directory.name else path

    def attach(self) -> None:
        """Listen on the life line, inside a running event loop. A shim that is gone already counts as a round's end."""
        if self._life is not None or self._gone.is_set():
            return
        try:
            self._life = os.open(self.directory / files.LIFE, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            self._gone.set()
            return
        asyncio.get_running_loop().add_reader(self._life, self._hear)
        self._hear()  # a writer that left before we came gives no event, only an end of file

    def detach(self) -> None:
        """Stop listening; the round goes on."""
        if self._life is not None:
            asyncio.get_running_loop().remove_reader(self._life)
            os.close(self._life)
            self._life = None

    async def __aenter__(self) -> Self:
        """Attach."""
        self.attach()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Detach."""
        self.detach()

    async def growth(self) -> AsyncIterator[None]:
        """Tell when to read the log: at once, after each growth, and a last time when the shim is gone.

        Afterwards :meth:`wait` gives the state: at that very moment the lock may still be on its way out.
        """
        self.attach()
        yield
        while not self._gone.is_set():
            await self._grew.wait()
            self._grew.clear()
            yield

    async def wait(self) -> RoundState:
        """Wait until the shim is gone.

        Returns:
            ENDED, LOST or VOID; FREE when the shim died before it claimed the round: launch again, or void it.
        """
        while True:
            self.attach()
            await self._gone.wait()
            state = self.state()
            if state is not RoundState.LIVE:
                return state
            # The shim's last descriptors are closed one after the other, or a second shim found the round taken.
            self._gone.clear()
            await asyncio.sleep(_RECHECK_SECS)

    def ask_end(self, *, hurry: bool = False) -> bool:
        """Ask the shim to end the round: interrupt, terminate, kill. Asking again shortens the waits.

        Args:
            hurry: Shorten the waits at once.

        Returns:
            False when there is no shim to ask: not yet claimed, or gone.
        """
        number = signal.SIGINT if hurry else signal.SIGTERM
        claim = files.read_claim(self.directory)
        if claim is None and self._shim is not None and self.was_emptied():
            return processes.send(self._shim, number)
        if claim is None or claim.void or claim.boot_id != processes.boot_id():
            return False
        return processes.send(claim.owner, number)

    def was_emptied(self) -> bool:
        """Say whether somebody deleted what the node had prepared, or what a shim left there on its way."""
        here = {name for name in (files.SPEC, files.STARTED, files.CLI, _LOG) if (self.directory / name).exists()}
        return files.STARTED not in here and here != {files.SPEC}

    def claim_void(self) -> bool:
        """Make sure that a round which nobody has claimed never starts.

        Returns:
            True: it never started and never will. False: somebody has claimed it; look at :meth:`state`.
        """
        me = processes.identity(os.getpid())
        if me is None:
            raise ProcessLookupError("this process is not in the process table")
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if files.claim(self.directory, owner=me, since=0, boot_id=processes.boot_id(), void=True):
            return True
        claim = files.read_claim(self.directory)
        return claim is not None and claim.void

    async def end_leftovers(self) -> dict[str, Any]:
        """End what a round left whose shim died, and join its log. For LOST and REBOOT rounds only.

        Returns:
            Lists of ``[pid, name]`` under ``ended``, ``spared`` and ``surviving``.
        """
        try:
            spec = self.spec
        except (OSError, ValueError):  # damaged; by its name alone the round's processes can be told
            spec = Spec(self.directory.name, [], {}, "/", None, str(self.directory / _LOG))
        claim = files.read_claim(self.directory)
        report: dict[str, Any] = {"ended": [], "spared": [], "surviving": []}
        if claim is not None and not claim.void and claim.boot_id == processes.boot_id():
            ending = Ending(spec, cli=files.read_cli(self.directory), since=claim.since)
            for pause in ending.run(full_steps(spec)):
                await asyncio.sleep(pause)
            report = ending.report()
            if any(report.values()):
                files.write_json(self.directory / files.LEFTOVERS, report)
        self.join_log()
        return report

    def join_log(self) -> bool:
        """Make one file of the log of a round whose shim is gone; False when it cannot be done (no room)."""
        try:
            spec = self.spec
            join(layout(self._log_path(spec), spec.max_log_bytes))
        except (OSError, ValueError):  # ValueError: a power cut left no readable spec
            return False
        return True

    def _hear(self) -> None:
        life = self._life
        if life is None:
            return
        try:
            data = os.read(life, 65536)
        except BlockingIOError:
            return
        self._grew.set()
        if not data:
            self.detach()
            self._gone.set()

"""The node's side of the launcher."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from tinytown.errors import LaunchError, NodeStartError
from tinytown.node.launch.launcher import BUSY

_PASSED = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "VIRTUAL_ENV")
_PASSED_PREFIXES = ("PYTHON", "TINYTOWN_CRASH_")
_READY_SECS = 20.0


def launcher_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The launcher's environment: nothing that could mark it as part of a round, or that is secret."""
    source = os.environ if environment is None else environment
    return {name: value for name, value in source.items() if name in _PASSED or name.startswith(_PASSED_PREFIXES)}


class Launcher:
    """Starts shims, and the launcher process itself whenever there is none."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        """Prepare; nothing is started yet.

        Args:
            environment: The launcher process's environment, in place of what :func:`launcher_environment` takes over.
        """
        self._environment = launcher_environment() if environment is None else dict(environment)
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[str]] = {}
        self._number = 0
        self._starting = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """Pid of the launcher process while it lives."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def start(self) -> None:
        """Start the launcher process if it does not run.

        Raises:
            NodeStartError: It did not come up.
        """
        async with self._starting:
            if self._reading is not None and not self._reading.done():
                return
            if self._process is not None:
                await self._process.wait()
            # -P: a folder of the user's that is named like one of our modules must not be imported.
            self._process = process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "tinytown.node.launch.launcher"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=self._environment,
                cwd="/",
                start_new_session=True,
            )
            assert process.stdout is not None  # noqa: S101 - asked for above
            try:
                first = await asyncio.wait_for(process.stdout.readline(), _READY_SECS)
            except TimeoutError:
                process.kill()
                first = b""
            if first != b"ready\n":
                raise NodeStartError(detail="the launcher process did not come up")
            self._reading = asyncio.create_task(self._read(process.stdout))

    async def launch(self, directory: Path) -> int | None:
        """Have a shim forked for a prepared round.

        The shim is alive when this returns, so the round can be attached to. Whether it could start the CLI is in its
        exit. If the launcher dies meanwhile another one repeats the launch: the claim lets only one shim go on.

        Args:
            directory: The round's folder, see :func:`tinytown.node.launch.files.prepare`.

        Returns:
            Pid of the shim; None when the launcher died and a shim of an earlier try runs the round.

        Raises:
            LaunchError: No shim could be started; the folder can be voided.
            NodeStartError: The launcher does not come up.
        """
        name = os.fsencode(directory)
        if b"\n" in name:
            raise LaunchError(directory=str(directory), detail="the folder's name holds a line break")
        repeated = False
        for _ in range(3):
            await self.start()
            answer = await self._ask(name)
            if answer is None:
                repeated = True
                continue
            word, _, text = answer.partition(" ")
            if word == "ok":
                return int(text)
            if repeated and text == BUSY:
                return None
            raise LaunchError(directory=str(directory), detail=text)
        raise LaunchError(directory=str(directory), detail="the launcher process dies each time it is asked")

    async def close(self) -> None:
        """Let the launcher process leave; its shims go on."""
        if self._process is None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()
        if self._reading is not None:
            await self._reading

    async def _ask(self, name: bytes) -> str | None:
        """Send one line; the answer, or None when the launcher died before it gave one."""
        self._number += 1
        number = self._number
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        stdin = None if self._process is None else self._process.stdin
        if self._reading is None or self._reading.done() or stdin is None:
            del self._waiting[number]
            return None
        stdin.write(b"launch %d %s\n" % (number, name))
        with contextlib.suppress(ConnectionError):  # its death ends the reading task, which answers None
            await stdin.drain()
        try:
            return await answer
        except ConnectionError:
            return None

    async def _read(self, stdout: asyncio.StreamReader) -> None:
        while line := await stdout.readline():
            word, number, text = line.decode("utf-8", "replace").rstrip("\n").split(" ", 2)
            answer = self._waiting.pop(int(number), None)
            if answer is not None and not answer.done():
                answer.set_result(f"{word} {text}")
        waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            if not answer.done():
                answer.set_exception(ConnectionError("the launcher died"))

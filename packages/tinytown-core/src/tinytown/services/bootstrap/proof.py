"""The one proof that a program is a server for a town: it is started as a town's own and keeps something.

It runs in a temporary folder with the very settings, lock and keeper of the embedded server, so a killed proof leaves
nothing behind for long. Nothing of the caller's environment reaches it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from tinytown.config.paths import TownPaths, UserPaths
from tinytown.domain.clock import SystemClock
from tinytown.errors import StorageRefusedError, TinytownError
from tinytown.services.bootstrap.model import refused
from tinytown.storage.embedded.binary import NAMED, ServerBinary, examine_binary
from tinytown.storage.embedded.server import EmbeddedServer, ensure_server, stop_server
from tinytown.storage.embedded.settings import Fsync
from tinytown.storage.embedded.sockets import LONGEST_PATH
from tinytown.storage.redis.lean import LeanTransport
from tinytown.storage.redis.urls import Endpoint, Scheme, ServerAddress
from tinytown.storage.redis.versions import read_info
from tinytown.storage.redis.wire import Arg, BrokenWireError, Deadline, ErrorReply, or_raise

_KEY, _VALUE = "bootstrap", "kept"
_SCRIPT = "return redis.call('SET', KEYS[1], ARGV[1])"
_IDLE_SECS = 30.0
_PREFIX = "tt-proof-"
_FORGOTTEN_MS = 3_600_000
_ROOM = 40


def prove(program: Path, *, wait_secs: float = 10.0) -> ServerBinary:
    """Start a program twice in a temporary folder and see that it keeps what it accepted.

    Args:
        program: Absolute path.
        wait_secs: How long each start may take.

    Returns:
        What it is.

    Raises:
        RefusedError: It is no server, is too old, or does not do what a town needs.
    """
    below = _short_folder()
    _sweep(below)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=below, ignore_cleanup_errors=True) as name:
        user, paths = UserPaths(Path(name) / "home"), TownPaths(Path(name) / "town")
        paths.root.mkdir()
        found = examine_binary(program, "the candidate", user)
        if not isinstance(found, ServerBinary):
            reason = "too_old" if "older" in found else "not_a_server"
            raise refused(reason, found, "get Valkey or Redis 8.0 or newer, built for this machine")
        env = {NAMED: str(program), "PATH": os.defpath, "HOME": name, "TMPDIR": name}

        def start() -> EmbeddedServer:
            return ensure_server(
                paths, fsync=Fsync.ALWAYS, idle_secs=_IDLE_SECS, wait_secs=wait_secs, env=env, user=user
            )

        try:
            said = _ask(start(), ("PING",), ("EVAL", _SCRIPT, 1, _KEY, _VALUE), ("INFO", "server"))
            _equal("its first answer", said[0], "PONG")
            _equal("the version that it runs as", read_info(str(said[2])).version, found.version)
            stop_server(paths)
            _equal("what it kept over a restart", _ask(start(), ("GET", _KEY))[0], _VALUE)
            stop_server(paths)
        except (TinytownError, BrokenWireError, ErrorReply, OSError) as error:
            with contextlib.suppress(TinytownError):
                stop_server(paths, wait_secs=wait_secs)
            if isinstance(error, StorageRefusedError):
                raise refused("too_old", error.detail, "get Valkey or Redis 8.0 or newer") from error
            raise refused(
                "proof_failed",
                f"`{program.name}` {found.version} does not work as a town's server: {error}",
                "nothing was put in place; get another build, or leave it to `tt bootstrap --wheel`",
            ) from error
    return found


def _ask(server: EmbeddedServer, *commands: tuple[Arg, ...]) -> list[object]:
    deadline = Deadline(5.0)
    endpoint = Endpoint(path=str(server.socket))
    transport = LeanTransport(endpoint, ServerAddress(Scheme.UNIX, (endpoint,)), deadline)
    try:
        return [or_raise(reply) for reply in transport.execute_many(commands, deadline)]
    finally:
        transport.close()


def _equal(what: str, found: object, wanted: str) -> None:
    if found != wanted:
        raise refused("proof_failed", f"{what} is {found!r} and not {wanted!r}", "get another build")


def _short_folder() -> Path:
    """Sockets have little room for their path; a deep temporary folder gives way to the system's."""
    folder = tempfile.gettempdir()
    return Path(folder if len(os.fsencode(folder)) + _ROOM <= LONGEST_PATH else "/tmp")  # noqa: S108


def _sweep(below: Path) -> None:
    """Remove what proofs left that were killed long ago; their servers have ended by then."""
    now_ms = SystemClock().now_ms()
    for old in below.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            found = old.lstat()
            if found.st_uid == os.geteuid() and now_ms - found.st_mtime_ns // 1_000_000 > _FORGOTTEN_MS:
                shutil.rmtree(old, ignore_errors=True)

"""The acts behind `tinytown.storage.embedded.server` that few commands need: the start itself, and the end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tinytown.config.files import private_dir, write_private
from tinytown.config.paths import TownPaths, UserPaths
from tinytown.crash import VARIABLES, point
from tinytown.errors import ServerStartError
from tinytown.storage.embedded import keeper
from tinytown.storage.embedded.binary import find_binary
from tinytown.storage.embedded.instance import Instance
from tinytown.storage.embedded.settings import Fsync, config_text
from tinytown.storage.embedded.sockets import choose_socket, note_running
from tinytown.storage.redis.lean import LeanTransport
from tinytown.storage.redis.urls import Endpoint, Scheme, ServerAddress
from tinytown.storage.redis.wire import BrokenWireError, Deadline, ErrorReply

_LARGEST_LOG = 1 << 20
_LAST_WORDS = 2000
_KEPT_VARIABLES = ("PATH", "HOME", "TMPDIR", "TZ")


def start_server(
    paths: TownPaths,
    instance: Instance,
    lock: int,
    fsync: Fsync,
    idle_secs: float,
    *,
    env: Mapping[str, str],
    user: UserPaths,
) -> None:
    """Start a server and its keeper; the caller holds the lock and lets go of its own descriptor afterwards.

    The server's environment is built up, not inherited: no mark of a round and no secret gets into it, and it runs in
    a session of its own, so that no clean-up of a round reaches it.
    """
    binary = find_binary(env, user)
    at = choose_socket(paths, instance.id, env)
    private_dir(paths.redis_data)
    _turn_over(paths.redis_log)
    write_private(paths.redis_conf, config_text(paths, at, fsync).encode())
    point("server.configured")
    note_running(paths, instance.id, at)
    spec = {
        "argv": [str(binary.path), str(paths.redis_conf)],
        "socket": str(at),
        "idle_secs": idle_secs,
        "log": str(paths.redis_log),
    }
    clean = {name: env[name] for name in (*_KEPT_VARIABLES, *VARIABLES) if name in env} | {"LC_ALL": "C"}
    argv = [sys.executable, "-I", "-S", keeper.__file__, str(lock), json.dumps(spec)]
    try:
        subprocess.run(
            argv,
            pass_fds=(lock,),
            env=clean,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=True,
            timeout=10,
        )
        point("server.keeper_started")
    except (OSError, subprocess.SubprocessError) as error:
        raise ServerStartError(detail=f"its keeper did not start ({type(error).__name__})") from error


def shut_down(at: Path) -> None:
    """Tell a server to write what it has and end."""
    deadline = Deadline(5.0)
    transport = _open(at, deadline)
    if transport is None:
        return
    try:
        transport.execute("SHUTDOWN", deadline=deadline)
    except BrokenWireError:
        pass  # ending is its answer
    finally:
        transport.close()


def others_connected(at: Path) -> bool:
    """Say whether a client other than the keeper is connected."""
    deadline = Deadline(2.0)
    transport = _open(at, deadline)
    if transport is None:
        return False
    try:
        listed = str(transport.execute("CLIENT", "LIST", deadline=deadline)).splitlines()
    finally:
        transport.close()
    return len([line for line in listed if f" name={keeper.NAME} " not in line]) > 1


def last_words(log: Path) -> str:
    """Give the last line of the server's log that says what went wrong."""
    try:
        lines = log.read_bytes()[-_LAST_WORDS:].decode(errors="replace").splitlines()
    except OSError:
        lines = []
    wrong = [line for line in lines if " # " in line or "FATAL" in line or "***" in line]
    said = (wrong or lines or ["it ended without a word"])[-1]
    return said.rpartition(" # ")[2].strip()


def _open(at: Path, deadline: Deadline) -> LeanTransport | None:
    endpoint = Endpoint(path=str(at))
    try:
        return LeanTransport(endpoint, ServerAddress(Scheme.UNIX, (endpoint,)), deadline)
    except (BrokenWireError, ErrorReply):
        return None


def _turn_over(log: Path) -> None:
    """Keep the log small: a large one is kept once more under another name."""
    if log.exists() and log.stat().st_size > _LARGEST_LOG:
        os.replace(log, log.with_name(log.name + ".1"))  # noqa: PTH105 - as plain as the rest of it
        point("server.log_moved")

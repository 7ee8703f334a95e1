"""The node from outside: is there one, start it, stop it. Light, because commands use it on their way."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tinytown.config.files import is_held, private_dir, write_private
from tinytown.config.paths import TownPaths
from tinytown.crash import VARIABLES, point
from tinytown.domain.ids import IdKind, new_id
from tinytown.errors import NodeStartError

START_SECS = 20.0
LOCK_SECS = 0.5
PAUSE_SECS = 0.005
STOPPED = "stopped"
READY = "ready"
IDENTITY = "identity.json"
STOP_REQUEST = "stop.json"

_PASSED = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "VIRTUAL_ENV",
    "SSH_AUTH_SOCK",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "TINYTOWN_HOME",
    "TINYTOWN_REDIS_SERVER",
    "TINYTOWN_REDIS_URL",
    "TINYTOWN_REDIS_PASSWORD",
    "REDIS_URL",
    *VARIABLES,
)
_PASSED_PREFIXES = ("PYTHON", "COVERAGE", "GIT_CONFIG_")


def node_identity(paths: TownPaths) -> str:
    """Give the id of this town's node on this machine; it is made once and stays."""
    file = paths.node_dir / IDENTITY
    try:
        return str(json.loads(file.read_bytes())["id"])
    except (FileNotFoundError, ValueError, KeyError):
        pass
    private_dir(paths.dot)
    private_dir(paths.node_dir)
    with _exclusive(paths.node_dir / "identity.lock"):
        if file.exists():
            with contextlib.suppress(ValueError, KeyError):
                return str(json.loads(file.read_bytes())["id"])
        fresh = new_id(IdKind.NODE)
        write_private(file, json.dumps({"version": 1, "id": fresh}).encode())
        point("verb.node_named")
        return fresh


@contextlib.contextmanager
def _exclusive(path: Path) -> Any:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def node_runs(paths: TownPaths) -> bool:
    """Say whether a node holds this town's lock; makes no file."""
    return is_held(paths.node_lock)


def hold_lock(paths: TownPaths) -> int | None:
    """Take the lock of this town's node, without which none runs here.

    Returns:
        The descriptor that holds it until it is closed; None when a node runs.
    """
    private_dir(paths.dot)
    private_dir(paths.node_dir)
    descriptor = os.open(paths.node_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if take_lock(descriptor):
        return descriptor
    os.close(descriptor)
    return None


def take_lock(descriptor: int) -> bool:
    """Take the node's lock; those who only look have it for a moment, so one refusal says nothing."""
    ends = time.monotonic() + LOCK_SECS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > ends:
                return False
            time.sleep(LOCK_SECS / 50)
        else:
            return True


def node_ready(paths: TownPaths) -> bool:
    """Say whether the node that holds the lock has joined."""
    return node_pid(paths) is not None and (paths.node_dir / READY).exists()


def node_version(paths: TownPaths) -> str | None:
    """Give the version of Tinytown that the node runs, or None when no node has joined."""
    try:
        return (paths.node_dir / READY).read_text().split()[1]
    except (FileNotFoundError, IndexError):
        return None


def was_stopped(paths: TownPaths) -> bool:
    """Say whether `tt stop` ended the node on purpose, so that only `tt start` or `tt spawn` begins again."""
    return (paths.node_dir / STOPPED).exists()


def ensure_node(paths: TownPaths, *, env: Mapping[str, str] | None = None, wait: bool = True) -> None:
    """Start the node in the background if none runs.

    Args:
        paths: Files of the town.
        env: The caller's environment; only what the node needs of it is passed on.
        wait: Return only when the node has joined.

    Raises:
        NodeStartError: It did not come up; the last words of its log are in the text.
    """
    with contextlib.suppress(FileNotFoundError):
        (paths.node_dir / STOPPED).unlink()
        point("verb.stop_lifted")
    if node_ready(paths):
        return
    private_dir(paths.dot)
    private_dir(paths.node_dir)
    ends = time.monotonic() + START_SECS
    while not node_ready(paths):
        if not node_runs(paths):
            heard = _start(paths, os.environ if env is None else env)
            try:
                if wait and not _hear(heard, ends) and not node_runs(paths):
                    raise NodeStartError(detail=_last_words(paths), hint=f"its log is `{paths.node_log}`")
            finally:
                os.close(heard)
        if not wait:
            return
        if time.monotonic() > ends:
            raise NodeStartError(detail=f"it did not come up within {START_SECS:g} s; {_last_words(paths)}")
        time.sleep(PAUSE_SECS)


def _start(paths: TownPaths, env: Mapping[str, str]) -> int:
    """Start the node in a session of its own, with an environment built up from nothing, as nobody's child.

    Returns:
        A descriptor from which `_hear` learns that the node is ready, or has ended.
    """
    import subprocess  # a start of `tt` that starts no node does without

    own = {name: value for name, value in env.items() if name in _PASSED or name.startswith(_PASSED_PREFIXES)}
    with contextlib.suppress(FileNotFoundError):
        if paths.node_log.stat().st_size > 5 * 1024 * 1024:
            paths.node_log.replace(paths.node_log.with_suffix(".old"))
            point("verb.node_log_moved")
    heard, told = os.pipe()
    try:
        with paths.node_log.open("ab") as log:
            # -P: a folder of the user's that is named like one of our modules must not be imported.
            # The program forks at once and the first process leaves, so it is waited for and no zombie ever stays.
            subprocess.run(
                [sys.executable, "-P", "-m", "tinytown.node", "--background", str(told), "--town", str(paths.root)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=own,
                cwd="/",
                start_new_session=True,
                pass_fds=(told,),
                check=False,
            )
        point("verb.node_sent_off")
    except BaseException:
        os.close(heard)
        raise
    finally:
        os.close(told)
    return heard


def _hear(heard: int, ends: float) -> bool:
    """Wait until the node says that it is ready; False when it ended without, or time ran out."""
    ready, _, _ = select.select([heard], [], [], max(0.0, ends - time.monotonic()))
    return bool(ready) and bool(os.read(heard, 1))


def _last_words(paths: TownPaths) -> str:
    try:
        lines = paths.node_log.read_text("utf-8", "replace").strip().splitlines()
    except FileNotFoundError:
        return "it left no log"
    return lines[-1][-300:] if lines else "its log is empty"


def node_pid(paths: TownPaths) -> int | None:
    """Give the process of the node that holds the lock, or None; never a stranger with the pid of an earlier one."""
    from tinytown.node import processes

    if not node_runs(paths):
        return None
    try:
        pid, ticks = (int(word) for word in paths.node_pid.read_text().split())
    except (FileNotFoundError, ValueError):
        return None
    return pid if processes.alive(processes.Identity(pid, ticks)) else None


def write_pid(paths: TownPaths) -> None:
    """Write down which process is the node: its pid and when it started."""
    from tinytown.node import processes

    me = processes.identity(os.getpid())
    write_private(paths.node_pid, f"{os.getpid()} {me.ticks if me else 0}".encode())


def stop_node(paths: TownPaths, *, timeout: float = 10.0, now: bool = False) -> bool:
    """Ask the node to stop and wait until it is gone.

    Args:
        paths: Files of the town.
        timeout: How long rounds may go on before they are ended, in seconds.
        now: End them at once.

    Returns:
        Whether there was a node.

    Raises:
        NodeStartError: It did not stop.
    """
    private_dir(paths.dot)
    private_dir(paths.node_dir)
    (paths.node_dir / STOPPED).touch(mode=0o600)
    point("verb.stop_noted")
    ends = time.monotonic() + START_SECS
    while (pid := node_pid(paths)) is None:
        if not node_runs(paths) or time.monotonic() > ends:
            return False
        time.sleep(PAUSE_SECS)  # it has its lock and is about to write down who it is
    write_private(paths.node_dir / STOP_REQUEST, json.dumps({"timeout": timeout, "now": now}).encode())
    point("verb.stop_asked")
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    point("verb.stop_signalled")
    ends = time.monotonic() + timeout + 60.0
    while node_runs(paths):
        if time.monotonic() > ends:
            raise NodeStartError(detail="it did not stop", hint=f"its log is `{paths.node_log}`")
        time.sleep(PAUSE_SECS)
    return True


def stop_request(paths: TownPaths) -> tuple[float, bool]:
    """Read how the node was asked to stop; ten seconds of patience when nobody wrote it down."""
    try:
        asked = json.loads((paths.node_dir / STOP_REQUEST).read_bytes())
        return float(asked["timeout"]), bool(asked["now"])
    except (FileNotFoundError, ValueError, KeyError):
        return 10.0, False

"""Starting, finding and ending the town's server.

The proof that a server lives is the lock on `.tt/redis/lock`: the server inherits the locked descriptor and nobody
else keeps it, so the system lets go of the lock at the very moment the server ends, however it ends. Files with
process ids are hints for people.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Mapping
from pathlib import Path

import attrs

from tinytown.config.files import is_held, private_dir
from tinytown.config.paths import TownPaths, UserPaths, user_home
from tinytown.crash import point
from tinytown.errors import ConfigError, ServerStartError, StorageUnavailableError
from tinytown.storage.embedded.instance import Instance, ensure_instance, read_instance
from tinytown.storage.embedded.settings import Fsync
from tinytown.storage.embedded.sockets import Answer, Probe, noted_socket, probe

IDLE_SECS = 3600.0
"""A server that nobody used for so long ends."""

_SILENT_SECS = 2.0
"""A server that holds the lock and says nothing for so long is reported."""

_START_SECS = 10.0
_PAUSE_SECS = 0.01


@attrs.frozen
class EmbeddedServer:
    """A town's server that answers.

    Attributes:
        socket: Where it listens.
        pid: Its process, as the system tells it.
        instance: Identity of the town's folder.
        started: This call started it.
    """

    socket: Path
    pid: int | None
    instance: Instance
    started: bool = False

    @property
    def url(self) -> str:
        """Address to open the storage with."""
        path = str(self.socket)
        for character in "%?#":  # the first of them must be replaced first
            path = path.replace(character, f"%{ord(character):02X}")
        return f"unix://{path}"


@attrs.frozen
class EmbeddedStatus:
    """What is known of a town's server without starting it.

    Attributes:
        running: A server holds the town's lock.
        answer: What it answers.
        pid: Its process, if it answers.
        socket: Where it listens, if known.
    """

    running: bool
    answer: Answer = Answer.NOTHING
    pid: int | None = None
    socket: Path | None = None


def ensure_server(
    paths: TownPaths,
    *,
    fsync: Fsync = Fsync.ALWAYS,
    idle_secs: float = IDLE_SECS,
    may_start: bool = True,
    wait_secs: float = _START_SECS,
    env: Mapping[str, str] | None = None,
    user: UserPaths | None = None,
) -> EmbeddedServer:
    """Give the town's server; start it if none runs.

    Any number of commands may call this at once; one of them starts the server and all use it.

    Args:
        paths: The town's files.
        fsync: When the server's file reaches the disk; counts for a server that is started now.
        idle_secs: After how long unused it ends; counts for a server that is started now.
        may_start: Start one. Without this the call waits for one that somebody else starts; inside a round `tt`
            never starts a server.
        wait_secs: How long to wait for a server that is starting.
        env: Environment for finding the program and the runtime directory; that of the process when None.
        user: The user's folder; found by the environment when None.

    Raises:
        ServerStartError: There is no usable program, or the server ended at once; its last words are in the text.
        StorageUnavailableError: A server runs but does not answer, or none came to be in time.
    """
    try:
        instance = ensure_instance(paths)
        noted = noted_socket(paths, instance.id)
        if noted is not None and (found := probe(noted, _SILENT_SECS)).answer is Answer.READY:
            return EmbeddedServer(noted, found.pid, instance)
        private_dir(paths.redis_dir)
        return _Search(paths, instance, os.environ if env is None else env, user).run(
            fsync, idle_secs, wait_secs=wait_secs, may_start=may_start
        )
    except (ConfigError, OSError) as error:
        # A full disk or a missing right is no matter of settings: what counts is that there is no server.
        hint = getattr(error, "hint", None) or "make room on the disk, and see whether the town's folder is yours"
        raise ServerStartError(detail=str(error), hint=hint) from error


class _Search:
    """Waits for the town's server to answer, and starts it when it finds the lock free."""

    def __init__(self, paths: TownPaths, instance: Instance, env: Mapping[str, str], user: UserPaths | None) -> None:
        self._paths = paths
        self._instance = instance
        self._env = env
        self._user = user
        self._started = False

    def run(self, fsync: Fsync, idle_secs: float, *, wait_secs: float, may_start: bool) -> EmbeddedServer:
        ends = time.monotonic() + wait_secs
        silent_since: float | None = None
        while True:
            lock = take_lock(self._paths)
            if lock is not None:
                self._free(lock, fsync, idle_secs, may_start=may_start)
            at = noted_socket(self._paths, self._instance.id)
            found = probe(at, _SILENT_SECS) if at else Probe(Answer.NOTHING)
            if at and found.answer is Answer.READY:
                return EmbeddedServer(at, found.pid, self._instance, started=self._started)
            now = time.monotonic()
            if found.answer is Answer.LOADING:
                ends, silent_since = now + wait_secs, None
            elif lock is None and not self._started:
                silent_since = silent_since or now
            if now > ends or (silent_since and may_start and now - silent_since > _SILENT_SECS):
                raise self._silent(running=lock is None)
            time.sleep(_PAUSE_SECS)

    def _free(self, lock: int, fsync: Fsync, idle_secs: float, *, may_start: bool) -> None:
        """Act on a lock that was free: nobody runs, or the one we started has ended."""
        from tinytown.storage.embedded.start import last_words, start_server

        try:
            if self._started:
                raise ServerStartError(
                    detail=last_words(self._paths.redis_log),
                    hint=f"see `{self._paths.redis_log}`; nothing in the town's data was changed",
                )
            if may_start:
                point("server.locked")
                user = self._user or user_home(self._env)
                start_server(self._paths, self._instance, lock, fsync, idle_secs, env=self._env, user=user)
                self._started = True
        finally:
            os.close(lock)

    def _silent(self, *, running: bool) -> StorageUnavailableError:
        if running:
            detail, hint = "it runs, but does not answer", "see whether it is stopped; its log is in `.tt/redis/log`"
        else:
            detail, hint = "it does not run, and nothing inside a round starts it", "run `tt start` outside the round"
        return StorageUnavailableError(url="embedded:", detail=detail, hint=hint)


def status(paths: TownPaths) -> EmbeddedStatus:
    """Look at a town's server. Starts nothing and makes no file."""
    if not lock_held(paths):
        return EmbeddedStatus(running=False)
    instance = read_instance(paths)
    at = noted_socket(paths, instance.id) if instance else None
    found = probe(at, _SILENT_SECS) if at else Probe(Answer.NOTHING)
    return EmbeddedStatus(running=True, answer=found.answer, pid=found.pid, socket=at)


def stop_server(paths: TownPaths, *, only_unused: bool = False, wait_secs: float = 10.0) -> bool:
    """End a town's server and wait until it is gone.

    Args:
        paths: The town's files.
        only_unused: Leave it alone while a client other than its keeper is connected.
        wait_secs: How long it may take to end.

    Returns:
        Whether no server runs any more.

    Raises:
        StorageUnavailableError: It runs, but does not answer or did not end in time.
    """
    from tinytown.storage.embedded.start import others_connected, shut_down

    found = status(paths)
    if not found.running:
        return True
    if found.socket is None or found.answer is Answer.NOTHING:
        raise StorageUnavailableError(
            url="embedded:", detail="it runs, but does not answer", hint=f"see `{paths.redis_log}`"
        )
    if only_unused and others_connected(found.socket):
        return False
    shut_down(found.socket)
    point("server.told_to_end")
    ends = time.monotonic() + wait_secs
    while lock_held(paths):
        if time.monotonic() > ends:
            raise StorageUnavailableError(
                url="embedded:", detail=f"it did not end within {wait_secs:g} s", hint=f"see `{paths.redis_log}`"
            )
        time.sleep(_PAUSE_SECS)
    return True


def take_lock(paths: TownPaths) -> int | None:
    """Take the town's lock; None when a server, or somebody who starts one, has it."""
    lock = os.open(paths.redis_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    except BaseException:
        os.close(lock)
        raise
    return lock


def lock_held(paths: TownPaths) -> bool:
    """Say whether a server, or somebody who starts one, has the town's lock; makes no file."""
    return is_held(paths.redis_lock)

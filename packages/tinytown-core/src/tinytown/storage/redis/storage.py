"""The synchronous face: commands, REST and the public API run their calls here."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from tinytown.domain.clock import Clock
from tinytown.errors import StorageUnavailableError
from tinytown.storage import keys
from tinytown.storage.protocol import Call, Entry
from tinytown.storage.redis import replies, streams
from tinytown.storage.redis.attempts import Attempts
from tinytown.storage.redis.scripts import Scripts
from tinytown.storage.redis.versions import read_info
from tinytown.storage.redis.wire import BrokenWireError, Command, Deadline, ErrorReply, Reply, Transport, or_raise

T = TypeVar("T")

Connect = Callable[[Deadline], Transport]
"""Makes a connection that is ready for commands."""


class RedisStorage:
    """A town on a server. May be used by several threads; each call has a connection to itself.

    Args:
        connect: Makes a connection.
        url: Address without secrets.
        town: The town's name.
        clock: Gives the time of records; the server's own when None.
        scripts: Where the verbs' scripts come from.
        follows: `connect` finds whoever is in charge now (Sentinel, Cluster).
    """

    def __init__(
        self,
        connect: Connect,
        *,
        url: str,
        town: str,
        clock: Clock | None = None,
        scripts: Scripts | None = None,
        follows: bool = False,
    ) -> None:
        self._connect = connect
        self._url = url
        self._town = town
        self._prefix = keys.prefix(town)
        self._clock = clock
        self._scripts = scripts or Scripts()
        self._follows = follows
        self._idle: deque[Transport] = deque()

    @property
    def url(self) -> str:
        """The server's address without any secret."""
        return self._url

    def run(self, call: Call[T], *, operation: str | None = None) -> T:
        """Run one call; see `tinytown.storage.protocol.Storage.run`."""
        operation = replies.operation_for(call, operation)
        now = str(self._clock.now_ms()) if self._clock else ""
        short, whole = replies.commands_for(
            self._scripts.get(call.verb), self._prefix, operation, now, replies.arguments(call)
        )

        def act(transport: Transport, deadline: Deadline) -> Reply:
            reply = transport.execute(*short, deadline=deadline)
            if isinstance(reply, ErrorReply) and reply.text.startswith("NOSCRIPT"):
                reply = transport.execute(*whole, deadline=deadline)
            return or_raise(reply)

        return replies.decode(call, self._try(act, self._attempts(call.changes, operation)), url=self._url)

    def read_stream(self, name: str, *, after: str, limit: int, block_ms: int = 0) -> Sequence[Entry]:
        """Read entries of a stream; see `tinytown.storage.protocol.Storage.read_stream`.

        Raises:
            EventsTrimmedError: Events after that id are no longer kept.
        """
        key = keys.stream(self._town, name)
        if after == streams.NEWEST:
            after = self.newest_id(name)
        elif streams.checked(name):
            commands = streams.look(key, after, limit)
            found = self._ask(lambda t, d: streams.read_look(t.execute_many(commands, d), after))
            if found or not block_ms:
                return found
        waiting: Command = streams.wait(key, after, limit, block_ms)
        try:
            return self._ask(
                lambda t, d: streams.read_entries(t.execute(*waiting, deadline=d)), extra_secs=block_ms / 1000
            )
        except StorageUnavailableError as error:
            if not streams.overslept(error, block_ms):
                raise
        at_once: Command = streams.wait(key, after, limit, 0)
        return self._ask(lambda t, d: streams.read_entries(t.execute(*at_once, deadline=d)))

    def newest_id(self, name: str) -> str:
        """Give the last id of a stream, from which a reader gets all that comes from now on."""
        key = keys.stream(self._town, name)
        return self._ask(lambda t, d: streams.newest_id(t.execute("XINFO", "STREAM", key, deadline=d)))

    def server_run_id(self) -> str:
        """Give the id of the server's present life; another one means that it was restarted or replaced."""
        return self._ask(lambda t, d: read_info(str(or_raise(t.execute("INFO", "server", deadline=d)))).run_id)

    def ask(self, *commands: Command) -> list[Reply]:
        """Send plain commands that change nothing; an error that the server answers is a value. For `tt doctor`."""
        return self._ask(lambda t, d: t.execute_many(commands, d))

    def close(self) -> None:
        """Give back the connections."""
        while self._idle:
            self._idle.pop().close()

    def _attempts(self, changes: bool, operation: str | None = None, extra_secs: float = 0.0) -> Attempts:
        return Attempts(
            url=self._url,
            prefix=self._prefix,
            changes=changes,
            operation=operation,
            extra_secs=extra_secs,
            follows=self._follows,
        )

    def _ask(self, act: Callable[[Transport, Deadline], T], extra_secs: float = 0.0) -> T:
        return self._try(act, self._attempts(changes=False, extra_secs=extra_secs))

    def _try(self, act: Callable[[Transport, Deadline], T], attempts: Attempts) -> T:
        while True:
            transport: Transport | None = None
            try:
                transport = self._borrow(attempts)
                answer = act(transport, attempts.deadline)
            except BrokenWireError as broken:
                _drop(transport)
                time.sleep(attempts.after_break(broken))
            except ErrorReply as reply:
                _drop(transport)
                time.sleep(attempts.after_refusal(reply))
            except BaseException:
                _drop(transport)  # half a reply may be on its way
                raise
            else:
                self._idle.append(transport)
                return answer

    def _borrow(self, attempts: Attempts) -> Transport:
        if attempts.fresh:
            self.close()  # the others lead to the same server that just failed
            return self._connect(attempts.deadline)
        try:
            return self._idle.pop()
        except IndexError:
            return self._connect(attempts.deadline)


def _drop(transport: Transport | None) -> None:
    if transport is not None:
        transport.close()

"""The asyncio face: the node and MCP run their calls here. Means the same as `RedisStorage`, word for word."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TypeVar

from tinytown.domain.clock import Clock
from tinytown.errors import StorageUnavailableError
from tinytown.storage import keys
from tinytown.storage.protocol import Call, Entry
from tinytown.storage.redis import replies, streams
from tinytown.storage.redis.attempts import Attempts
from tinytown.storage.redis.scripts import Scripts
from tinytown.storage.redis.versions import read_info
from tinytown.storage.redis.wire import AsyncTransport, BrokenWireError, Command, Deadline, ErrorReply, Reply, or_raise

T = TypeVar("T")

AsyncConnect = Callable[[Deadline], Awaitable[AsyncTransport]]

POOL_SIZE = 8
"""Connections for calls; blocking reads have their own."""


class AsyncRedisStorage:
    """A town on a server, for one event loop.

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
        connect: AsyncConnect,
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
        self._idle: deque[AsyncTransport] = deque()
        self._turns = asyncio.Semaphore(POOL_SIZE)

    @property
    def url(self) -> str:
        """The server's address without any secret."""
        return self._url

    async def run(self, call: Call[T], *, operation: str | None = None) -> T:
        """Run one call; see `tinytown.storage.protocol.Storage.run`."""
        operation = replies.operation_for(call, operation)
        now = str(self._clock.now_ms()) if self._clock else ""
        short, whole = replies.commands_for(
            self._scripts.get(call.verb), self._prefix, operation, now, replies.arguments(call)
        )

        async def act(transport: AsyncTransport, deadline: Deadline) -> Reply:
            reply = await transport.execute(*short, deadline=deadline)
            if isinstance(reply, ErrorReply) and reply.text.startswith("NOSCRIPT"):
                reply = await transport.execute(*whole, deadline=deadline)
            return or_raise(reply)

        async with self._turns:
            reply = await self._try(act, self._attempts(call.changes, operation))
        return replies.decode(call, reply, url=self._url)

    async def read_stream(self, name: str, *, after: str, limit: int, block_ms: int = 0) -> Sequence[Entry]:
        """Read entries of a stream; see `tinytown.storage.protocol.Storage.read_stream`.

        Raises:
            EventsTrimmedError: Events after that id are no longer kept.
        """
        key = keys.stream(self._town, name)
        if after == streams.NEWEST:
            after = await self.newest_id(name)
        elif streams.checked(name):
            commands = streams.look(key, after, limit)

            async def look(transport: AsyncTransport, deadline: Deadline) -> list[Entry]:
                return streams.read_look(await transport.execute_many(commands, deadline), after)

            found = await self._ask(look)
            if found or not block_ms:
                return found
        try:
            return await self._ask(_reading(streams.wait(key, after, limit, block_ms)), extra_secs=block_ms / 1000)
        except StorageUnavailableError as error:
            if not streams.overslept(error, block_ms):
                raise
        return await self._ask(_reading(streams.wait(key, after, limit, 0)))

    async def newest_id(self, name: str) -> str:
        """Give the last id of a stream, from which a reader gets all that comes from now on."""
        key = keys.stream(self._town, name)

        async def ask(transport: AsyncTransport, deadline: Deadline) -> str:
            return streams.newest_id(await transport.execute("XINFO", "STREAM", key, deadline=deadline))

        return await self._ask(ask)

    async def server_run_id(self) -> str:
        """Give the id of the server's present life; another one means that it was restarted or replaced."""

        async def ask(transport: AsyncTransport, deadline: Deadline) -> str:
            return read_info(str(or_raise(await transport.execute("INFO", "server", deadline=deadline)))).run_id

        return await self._ask(ask)

    async def close(self) -> None:
        """Give back the connections."""
        while self._idle:
            await self._idle.pop().close()

    def _attempts(self, changes: bool, operation: str | None = None, extra_secs: float = 0.0) -> Attempts:
        return Attempts(
            url=self._url,
            prefix=self._prefix,
            changes=changes,
            operation=operation,
            extra_secs=extra_secs,
            follows=self._follows,
        )

    async def _ask(self, act: Callable[[AsyncTransport, Deadline], Awaitable[T]], extra_secs: float = 0.0) -> T:
        # A read that waits takes a connection of its own, beside those that calls take turns on.
        turn: AbstractAsyncContextManager[None] = nullcontext() if extra_secs else self._turns
        async with turn:
            return await self._try(act, self._attempts(changes=False, extra_secs=extra_secs))

    async def _try(self, act: Callable[[AsyncTransport, Deadline], Awaitable[T]], attempts: Attempts) -> T:
        while True:
            transport: AsyncTransport | None = None
            try:
                transport = await self._borrow(attempts)
                answer = await act(transport, attempts.deadline)
            except BrokenWireError as broken:
                await _drop(transport)
                await asyncio.sleep(attempts.after_break(broken))
            except ErrorReply as reply:
                await _drop(transport)
                await asyncio.sleep(attempts.after_refusal(reply))
            except BaseException:
                await _drop(transport)  # cancelled: half a reply may be on its way
                raise
            else:
                self._idle.append(transport)
                return answer

    async def _borrow(self, attempts: Attempts) -> AsyncTransport:
        if attempts.fresh:
            await self.close()  # the others lead to the same server that just failed
        elif self._idle:
            return self._idle.pop()
        return await self._connect(attempts.deadline)


def _reading(command: Command) -> Callable[[AsyncTransport, Deadline], Awaitable[list[Entry]]]:
    async def read(transport: AsyncTransport, deadline: Deadline) -> list[Entry]:
        return streams.read_entries(await transport.execute(*command, deadline=deadline))

    return read


async def _drop(transport: AsyncTransport | None) -> None:
    if transport is not None:
        await transport.close()

"""One asyncio connection of redis-py to any server. The node holds a few of them."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Sequence
from typing import Any

from redis.asyncio.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from tinytown.storage.redis.greeting import check_greeting, greeting, not_greeted
from tinytown.storage.redis.library import as_reply, broken, is_reply, reply_of, settings, tls_settings
from tinytown.storage.redis.locate import locate
from tinytown.storage.redis.urls import Endpoint, Scheme, ServerAddress, TlsOptions
from tinytown.storage.redis.wire import Arg, BrokenWireError, Command, Deadline, Reply, no_answer

_GOODBYE_SECS = 0.1


class AioTransport:
    """One connection; use `connect_async` to make it.

    All waiting happens under the caller's deadline, so the library's own time limits are switched off.
    """

    def __init__(self, endpoint: Endpoint, address: ServerAddress, tls: TlsOptions) -> None:
        self._endpoint = endpoint
        common: dict[str, Any] = settings(endpoint) | {
            "socket_timeout": None,
            "socket_connect_timeout": None,
            "retry": Retry(NoBackoff(), 0),
        }
        self._connection: Connection | UnixDomainSocketConnection
        if address.scheme is Scheme.REDISS:
            self._connection = SSLConnection(**common, **tls_settings(tls))
        elif endpoint.path:
            self._connection = UnixDomainSocketConnection(**common)
        else:
            self._connection = Connection(**common)

    async def open(self, address: ServerAddress, deadline: Deadline) -> None:
        """Connect, sign in and check the version."""
        try:
            async with asyncio.timeout(deadline.left):
                await self._connection.connect()
            check_greeting(await self.execute_many(greeting(address), deadline), address)
        except BrokenWireError as error:
            await self.close()
            raise not_greeted(error, address) from None
        except (RedisError, OSError) as error:
            await self.close()
            if isinstance(error, RedisError) and is_reply(error):
                raise reply_of(error) from error
            raise not_greeted(broken(error, self._endpoint, deadline, sent=False), address) from error
        except BaseException:
            await self.close()
            raise

    async def execute_many(self, commands: Sequence[Command], deadline: Deadline) -> list[Reply]:
        """Send commands in one write and read their replies."""
        sent = False
        try:
            async with asyncio.timeout(deadline.left):
                packed = self._connection.pack_commands(commands)
                await self._connection.send_packed_command(packed, check_health=False)
                sent = True
                return [await self._read() for _ in commands]
        except TimeoutError as error:
            raise no_answer(deadline, sent=sent) from error
        except (RedisError, OSError) as error:
            raise broken(error, self._endpoint, deadline, sent=sent) from error

    async def execute(self, *args: Arg, deadline: Deadline) -> Reply:
        """Send one command and read its reply."""
        return (await self.execute_many((args,), deadline))[0]

    async def close(self) -> None:
        """Close the connection; may be called twice."""
        # TLS says goodbye before it closes; a peer that is dead or stopped does not get long to answer that.
        with contextlib.suppress(TimeoutError, RedisError, OSError):
            async with asyncio.timeout(_GOODBYE_SECS):
                await self._connection.disconnect()

    async def _read(self) -> Reply:
        try:
            return as_reply(await self._connection.read_response(timeout=math.inf, disconnect_on_error=False))
        except RedisError as error:
            if is_reply(error):
                return reply_of(error)
            raise


async def connect_async(address: ServerAddress, tls: TlsOptions, key: str, deadline: Deadline) -> AioTransport:
    """Make a connection to the server that holds a key.

    Raises:
        BrokenWireError: It could not be made.
        ErrorReply: The server refused to sign in or to choose the database.
        StorageRefusedError: The server is too old.
    """
    if address.endpoints[0].path:
        endpoint = address.endpoints[0]
    else:
        endpoint = await asyncio.to_thread(locate, address, key, deadline)
    transport = AioTransport(endpoint, address, tls)
    await transport.open(address, deadline)
    return transport

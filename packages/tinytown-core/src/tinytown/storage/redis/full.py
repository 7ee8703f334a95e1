"""The way to a server over TLS, through Sentinels or in a cluster: connections of redis-py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import RedisError
from redis.retry import Retry

from tinytown.storage.redis.greeting import check_greeting, greeting, not_greeted
from tinytown.storage.redis.library import as_reply, broken, is_reply, reply_of, settings, tls_settings
from tinytown.storage.redis.urls import Endpoint, Scheme, ServerAddress, TlsOptions
from tinytown.storage.redis.wire import Arg, BrokenWireError, Command, Deadline, Reply, no_answer


class LibraryTransport:
    """One connection of redis-py; means the same as `LeanTransport`, and raises the same.

    Args:
        endpoint: Where to connect.
        address: Credentials, database, and whether to use TLS.
        tls: Files for TLS.
        deadline: When to give up.
    """

    def __init__(self, endpoint: Endpoint, address: ServerAddress, tls: TlsOptions, deadline: Deadline) -> None:
        self._endpoint = endpoint
        common: dict[str, Any] = settings(endpoint) | {
            "socket_timeout": deadline.left or 0.001,
            "socket_connect_timeout": deadline.left or 0.001,
            "retry": Retry(NoBackoff(), 0),
        }
        if address.scheme is Scheme.REDISS:
            self._connection: Any = SSLConnection(**common, **tls_settings(tls))
        elif endpoint.path:
            self._connection = UnixDomainSocketConnection(**common)
        else:
            self._connection = Connection(**common)
        try:
            self._connection.connect()
            check_greeting(self.execute_many(greeting(address), deadline), address)
        except BrokenWireError as error:
            self.close()
            raise not_greeted(error, address) from None
        except RedisError as error:
            self.close()
            if is_reply(error):
                raise reply_of(error) from error
            raise not_greeted(broken(error, endpoint, deadline, sent=False), address) from error
        except BaseException:
            self.close()
            raise

    def execute_many(self, commands: Sequence[Command], deadline: Deadline) -> list[Reply]:
        """Send commands in one write and read their replies."""
        sent = False
        try:
            packed = self._connection.pack_commands(commands)
            self._connection.send_packed_command(packed, check_health=False)
            sent = True
            return [self._read(deadline) for _ in commands]
        except RedisError as error:
            raise broken(error, self._endpoint, deadline, sent=sent) from error

    def execute(self, *args: Arg, deadline: Deadline) -> Reply:
        """Send one command and read its reply."""
        return self.execute_many((args,), deadline)[0]

    def close(self) -> None:
        """Close the connection; may be called twice."""
        self._connection.disconnect()

    def _read(self, deadline: Deadline) -> Reply:
        left = deadline.left
        if left <= 0:
            raise no_answer(deadline, sent=True)
        try:
            return as_reply(self._connection.read_response(timeout=left, disconnect_on_error=False))
        except RedisError as error:
            if is_reply(error):
                return reply_of(error)
            raise

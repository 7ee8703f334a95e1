"""The quick way to a server on a Unix socket or plain TCP: a socket and the hiredis reader.

redis-py alone takes several times as long to import as a short command may take in all. This module and what it needs
stay free of redis-py, asyncio, ssl and cattrs; a test watches that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import hiredis

from tinytown.storage.redis.dial import describe, open_socket
from tinytown.storage.redis.greeting import check_greeting, greeting, not_greeted
from tinytown.storage.redis.urls import Endpoint, ServerAddress
from tinytown.storage.redis.wire import Arg, BrokenWireError, Command, Deadline, ErrorReply, Reply, no_answer

_CHUNK = 65536
_pack: Any = getattr(hiredis, "pack_command")  # noqa: B009 - its stub allows commands of one word only


class LeanTransport:
    """One connection over a plain socket.

    Args:
        endpoint: Where to connect.
        address: Credentials and database.
        deadline: When to give up.

    Raises:
        BrokenWireError: It could not be made.
        ErrorReply: The server refused to sign in or to choose the database.
        StorageRefusedError: The server is too old.
    """

    def __init__(self, endpoint: Endpoint, address: ServerAddress, deadline: Deadline) -> None:
        self._endpoint = endpoint
        self._reader = hiredis.Reader(replyError=ErrorReply, encoding="utf-8", errors="replace")
        self._socket = open_socket(endpoint, deadline)
        try:
            check_greeting(self.execute_many(greeting(address), deadline), address)
        except BrokenWireError as error:
            self.close()
            raise not_greeted(error, address) from None
        except BaseException:
            self.close()
            raise

    def execute_many(self, commands: Sequence[Command], deadline: Deadline) -> list[Reply]:
        """Send commands in one write and read their replies."""
        data = b"".join(_pack(command) for command in commands)
        sent = False
        try:
            self._socket.settimeout(_at_least(deadline, sent=False))
            self._socket.sendall(data)  # when this fails the last command is not whole, so it is not carried out
            sent = True
            return [self._read(deadline) for _ in commands]
        except OSError as error:
            raise describe(error, self._endpoint, deadline, sent=sent) from error

    def execute(self, *args: Arg, deadline: Deadline) -> Reply:
        """Send one command and read its reply."""
        return self.execute_many((args,), deadline)[0]

    def close(self) -> None:
        """Close the connection; may be called twice."""
        self._socket.close()

    def _read(self, deadline: Deadline) -> Reply:
        while (reply := self._next()) is False:
            self._socket.settimeout(_at_least(deadline, sent=True))
            chunk = self._socket.recv(_CHUNK)
            if not chunk:
                raise BrokenWireError("it closed the connection", sent=True)
            self._reader.feed(chunk)
        return reply

    def _next(self) -> Reply:
        try:
            return self._reader.gets()
        except hiredis.ProtocolError as error:
            raise BrokenWireError(
                "what answers there does not speak the Redis protocol",
                sent=True,
                hint="use rediss:// if the server expects TLS, or correct the port",
                lasting=True,
            ) from error


def _at_least(deadline: Deadline, *, sent: bool) -> float:
    """Give the time left as a socket wants it, which takes zero for "do not wait"."""
    left = deadline.left
    if left <= 0:
        raise no_answer(deadline, sent=sent)
    return left

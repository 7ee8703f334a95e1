"""What a new connection sends first, the same on every transport: sign in, choose the database, ask for the version.

All of it goes in one write, and the first call follows in a second one, so that no script runs on a server that was
not looked at. A call is then one round trip.
"""

from __future__ import annotations

from collections.abc import Sequence

from tinytown.storage.redis.urls import Scheme, ServerAddress
from tinytown.storage.redis.versions import check_server
from tinytown.storage.redis.wire import BrokenWireError, Command, Reply, or_raise


def greeting(address: ServerAddress) -> list[Command]:
    """List the commands; the last reply tells the version."""
    commands: list[Command] = []
    if address.password is not None:
        user: Command = (address.username,) if address.username else ()
        commands.append(("AUTH", *user, address.password))
    if address.db:
        commands.append(("SELECT", address.db))
    return [*commands, ("INFO", "server")]


def check_greeting(replies: Sequence[Reply], address: ServerAddress) -> None:
    """Look at the replies.

    Raises:
        ErrorReply: The server refused to sign in or to choose the database.
        StorageRefusedError: The server is too old.
    """
    for reply in replies:
        or_raise(reply)
    check_server(str(replies[-1]), address.shown)


def not_greeted(error: BrokenWireError, address: ServerAddress) -> BrokenWireError:
    """Say of a connection that broke during the greeting that no call was sent, and what may be the matter."""
    error.sent = False
    if address.scheme is Scheme.REDISS and error.timed_out:
        error.hint = "use redis:// if the server speaks no TLS; else see whether it is overloaded or behind a firewall"
    elif address.scheme is Scheme.REDIS and error.hint is None:
        error.hint = "use rediss:// if the server expects TLS"
    return error

"""Opens the storage behind a server address. Imports what the address needs, and no more."""

from __future__ import annotations

from tinytown.domain.clock import Clock
from tinytown.errors import StorageUnavailableError
from tinytown.storage import keys
from tinytown.storage.redis.scripts import Scripts
from tinytown.storage.redis.storage import Connect, RedisStorage
from tinytown.storage.redis.urls import Scheme, ServerAddress, TlsOptions, parse
from tinytown.storage.redis.wire import Deadline, Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from tinytown.storage.redis.async_storage import AsyncRedisStorage

    class KeptApart(Protocol):
        """What a town knows of a server besides its address: a `Connection` or a `ServerChoice`."""

        @property
        def username(self) -> str | None:
            """User on the server."""

        @property
        def password(self) -> str | None:
            """Its password."""

        @property
        def tls_ca_cert(self) -> str | None:
            """Certificates to trust."""

        @property
        def tls_cert(self) -> str | None:
            """Certificate to show."""

        @property
        def tls_key(self) -> str | None:
            """Its key."""


_PLAIN = (Scheme.UNIX, Scheme.REDIS)
_FOLLOWS = (Scheme.SENTINEL, Scheme.CLUSTER)


def complete(url: str, kept: KeptApart) -> tuple[ServerAddress, TlsOptions]:
    """Put an address together with what is kept apart from it, for `open_sync` and `open_async`.

    Args:
        url: Address without user and password.
        kept: User, password, and files for TLS.

    Raises:
        InvalidValueError: The address has none of the known forms.
    """
    address = parse(url)
    if kept.password:
        address = address.with_password(kept.password, kept.username)
    return address, TlsOptions(ca_file=kept.tls_ca_cert, cert_file=kept.tls_cert, key_file=kept.tls_key)


def open_sync(
    url: str | ServerAddress,
    town: str,
    *,
    tls: TlsOptions | None = None,
    clock: Clock | None = None,
    scripts: Scripts | None = None,
) -> RedisStorage:
    """Open a town for commands, REST and the public API. Connects with the first call.

    Args:
        url: Address of a server; ``embedded:`` and ``memory:`` are resolved by others before.
        town: The town's name.
        tls: Files for `rediss:`.
        clock: Gives the time of records; the server's own when None.
        scripts: Another set of scripts, for tests.

    Raises:
        InvalidValueError: The address has none of the known forms, or a file for TLS cannot be read.
    """
    address = _address(url)
    return RedisStorage(
        connector(address, town, _checked(tls)),
        url=address.shown,
        town=town,
        clock=clock,
        scripts=scripts,
        follows=address.scheme in _FOLLOWS,
    )


def open_async(
    url: str | ServerAddress,
    town: str,
    *,
    tls: TlsOptions | None = None,
    clock: Clock | None = None,
    scripts: Scripts | None = None,
) -> AsyncRedisStorage:
    """Open a town for the node and MCP; as `open_sync`."""
    from tinytown.storage.redis.aio import AioTransport, connect_async
    from tinytown.storage.redis.async_storage import AsyncRedisStorage

    address = _address(url)
    options = _checked(tls)
    key = keys.prefix(town)

    async def connect(deadline: Deadline) -> AioTransport:
        return await connect_async(address, options, key, deadline)

    return AsyncRedisStorage(
        connect, url=address.shown, town=town, clock=clock, scripts=scripts, follows=address.scheme in _FOLLOWS
    )


def connector(address: ServerAddress, town: str, tls: TlsOptions) -> Connect:
    """Choose the transport for an address: the lean one where it can serve, redis-py elsewhere."""
    if address.scheme in _PLAIN:
        from tinytown.storage.redis.lean import LeanTransport

        return lambda deadline: LeanTransport(address.endpoints[0], address, deadline)

    def connect(deadline: Deadline) -> Transport:
        from tinytown.storage.redis.full import LibraryTransport
        from tinytown.storage.redis.locate import locate

        return LibraryTransport(locate(address, keys.prefix(town), deadline), address, tls, deadline)

    return connect


def _address(url: str | ServerAddress) -> ServerAddress:
    address = parse(url) if isinstance(url, str) else url
    if not address.endpoints:
        raise StorageUnavailableError(
            url=address.shown,
            detail="it has no server address yet",
            hint="resolve it with `tinytown.storage.embedded` or open it in memory",
        )
    return address


def _checked(tls: TlsOptions | None) -> TlsOptions:
    options = tls or TlsOptions()
    options.check()
    return options

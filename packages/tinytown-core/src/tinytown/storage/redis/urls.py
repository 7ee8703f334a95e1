"""Server addresses: what a URL may say, and how it looks without its secrets.

Parsed by hand: an address may name several hosts, a password may hold any character, and a short command should not
pay for `urllib`.
"""

from __future__ import annotations

import os
from enum import StrEnum

import attrs

from tinytown.config.urls import redacted
from tinytown.errors import InvalidValueError

DEFAULT_PORT = 6379
DEFAULT_SENTINEL_PORT = 26379
_LAST_PORT = 65535


class Scheme(StrEnum):
    """What stands before the colon."""

    EMBEDDED = "embedded"
    """The server that Tinytown starts for a town; resolved to a socket before anything connects."""
    UNIX = "unix"
    REDIS = "redis"
    REDISS = "rediss"
    """TLS, with the certificate checked."""
    SENTINEL = "redis+sentinel"
    CLUSTER = "redis+cluster"
    MEMORY = "memory"


_SCHEMES = frozenset(scheme.value for scheme in Scheme)

FORMS = (
    "embedded:, unix:///path, redis://host, rediss://host, redis+sentinel://host,host/master, "
    "redis+cluster://host,host, memory:"
)
"""The forms an address may have, for messages."""


@attrs.frozen
class Endpoint:
    """One place to connect to: a host with a port, or the path of a Unix socket."""

    host: str = ""
    port: int = DEFAULT_PORT
    path: str = ""

    def __str__(self) -> str:
        """Write it as an address does, IPv6 in brackets."""
        if self.path:
            return self.path
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@attrs.frozen
class TlsOptions:
    """Files for TLS. Certificates and host names are always checked; there is no switch for that.

    Attributes:
        ca_file: Certificates of the authorities to trust; the system's when None.
        cert_file: The client's own certificate, where the server asks for one.
        key_file: The key of that certificate.
    """

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None

    def check(self) -> None:
        """See that each file can be read, before a library reports that as a broken connection.

        Raises:
            InvalidValueError: One cannot be read.
        """
        for name, path in attrs.asdict(self).items():
            if path is not None and not os.access(path, os.R_OK):
                raise InvalidValueError(
                    what=f"`tls_{name}`", detail=f"names `{path}`, which cannot be read", hint="correct that path"
                )


@attrs.frozen
class ServerAddress:
    """A parsed address.

    Attributes:
        scheme: Kind of connection.
        endpoints: Where to connect; the first contacts of a Sentinel or Cluster address.
        username: Name for AUTH, or None.
        password: Secret for AUTH, or None; in no text that is shown.
        db: Number of the database.
        master: Name that the Sentinels know the primary by.
    """

    scheme: Scheme
    endpoints: tuple[Endpoint, ...] = ()
    username: str | None = None
    password: str | None = attrs.field(default=None, repr=False)
    db: int = 0
    master: str = ""

    @property
    def shown(self) -> str:
        """The address without name and password, fit for messages and logs."""
        if self.scheme in (Scheme.EMBEDDED, Scheme.MEMORY):
            return f"{self.scheme.value}:"
        if self.scheme is Scheme.UNIX:
            return f"unix://{self.endpoints[0].path}" + (f"?db={self.db}" if self.db else "")
        hosts = ",".join(str(endpoint) for endpoint in self.endpoints)
        tail = f"/{self.master}" if self.master else ""
        return f"{self.scheme.value}://{hosts}{tail}" + (f"/{self.db}" if self.db else "")

    def with_password(self, password: str, username: str | None = None) -> ServerAddress:
        """Give the same address with a secret that was kept apart from it."""
        return attrs.evolve(self, password=password, username=username or self.username)


def parse(url: str) -> ServerAddress:
    """Read a server address.

    Args:
        url: One of the forms in `FORMS`. Characters of a password may be percent-encoded, and need not be.

    Returns:
        The address; nothing has been contacted.

    Raises:
        InvalidValueError: The address has none of the forms; the text holds no secret.
    """
    word, colon, rest = url.strip().partition(":")
    if not colon or word not in _SCHEMES:
        raise _bad(f"`{redacted(url)}` has an unknown scheme", hint=f"use one of: {FORMS}")
    scheme = Scheme(word)
    if scheme in (Scheme.EMBEDDED, Scheme.MEMORY):
        if rest.strip("/"):
            raise _bad(f"`{redacted(url)}` has more than its scheme", hint=f"write `{scheme.value}:`")
        return ServerAddress(scheme)
    if not rest.startswith("//"):
        raise _bad(f"`{redacted(url)}` lacks `//` behind its scheme", hint=f"use one of: {FORMS}")
    rest = rest[2:]
    if scheme is Scheme.UNIX:
        return _unix(rest)
    username, password, rest = _credentials(rest)
    rest, _, query = rest.partition("?")
    settings = _settings(query)
    hosts, _, tail = rest.partition("/")
    port = DEFAULT_SENTINEL_PORT if scheme is Scheme.SENTINEL else DEFAULT_PORT
    endpoints = tuple(_endpoint(text, port) for text in hosts.split(","))
    if len(endpoints) > 1 and scheme in (Scheme.REDIS, Scheme.REDISS):
        raise _bad("names several hosts", hint="use redis+sentinel:// or redis+cluster:// for several hosts")
    master = ""
    if scheme is Scheme.SENTINEL:
        master, _, tail = tail.partition("/")
        if not master:
            raise _bad("lacks the name of the primary", hint="write redis+sentinel://host,host/NAME")
    db = _number("database", tail.strip("/") or settings.get("db", "0"), 1 << 16)
    if db and scheme is Scheme.CLUSTER:
        raise _bad("names a database, which a cluster does not have", hint="leave out the number")
    return ServerAddress(scheme, endpoints, username, password, db, master)


def _unix(rest: str) -> ServerAddress:
    username = password = None
    if not rest.startswith("/"):
        username, password, rest = _credentials(rest)
    path, _, query = rest.partition("?")
    if not path.startswith("/"):
        raise _bad("needs the absolute path of a socket", hint="write unix:///path/to/socket, with three slashes")
    db = _number("database", _settings(query).get("db", "0"), 1 << 16)
    return ServerAddress(Scheme.UNIX, (Endpoint(path=_decoded(path)),), username, password, db)


def _credentials(rest: str) -> tuple[str | None, str | None, str]:
    """Split at the last `@`, so that a password may hold that character and slashes too."""
    secret, at, rest = rest.rpartition("@")
    if not at:
        return None, None, rest
    name, colon, password = secret.partition(":")
    return (_decoded(name) or None), (_decoded(password) if colon else None), rest


def _endpoint(text: str, default_port: int) -> Endpoint:
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise _bad(f"has a broken IPv6 host in `{text}`", hint="write [::1]:6379")
        port = port[1:]
    else:
        host, _, port = text.partition(":")
        if ":" in port:
            raise _bad(f"has an IPv6 host without brackets in `{text}`", hint="write [::1]:6379")
    if not host:
        raise _bad("lacks a host", hint="write redis://HOST:PORT")
    return Endpoint(_decoded(host), _number("port", port, _LAST_PORT) if port else default_port)


def _settings(query: str) -> dict[str, str]:
    settings: dict[str, str] = {}
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        if name != "db":
            raise _bad(
                f"has an unknown setting `{name}`",
                hint="only `db` may stand in an address; files for TLS are settings of their own, "
                "and the check of certificates cannot be switched off",
            )
        settings[name] = _decoded(value)
    return settings


def _number(what: str, text: str, limit: int) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= limit):
        raise _bad(f"has a {what} that is not a number up to {limit}: `{text}`", hint="write redis://HOST:PORT/NUMBER")
    return int(text)


def _decoded(text: str) -> str:
    if "%" not in text:
        return text
    from urllib.parse import unquote  # only addresses that need it pay for the import

    return unquote(text)


def _bad(detail: str, *, hint: str) -> InvalidValueError:
    return InvalidValueError(what="the server address", detail=detail, hint=hint)

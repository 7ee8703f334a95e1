"""Reads the keys of a town of the Rust program. Never writes: only SCAN, TYPE and the reading command of each type."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self, cast

import attrs

from tinytown.errors import InvalidValueError, StorageUnavailableError

READ_AT_ONCE = 200
_SECS = 5.0
_READS = {b"hash": "HGETALL", b"string": "GET", b"list": "LRANGE", b"set": "SMEMBERS"}
_DATABASE = re.compile(r"^[^?]*\?db=[0-9]{1,5}$")
_SPECIAL = re.compile(r"([*?\[\]\\^])")


@attrs.frozen
class RawKey:
    """One key as it stands there.

    Attributes:
        kind: ``hash``, ``string``, ``list``, ``set``, or another type, whose value is not read.
        value: Its value in bytes; None where it was not read.
    """

    kind: str
    value: Any = None


@attrs.frozen(kw_only=True)
class Source:
    """Where the town lies.

    Attributes:
        url: Address without a secret.
        username: User on the server.
        password: Its password. Never printed.
        tls_ca_cert: Certificates to trust, for TLS.
    """

    url: str
    username: str | None = None
    password: str | None = attrs.field(default=None, repr=False)
    tls_ca_cert: str | None = None


def fetch(source: Source, name: str) -> dict[str, RawKey]:
    """Read every key that could belong to a town, and those of before towns had names.

    Args:
        source: The server.
        name: Name of the town, as the Rust program wrote it.

    Returns:
        The keys by name. Text that is not UTF-8 in a key's name is shown with backslashes.

    Raises:
        StorageUnavailableError: The server does not answer, or lets nobody in.
        InvalidValueError: The address is none that can be read from.
    """
    with _Reader(source) as reader:
        plain = _SPECIAL.sub(r"\\\1", name)
        return reader.read([f"tt:{plain}:*", *(f"tt:{kind}*" for kind in _OLDEST)])


_OLDEST = ("agent:", "inbox:", "urgent:", "task:", "activity:", "stop:", "backlog")


def names_there(source: Source) -> list[str]:
    """List the towns of the Rust program on a server, for a hint.

    Raises:
        StorageUnavailableError: The server does not answer.
    """
    with _Reader(source) as reader:
        found = (re.fullmatch(r"tt:(.+):(?:agent|task):[0-9a-fA-F-]{36}", key) for key in reader.names(["tt:*"]))
        return sorted({match[1] for match in found if match and not match[1].startswith("{")})


class _Reader:
    def __init__(self, source: Source) -> None:
        from redis import Redis
        from redis.exceptions import RedisError

        self._errors = (RedisError, OSError)
        self._source = source
        if not source.url.startswith(("redis://", "rediss://", "unix://")):
            raise InvalidValueError(
                what="`--url`",
                detail="is no address of a single server",
                hint="for example `redis://127.0.0.1:16379` or `unix:///path/to/redis.sock`",
            )
        if "?" in source.url and not _DATABASE.search(source.url):
            raise InvalidValueError(
                what="`--url`",
                detail="has options that are not used",
                hint="leave out what follows `?`, but for `?db=1`",
            )
        options: dict[str, Any] = {"socket_timeout": _SECS, "socket_connect_timeout": _SECS}
        options |= {"username": source.username, "password": source.password}
        if source.url.startswith("rediss://") and source.tls_ca_cert:
            options["ssl_ca_certs"] = source.tls_ca_cert
        if source.url.startswith("unix://"):
            del options["socket_connect_timeout"]
        given = {name: value for name, value in options.items() if value is not None}
        try:
            self._redis: Any = Redis.from_url(source.url, **given)  # pyright: ignore[reportUnknownMemberType]
        except ValueError as error:
            raise InvalidValueError(what="`--url`", detail=str(error), hint="ports are 1 to 65535") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._redis.close()

    def names(self, patterns: Iterable[str]) -> Iterator[str]:
        """List the keys that fit one of some patterns, each once."""
        seen: set[bytes] = set()
        for pattern in patterns:
            cursor = 0
            while True:
                cursor, page = self._do("SCAN", cursor, "MATCH", pattern, "COUNT", 1000)
                cursor = int(cursor)
                for key in cast("Sequence[bytes]", page):
                    if key not in seen:
                        seen.add(key)
                        yield key.decode("utf-8", "backslashreplace")
                if cursor == 0:
                    break

    def read(self, patterns: Iterable[str]) -> dict[str, RawKey]:
        """Read the keys that fit one of some patterns."""
        names = sorted(self.names(patterns))
        found: dict[str, RawKey] = {}
        for start in range(0, len(names), READ_AT_ONCE):
            part = names[start : start + READ_AT_ONCE]
            kinds = self._all([("TYPE", name) for name in part])
            wanted = [(name, kind) for name, kind in zip(part, kinds, strict=True) if kind in _READS]
            values = self._all([(_READS[kind], name, *((0, -1) if kind == b"list" else ())) for name, kind in wanted])
            for name, kind in zip(part, kinds, strict=True):
                if kind != b"none":
                    found[name] = RawKey(_plain(kind))
            for (name, kind), value in zip(wanted, values, strict=True):
                if not isinstance(value, Exception):  # it became of another type meanwhile; it counts as unread
                    found[name] = RawKey(_plain(kind), value)
        return found

    def _all(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        if not commands:
            return []
        try:
            pipe = self._redis.pipeline(transaction=False)
            for command in commands:
                pipe.execute_command(*command, NEVER_DECODE=True)
            return list(pipe.execute(raise_on_error=False))
        except self._errors as error:
            raise self._away(error) from None

    def _do(self, *command: Any) -> Any:
        try:
            return self._redis.execute_command(*command)
        except self._errors as error:
            raise self._away(error) from None

    def _away(self, error: Exception) -> StorageUnavailableError:
        hint = "start the server that the Rust program used, or name another with `--url`"
        return StorageUnavailableError(url=self._source.url, detail=str(error)[:300], hint=hint)


def _plain(kind: Any) -> str:
    return kind.decode() if isinstance(kind, bytes) else str(kind)

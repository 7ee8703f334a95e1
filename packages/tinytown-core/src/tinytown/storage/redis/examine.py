"""What a server says of itself, for `tt doctor`. Reads only, and needs no right beyond INFO and TIME."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import cast

import attrs

from tinytown.domain.clock import Clock
from tinytown.storage import keys
from tinytown.storage.redis.storage import RedisStorage
from tinytown.storage.redis.versions import read_info
from tinytown.storage.redis.wire import ErrorReply, or_raise

_SETTINGS = ("appendonly", "appendfsync", "save", "maxmemory-policy")


@attrs.frozen(kw_only=True)
class ServerFacts:
    """What a server says of itself.

    Attributes:
        kind: ``Redis`` or ``Valkey``.
        version: Its version.
        info: All fields of ``INFO``.
        settings: What ``CONFIG GET`` said; None where this user may not ask.
        now_ms: Its clock, in milliseconds since 1970.
        here_ms: This machine's clock at that moment.
        took_ms: How long the question about the clock took, in milliseconds.
    """

    kind: str
    version: str
    info: Mapping[str, str]
    settings: Mapping[str, str] | None
    now_ms: int
    here_ms: int
    took_ms: float


def examine_server(storage: RedisStorage, clock: Clock) -> ServerFacts:
    """Ask a server about itself.

    Args:
        storage: An open storage on it.
        clock: This machine's clock, which is read at the same moment as the server's.

    Raises:
        TinytownError: It cannot be reached, is too old, or refuses to answer.
    """
    text = str(or_raise(storage.ask(("INFO",))[0]))
    config = storage.ask(("CONFIG", "GET", *_SETTINGS))[0]
    before = time.perf_counter()
    seconds, micros = or_raise(storage.ask(("TIME",))[0])
    took = (time.perf_counter() - before) * 1000
    here = clock.now_ms()
    info = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    found = read_info(text)
    return ServerFacts(
        kind=found.kind,
        version=found.version,
        info=info,
        settings=None if isinstance(config, ErrorReply) else _pairs(config),
        now_ms=int(seconds) * 1000 + int(micros) // 1000,
        here_ms=here,
        took_ms=took,
    )


def interrupted(storage: RedisStorage, town: str) -> str | None:
    """Give which operation on the whole of a town was interrupted, ``restore`` or ``reset``, if one was."""
    mark = or_raise(storage.ask(("HGET", keys.prefix(town) + "town", "unfinished"))[0])
    return str(mark).partition(":")[0] if mark else None


def _pairs(reply: object) -> dict[str, str]:
    if isinstance(reply, Mapping):
        return {str(name): str(value) for name, value in cast("Mapping[object, object]", reply).items()}
    flat = [str(each) for each in cast("Sequence[object]", reply)]
    return dict(zip(flat[::2], flat[1::2], strict=False))

"""The redis storage as a plugin, for whoever opens a storage by its URL alone. Commands call `open_sync` themselves."""

from __future__ import annotations

from collections.abc import Mapping

from tinytown.hookspecs.markers import hookimpl
from tinytown.storage.redis.plugin import open_async, open_sync
from tinytown.storage.redis.urls import TlsOptions


@hookimpl
def tinytown_storage_open(url: str, town: str, asynchronous: bool, options: Mapping[str, object]) -> object:
    """Open either face; `options` may hold `tls`. The first call connects."""
    tls = options.get("tls")
    opener = open_async if asynchronous else open_sync
    return opener(url, town, tls=tls if isinstance(tls, TlsOptions) else None)

"""The redis storage as a plugin, for whoever opens a storage by its URL alone. Commands call `open_sync` themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from tinytown.config.connection import Connection
from tinytown.hookspecs.markers import hookimpl
from tinytown.storage.redis.plugin import complete, open_async, open_sync


@hookimpl
def tinytown_storage_open(url: str, town: str, asynchronous: bool, options: Mapping[str, object]) -> object:
    """Open either face; `options` may hold the fields of a `Connection`. The first call connects."""
    names = {field.name for field in attrs.fields(Connection)} - {"url", "embedded"}
    texts: dict[str, Any] = {name: text for name, text in options.items() if name in names and isinstance(text, str)}
    address, tls = complete(url, Connection(url=url, **texts))
    return (open_async if asynchronous else open_sync)(address, town, tls=tls)

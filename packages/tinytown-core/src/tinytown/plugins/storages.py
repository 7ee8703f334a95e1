"""Open the storage that a URL names. What a storage can do is said in ``tinytown.storage``; here it is an object."""

from __future__ import annotations

from collections.abc import Mapping

from tinytown.errors import PluginBrokenError, UsageError
from tinytown.plugins.loading import load

_SCHEMES: Mapping[str, str] = {
    "embedded": "redis",
    "unix": "redis",
    "redis": "redis",
    "rediss": "redis",
    "redis+sentinel": "redis",
    "redis+cluster": "redis",
    "memory": "memory",
}


def storage_name(url: str) -> str:
    """Give the name of the storage plugin for a URL: its scheme, unless core knows better.

    Raises:
        UsageError: The text has no scheme.
    """
    scheme, colon, _rest = url.partition(":")
    if not colon or not scheme:
        raise UsageError(detail="a storage URL begins with a scheme", hint="for example `redis://127.0.0.1:6379/0`")
    return _SCHEMES.get(scheme.lower(), scheme.lower())


def open_storage(
    url: str, town: str, *, asynchronous: bool = False, options: Mapping[str, object] | None = None
) -> object:
    """Open the storage of a town.

    Args:
        url: Its URL, without a password.
        town: Name of the town.
        asynchronous: Whether the asyncio face is wanted.
        options: Password, certificates, paths.

    Returns:
        What the plugin's factory gave.

    Raises:
        PluginNotFoundError: No storage for that scheme is installed.
        PluginBrokenError: Its plugin cannot be used or does not take the URL.
        StorageUnavailableError: The server does not answer.
    """
    name = storage_name(url)
    storage = load("storages", name).hook.tinytown_storage_open(
        url=url, town=town, asynchronous=asynchronous, options=options or {}
    )
    if storage is None:
        scheme = url.partition(":")[0]
        raise PluginBrokenError(kind="storage", name=name, detail=f"it does not take URLs of the scheme `{scheme}:`")
    return storage

"""The one hook of a storage: a factory."""

from __future__ import annotations

from collections.abc import Mapping

from tinytown.hookspecs.markers import hookspec


@hookspec(firstresult=True)
def tinytown_storage_open(url: str, town: str, asynchronous: bool, options: Mapping[str, object]) -> object | None:
    """Open the storage that a URL names.

    Called once per process and town, when the first verb needs it. Required. Stops at first non-None result; None
    means that the URL is not of this storage.

    Args:
        url: The URL, without a password.
        town: Name of the town; all keys begin with it.
        asynchronous: Whether the asyncio face is wanted (node, MCP) or the synchronous one.
        options: What else the town knows: password, certificates, paths. Unknown keys are ignored.

    Rules:
        May connect, must not change a record. Known within 2 s whether the server answers; failing that it raises
        ``StorageUnavailableError``.

    Example::

        @tinytown.hookimpl
        def tinytown_storage_open(url, town):
            if url.startswith("heap:"):
                return HeapStorage(town)
    """

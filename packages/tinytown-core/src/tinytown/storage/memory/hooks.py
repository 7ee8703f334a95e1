"""The memory storage as a plugin."""

from __future__ import annotations

from collections.abc import Mapping

from tinytown.hookspecs.markers import hookimpl
from tinytown.storage.memory.storage import AsyncMemoryStorage, MemoryStorage, MemoryTown


@hookimpl
def tinytown_storage_open(town: str, asynchronous: bool, options: Mapping[str, object]) -> object:
    """Open either face of the town in `options`, or of a new one that nobody else sees."""
    shared = options.get("town")
    data = shared if isinstance(shared, MemoryTown) else MemoryTown(town)
    return AsyncMemoryStorage(data) if asynchronous else MemoryStorage(data)

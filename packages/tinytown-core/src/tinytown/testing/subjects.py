"""What the storage contract is run on: two clients of one town, its clock, its keys, and a way to damage them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from typing import Any, Protocol

import attrs

from tinytown.storage import keys
from tinytown.storage.memory.storage import MemoryStorage, MemoryTown
from tinytown.storage.memory.tx import Entries, Hash
from tinytown.storage.protocol import Storage
from tinytown.testing import dumps
from tinytown.testing.clock import SettableClock
from tinytown.testing.dumps import Dump, Pipeline


class Subject(Protocol):
    """One empty town of the storage under test, with two clients."""

    @property
    def first(self) -> Storage:
        """A client."""
        ...

    @property
    def second(self) -> Storage:
        """Another client of the same town; shares nothing with the first that clients do not share."""
        ...

    @property
    def clock(self) -> SettableClock:
        """Gives both clients the time of records."""
        ...

    def dump(self) -> Dump:
        """Read all keys of the town."""
        ...

    def remove(self, key: str) -> None:
        """Take a key away, as no verb does."""
        ...

    def planted(self, key: str) -> contextlib.AbstractContextManager[None]:
        """While the context lasts, a value of a wrong type stands under a key; afterwards what was there before."""
        ...


@attrs.frozen
class MemorySubject:
    """A town in memory."""

    first: MemoryStorage
    second: MemoryStorage
    clock: SettableClock

    def dump(self) -> Dump:
        """Read all keys of the town."""
        return dumps.of_memory(self.first.town.data)

    def remove(self, key: str) -> None:
        """Take a key away."""
        self.first.town.data.pop(key, None)

    @contextlib.contextmanager
    def planted(self, key: str) -> Generator[None]:
        """Put a list under a key, or a hash where a list belongs."""
        data = self.first.town.data
        kept: Any = data.get(key)
        data[key] = (
            Hash(planted="1") if isinstance(kept, Entries) or key.startswith("history:") else Entries(["planted"])
        )
        try:
            yield
        finally:
            data.pop(key)
            if kept is not None:
                data[key] = kept


def memory_subject(name: str = "kit") -> MemorySubject:
    """Make an empty town in memory."""
    clock = SettableClock()
    town = MemoryTown(name, clock)
    return MemorySubject(MemoryStorage(town), MemoryStorage(town), clock)


@attrs.frozen
class ServerSubject:
    """A town on a server.

    Attributes:
        town: Its name.
        pipeline: Sends commands to the server that holds the town.
    """

    first: Storage
    second: Storage
    clock: SettableClock
    town: str
    pipeline: Pipeline

    def dump(self) -> Dump:
        """Read all keys of the town."""
        return dumps.of_server(self.pipeline, self.town)

    def remove(self, key: str) -> None:
        """Take a key away."""
        self.pipeline([("DEL", keys.prefix(self.town) + key)])

    @contextlib.contextmanager
    def planted(self, key: str) -> Generator[None]:
        """Put a list under a key, or a string where a list belongs."""
        whole, aside = keys.prefix(self.town) + key, keys.prefix(self.town) + "op:aside"
        known = str(self.pipeline([("TYPE", whole)])[0])
        if known != "none":
            self.pipeline([("RENAME", whole, aside)])
        is_list = known == "list" or key.startswith("history:")
        self.pipeline([("SET", whole, "planted") if is_list else ("RPUSH", whole, "planted")])
        try:
            yield
        finally:
            self.pipeline([("DEL", whole)])
            if known != "none":
                self.pipeline([("RENAME", aside, whole)])

    def clear(self) -> None:
        """Remove every key of the town."""
        found = dumps.scan(self.pipeline, self.town)
        if found:
            self.pipeline([("DEL", *(keys.prefix(self.town) + name for name in found))])


@contextlib.contextmanager
def server_subject(
    open_storage: Callable[[SettableClock], Storage], pipeline: Pipeline, town: str
) -> Generator[ServerSubject]:
    """Open two clients of an empty town on a server, and remove the town at the end.

    Args:
        open_storage: Opens a client that takes the time of records from a clock.
        pipeline: Sends commands to the server that holds the town.
        town: Its name; nothing else may use it.
    """
    clock = SettableClock()
    subject = ServerSubject(open_storage(clock), open_storage(clock), clock, town, pipeline)
    subject.clear()
    try:
        yield subject
    finally:
        subject.first.close()
        subject.second.close()
        subject.clear()

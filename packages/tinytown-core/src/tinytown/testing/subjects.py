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
from tinytown.testing.dumps import Command, Dump


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
        command: Sends one command to the server that holds the town.
    """

    first: Storage
    second: Storage
    clock: SettableClock
    town: str
    command: Command

    def dump(self) -> Dump:
        """Read all keys of the town."""
        return dumps.of_server(self.command, self.town)

    @contextlib.contextmanager
    def planted(self, key: str) -> Generator[None]:
        """Put a list under a key, or a string where a list belongs."""
        whole, aside = keys.prefix(self.town) + key, keys.prefix(self.town) + "op:aside"
        known = str(self.command("TYPE", whole))
        if known != "none":
            self.command("RENAME", whole, aside)
        if known == "list" or key.startswith("history:"):
            self.command("SET", whole, "planted")
        else:
            self.command("RPUSH", whole, "planted")
        try:
            yield
        finally:
            self.command("DEL", whole)
            if known != "none":
                self.command("RENAME", aside, whole)

    def clear(self) -> None:
        """Remove the town, so that it can be built again under the same name."""
        start, cursor = keys.prefix(self.town), "0"
        while True:
            reply: Any = self.command("SCAN", cursor, "MATCH", f"{start}*", "COUNT", 1000)
            cursor, found = str(reply[0]), [str(key) for key in reply[1]]
            if found:
                self.command("DEL", *found)
            if cursor == "0":
                return


@contextlib.contextmanager
def server_subject(
    open_storage: Callable[[SettableClock], Storage], command: Command, town: str
) -> Generator[ServerSubject]:
    """Open two clients of an empty town on a server, and remove the town at the end.

    Args:
        open_storage: Opens a client that takes the time of records from a clock.
        command: Sends one command to the server that holds the town.
        town: Its name; nothing else may use it.
    """
    clock = SettableClock()
    subject = ServerSubject(open_storage(clock), open_storage(clock), clock, town, command)
    subject.clear()
    try:
        yield subject
    finally:
        subject.first.close()
        subject.second.close()
        subject.clear()

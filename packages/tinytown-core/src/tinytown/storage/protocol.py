"""What a storage is: something that runs the calls of `tinytown.storage.calls`, and two ways to wait.

A call names one verb or one query and knows how to read its answer. It is defined once and runs on the synchronous
face (commands, REST, the public API) and on the asyncio face (node, MCP) alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import attrs

T = TypeVar("T")

Answer = Mapping[str, Any]
"""What a script or its twin in memory answers: an object of JSON."""

Entry = tuple[str, Mapping[str, str]]
"""One entry of a stream: its id and its fields."""


@attrs.frozen
class Call(Generic[T]):
    """One verb or query with its arguments.

    Attributes:
        verb: Name of the script (``lua/<verb>.lua``) and of the function in memory.
        args: Arguments; whatever JSON can hold.
        decode: Turns the answer into records.
        changes: Whether it changes anything. If so it is sent with an operation id, under which the server keeps
            the answer for ten minutes and repeats it, so that sending twice does nothing twice.
        natural: The verb is repeatable by the ids in its arguments, so no answer needs to be kept.
    """

    verb: str
    args: Mapping[str, Any]
    decode: Callable[[Answer], T]
    changes: bool = True
    natural: bool = False


class Storage(Protocol):
    """The synchronous face."""

    @property
    def url(self) -> str:
        """The server's address without any secret."""
        ...

    def run(self, call: Call[T], *, operation: str | None = None) -> T:
        """Run one call.

        Args:
            call: What to do.
            operation: Id under which the answer is kept and repeated; made here when None.

        Returns:
            What the call decodes.

        Raises:
            TinytownError: Refused (nothing changed), or the server cannot be reached (known within two seconds);
                `OutcomeUnknownError` carries the operation id with which the call may be repeated.
        """
        ...

    def read_stream(self, name: str, *, after: str, limit: int, block_ms: int = 0) -> Sequence[Entry]:
        """Read entries of the stream ``events`` or ``bell:<node id>``.

        Args:
            name: The stream.
            after: Read what came after this id; ``$`` means only what comes from now on.
            limit: At most so many.
            block_ms: How long to wait for the first one; 0 answers at once.
        """
        ...

    def newest_id(self, name: str) -> str:
        """Give the last id of a stream, from which a reader gets all that comes from now on."""
        ...

    def close(self) -> None:
        """Give back the connection."""
        ...


class AsyncStorage(Protocol):
    """The asyncio face; means the same, word for word."""

    @property
    def url(self) -> str:
        """The server's address without any secret."""
        ...

    async def run(self, call: Call[T], *, operation: str | None = None) -> T:
        """Run one call."""
        ...

    async def read_stream(self, name: str, *, after: str, limit: int, block_ms: int = 0) -> Sequence[Entry]:
        """Read entries of a stream."""
        ...

    async def newest_id(self, name: str) -> str:
        """Give the last id of a stream."""
        ...

    async def server_run_id(self) -> str:
        """Give the id of the server's present life; another one means that it was restarted or replaced."""
        ...

    async def close(self) -> None:
        """Give back the connections."""
        ...

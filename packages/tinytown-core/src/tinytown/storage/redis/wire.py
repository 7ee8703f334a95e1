"""What passes between the storage and a connection: commands, replies, deadlines, and the two ways to fail."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Protocol

BUDGET_SECS = 2.0
"""Within this time a caller knows that the server cannot be reached."""

Arg = str | bytes | int
Command = tuple[Arg, ...]
Reply = Any
"""Text, number, None, a list of these, or an `ErrorReply` as a value."""


class ErrorReply(Exception):  # noqa: N818 - named after what it is on the wire
    """An error that the server answered. Connections return it as a value; they do not raise it."""

    @property
    def text(self) -> str:
        """What the server wrote; it begins with a word in capitals."""
        return str(self.args[0]) if self.args else ""


def or_raise(reply: Reply) -> Reply:
    """Give a reply, or raise it when it is an error.

    Raises:
        ErrorReply: The server refused.
    """
    if isinstance(reply, ErrorReply):
        raise reply
    return reply


class BrokenWireError(Exception):
    """The connection could not be made, or broke.

    Attributes:
        detail: What happened, without any secret.
        sent: The commands had been handed over whole, so they may have been carried out.
        hint: What to do about it, or None.
        lasting: Trying again at once cannot help: a wrong certificate, an unknown host, the time is up.
        timed_out: The time is up.
    """

    def __init__(self, detail: str, *, sent: bool = False, hint: str | None = None, lasting: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.sent = sent
        self.hint = hint
        self.lasting = lasting
        self.timed_out = False


class Deadline:
    """A point in time on the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds until then; 0.0 once it has passed."""
        return max(0.0, self._ends - time.monotonic())


class Transport(Protocol):
    """One connection, ready for commands: signed in, database chosen, version checked."""

    def execute_many(self, commands: Sequence[Command], deadline: Deadline) -> list[Reply]:
        """Send commands in one write and read their replies.

        Raises:
            BrokenWireError: The connection is of no further use.
        """
        ...

    def execute(self, *args: Arg, deadline: Deadline) -> Reply:
        """Send one command and read its reply."""
        ...

    def close(self) -> None:
        """Close the connection; may be called twice."""
        ...


class AsyncTransport(Protocol):
    """The same for asyncio."""

    async def execute_many(self, commands: Sequence[Command], deadline: Deadline) -> list[Reply]:
        """Send commands in one write and read their replies."""
        ...

    async def execute(self, *args: Arg, deadline: Deadline) -> Reply:
        """Send one command and read its reply."""
        ...

    async def close(self) -> None:
        """Close the connection; may be called twice."""
        ...


def no_answer(deadline: Deadline, *, sent: bool) -> BrokenWireError:
    """Say that the time ran out."""
    error = BrokenWireError(
        f"no answer within {deadline.seconds:g} s",
        sent=sent,
        hint="see whether the server is overloaded, stopped, or behind a firewall",
        lasting=True,
    )
    error.timed_out = True
    return error

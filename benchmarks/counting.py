"""Counts what clients asked of a server, by its own statistics, and sends it calls in bulk."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from tinytown.storage import keys
from tinytown.storage.protocol import Call
from tinytown.storage.redis import replies
from tinytown.storage.redis.scripts import Scripts
from tinytown.storage.redis.wire import Command
from tinytown.testing.dumps import Pipeline
from tinytown.testing.raw import pipeline

from benchmarks.result import must

CLIENT_COMMANDS = (
    *("evalsha", "eval", "fcall", "xread", "xrange", "xinfo|stream", "multi", "exec"),
    *("ping", "hello", "auth", "select", "client|setinfo", "client|setname", "client|list", "client|id", "script|load"),
)
"""What clients of ours send. Scripts use none of these inside, so each one counted is a request over a connection."""

_scripts = Scripts()
_LONGEST_SECS = 10.0


class Requests:
    """Counts the requests to a server since it was made, leaving out its own."""

    def __init__(self, socket_path: Path) -> None:
        """Begin to count.

        Args:
            socket_path: The server's Unix socket.
        """
        self._send = pipeline(socket_path)
        self._before = self._counts()

    def since(self) -> dict[str, int]:
        """Give the requests by command, only those that came."""
        now = self._counts()
        return {name: now[name] - self._before.get(name, 0) for name in now if now[name] > self._before.get(name, 0)}

    def total(self) -> int:
        """Count the requests."""
        return sum(self.since().values())

    def _counts(self) -> dict[str, int]:
        text = str(self._send([["INFO", "commandstats"]])[0])
        found: dict[str, int] = {}
        for line in text.splitlines():
            name, _, rest = line.removeprefix("cmdstat_").partition(":calls=")
            if rest and name in CLIENT_COMMANDS:
                found[name] = int(rest.partition(",")[0])
        return found


class Watch:
    """Writes down in order which verbs reach a server, while a block lasts."""

    def __init__(self, socket_path: Path) -> None:
        """Name the server.

        Args:
            socket_path: Its Unix socket.
        """
        self._path = str(socket_path)
        self._names = {_scripts.get(verb).sha: verb for verb in _scripts.verbs()}
        self._connection = socket.socket(socket.AF_UNIX)

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._connection.settimeout(_LONGEST_SECS)
        self._connection.connect(self._path)
        self._connection.sendall(b"MONITOR\r\n")
        must(self._connection.recv(64).startswith(b"+OK"), "the server lets itself be watched")
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening."""
        self._connection.close()

    def verbs(self) -> list[str]:
        """Give the verbs that came so far, in order; what scripts do inside is not among them."""
        mark = "that is all"
        pipeline(Path(self._path))([["ECHO", mark]])
        said = ""
        while mark not in said:
            said += self._connection.recv(1 << 20).decode("utf-8", "replace")
        calls = [line.split('"') for line in said.splitlines() if " lua]" not in line]
        return [self._names[words[3]] for words in calls if len(words) > 3 and words[1] == "EVALSHA"]  # noqa: PLR2004


def command_of(call: Call[Any], town: str, operation: str | None = None) -> Command:
    """Give the words that send a call to a server that knows its script."""
    script = _scripts.get(call.verb)
    ids = replies.operation_for(call, operation)
    return replies.commands_for(script, keys.prefix(town), ids, "", replies.arguments(call))[0]


def in_bulk(socket_path: Path, town: str, calls: Iterable[Call[Any]], batch: int = 1000) -> int:
    """Send many calls of verbs whose scripts the server knows, and check that none was refused.

    Returns:
        How many.
    """
    send, count = pipeline(socket_path), 0
    for some in _batches(calls, batch):
        count += len(some)
        _check(send, [[str(word) for word in command_of(call, town)] for call in some])
    return count


def _check(send: Pipeline, commands: Sequence[Sequence[str]]) -> None:
    for reply in send(commands):
        must(isinstance(reply, str) and not reply.startswith('{"error"'), f"a call was refused: {str(reply)[:300]}")


def _batches(calls: Iterable[Call[Any]], size: int) -> Iterator[list[Call[Any]]]:
    batch: list[Call[Any]] = []
    for call in calls:
        batch.append(call)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch

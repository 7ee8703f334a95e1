"""The memory storage: for tests, dry runs, and as the specification that the server's scripts are held against."""

from __future__ import annotations

import asyncio
import copy
import json
import threading
from collections.abc import Sequence
from typing import Any, TypeVar

from tinytown.domain.clock import Clock, SystemClock
from tinytown.errors import EventsTrimmedError
from tinytown.storage.memory.tx import Refusal, Stream, Tx
from tinytown.storage.memory.verbs import VERBS
from tinytown.storage.memory.verbs.saves import OF_THE_WHOLE, guard
from tinytown.storage.protocol import Call, Entry
from tinytown.storage.refusals import raise_refusal

T = TypeVar("T")

OPERATION_KEPT_MS = 600_000


class MemoryTown:
    """The data of one town, shared by any number of storages of this process.

    Args:
        name: Name of the town.
        clock: Where the time comes from.
    """

    def __init__(self, name: str = "memory", clock: Clock | None = None) -> None:
        self.name = name
        self.clock = clock or SystemClock()
        self.data: dict[str, Any] = {}
        self.answers: dict[str, tuple[int, str]] = {}
        self.changed = threading.Condition()


class MemoryStorage:
    """The synchronous face of a town in memory. Safe to use from several threads."""

    def __init__(self, town: MemoryTown | None = None) -> None:
        self.town = town or MemoryTown()

    @property
    def url(self) -> str:
        """The address of this storage."""
        return "memory:"

    def run(self, call: Call[T], *, operation: str | None = None) -> T:
        """Run one call; see `Storage.run`."""
        with self.town.changed:
            answer = self._answer(call, operation)
            self.town.changed.notify_all()
        return call.decode(answer)

    def _answer(self, call: Call[Any], operation: str | None) -> dict[str, Any]:
        now = self.town.clock.now_ms()
        kept = self.town.answers.get(operation or "")
        if kept is not None and kept[0] > now:
            return json.loads(kept[1])
        tx = Tx(self.town.data, now)
        try:
            if call.changes and call.verb not in OF_THE_WHOLE:
                guard(tx, dict(call.args))
            answer = VERBS[call.verb](tx, json.loads(json.dumps(call.args)))
        except Refusal as refusal:
            raise_refusal(refusal.error)
        text = json.dumps(copy.deepcopy(answer))
        if call.changes:
            tx.commit()
            if operation and not call.natural:
                self._forget_answers(now)
                self.town.answers[operation] = (now + OPERATION_KEPT_MS, text)
        return json.loads(text)

    def _forget_answers(self, now: int) -> None:
        """Drop the answers whose time is up; the oldest come first."""
        answers = self.town.answers
        while answers and (first := next(iter(answers.items())))[1][0] <= now:
            del answers[first[0]]

    def read_stream(self, name: str, *, after: str, limit: int, block_ms: int = 0) -> Sequence[Entry]:
        """Read entries of a stream; see `Storage.read_stream`."""
        with self.town.changed:
            if after == "$":
                after = self._stream(name).last_id
            self.town.changed.wait_for(lambda: self._newer(name, after, 1), block_ms / 1000)
            return self._newer(name, after, limit)

    def newest_id(self, name: str) -> str:
        """Give the last id of a stream; see `Storage.newest_id`."""
        with self.town.changed:
            return self._stream(name).last_id

    def _stream(self, name: str) -> Stream:
        found = self.town.data.get(name)
        return found if isinstance(found, Stream) else Stream()

    def _newer(self, name: str, after: str, limit: int) -> Sequence[Entry]:
        stream = self._stream(name)
        if name == "events" and _place(after) < _place(stream.trimmed_id) and stream:
            raise EventsTrimmedError(oldest=stream[0][0])
        return [(ref, dict(fields)) for ref, fields in stream if _place(ref) > _place(after)][:limit]

    def close(self) -> None:
        """Nothing to give back."""


def _place(ref: str) -> tuple[int, int]:
    at, _dash, count = ref.partition("-")
    return int(at or 0), int(count or 0)


class AsyncMemoryStorage:
    """The asyncio face of a town in memory."""

    def __init__(self, town: MemoryTown | None = None) -> None:
        self._face = MemoryStorage(town)
        self.town = self._face.town

    @property
    def url(self) -> str:
        """The address of this storage."""
        return self._face.url

    async def run(self, call: Call[T], *, operation: str | None = None) -> T:
        """Run one call; see `Storage.run`."""
        return self._face.run(call, operation=operation)

    async def read_stream(self, name: str, *, after: str, limit: int, block_ms: int = 0) -> Sequence[Entry]:
        """Read entries of a stream; see `Storage.read_stream`."""
        return await asyncio.to_thread(self._face.read_stream, name, after=after, limit=limit, block_ms=block_ms)

    async def newest_id(self, name: str) -> str:
        """Give the last id of a stream; see `Storage.newest_id`."""
        return self._face.newest_id(name)

    async def server_run_id(self) -> str:
        """Memory lives as long as the process."""
        return "memory"

    async def close(self) -> None:
        """Nothing to give back."""

"""The memory storage passes the contract of storages."""

from __future__ import annotations

import pytest
from tinytown.domain.ids import IdKind, new_id
from tinytown.storage.calls import tasks
from tinytown.storage.calls import town as town_calls
from tinytown.storage.memory.storage import OPERATION_KEPT_MS, MemoryStorage, MemoryTown
from tinytown.testing.clock import SettableClock
from tinytown.testing.storages import StorageContract
from tinytown.testing.subjects import MemorySubject, memory_subject


class TestMemory(StorageContract):
    """A town in memory."""

    @pytest.fixture
    def subject(self) -> MemorySubject:
        return memory_subject()


def test_answers_are_kept_for_ten_minutes_and_then_forgotten():
    clock = SettableClock()
    town = MemoryTown("kept", clock)
    storage = MemoryStorage(town)
    storage.run(town_calls.claim("kept", "instance-1"))
    first = storage.run(tasks.add(new_id(IdKind.TASK), "x"), operation="o-1")
    assert storage.run(tasks.add(new_id(IdKind.TASK), "y"), operation="o-1") == first
    clock.advance(OPERATION_KEPT_MS)
    storage.run(tasks.add(new_id(IdKind.TASK), "z"), operation="o-2")
    assert list(town.answers) == ["o-2"]

"""The memory storage passes the contract of storages."""

from __future__ import annotations

import pytest
from tinytown.testing.storages import StorageContract
from tinytown.testing.subjects import MemorySubject, memory_subject


class TestMemory(StorageContract):
    """A town in memory."""

    @pytest.fixture
    def subject(self) -> MemorySubject:
        return memory_subject()

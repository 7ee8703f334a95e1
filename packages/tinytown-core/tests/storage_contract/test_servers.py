"""Redis and Valkey pass the contract of storages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tinytown.testing.storages import StorageContract
from tinytown.testing.subjects import ServerSubject


class TestServers(StorageContract):
    """A town on a server."""

    @pytest.fixture
    def subject(self, on_server: Any) -> Iterator[ServerSubject]:
        with on_server() as subject:
            yield subject

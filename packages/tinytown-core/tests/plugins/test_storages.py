"""A storage is chosen by the scheme of its URL."""

from __future__ import annotations

import pytest
from tinytown.errors import PluginBrokenError, PluginNotFoundError, UsageError
from tinytown.plugins.storages import open_storage, storage_name

HEAP = """
import tinytown

@tinytown.hookimpl
def tinytown_storage_open(url, town, options):
    return (url, town, dict(options)) if url.startswith("heap:") else None
"""


def test_a_third_party_storage_is_opened_by_its_scheme(install):
    install("heap", HEAP, kind="storages")

    assert open_storage("heap:here", "my-town", options={"depth": 3}) == ("heap:here", "my-town", {"depth": 3})


def test_a_storage_that_does_not_take_the_url_is_named(install):
    install("pile", HEAP, kind="storages")

    with pytest.raises(PluginBrokenError, match="`pile:`"):
        open_storage("pile:here", "my-town")


@pytest.mark.parametrize("scheme", ["embedded", "unix", "redis", "rediss", "redis+sentinel", "redis+cluster", "REDIS"])
def test_the_redis_family_is_one_plugin(scheme):
    assert storage_name(f"{scheme}://host") == "redis"


def test_an_unknown_scheme_and_a_text_without_one_are_refused():
    with pytest.raises(PluginNotFoundError, match="postgres"):
        open_storage("postgres://host", "my-town")
    with pytest.raises(UsageError, match="scheme"):
        open_storage("localhost", "my-town")


@pytest.mark.parametrize("asynchronous", [False, True])
def test_two_openings_of_a_shared_town_in_memory_see_the_same(asynchronous):
    from tinytown.storage.memory.storage import AsyncMemoryStorage, MemoryStorage, MemoryTown

    shared = MemoryTown("my-town")
    storage = open_storage("memory:", "my-town", asynchronous=asynchronous, options={"town": shared})

    assert isinstance(storage, AsyncMemoryStorage if asynchronous else MemoryStorage)
    assert open_storage("memory:", "my-town") is not storage


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_server_is_not_asked_before_the_first_call(asynchronous):
    storage = open_storage("redis://127.0.0.1:1/0", "my-town", asynchronous=asynchronous)

    assert getattr(storage, "url", "").startswith("redis://127.0.0.1")

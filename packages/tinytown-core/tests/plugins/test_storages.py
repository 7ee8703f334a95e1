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

    assert open_storage("heap:here", "my-town", {"depth": 3}) == ("heap:here", "my-town", {"depth": 3})


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

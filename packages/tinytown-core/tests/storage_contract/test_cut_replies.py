"""A reply that never arrives: every changing verb is repeated under its own operation id, and done exactly once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tinytown.domain.ids import IdKind
from tinytown.storage.redis.plugin import open_sync
from tinytown.testing.contract.damage import SCENES
from tinytown.testing.hands import Hands
from tinytown.testing.machine import difference
from tinytown.testing.proxies import CutProxy, cut_proxy
from tinytown.testing.servers import TestServer
from tinytown.testing.subjects import memory_subject


@pytest.fixture
def proxy(shared_server: TestServer) -> Iterator[CutProxy]:
    with cut_proxy(shared_server.socket) as running:
        yield running


@pytest.mark.parametrize("scene", sorted(SCENES))
def test_a_verb_whose_reply_is_cut_is_done_exactly_once(on_server: Any, proxy: CutProxy, scene: str) -> None:
    memory = Hands(memory_subject())
    call = SCENES[scene](memory)
    expected = memory.run(call)
    with on_server() as warm:  # the server has to know the script, or the cut falls on its not knowing it
        hands = Hands(warm)
        hands.run(SCENES[scene](hands))
    with on_server() as subject:
        town = Hands(subject)
        call = SCENES[scene](town)
        client = open_sync(f"redis://127.0.0.1:{proxy.port}", subject.town, clock=subject.clock)
        try:
            proxy.cuts.drop_replies_to, proxy.cuts.drops = b"EVALSHA", 1
            answer = client.run(call, operation=town.new(IdKind.OPERATION))
        finally:
            client.close()
        assert proxy.cuts.seen == 2
        assert answer == expected
        assert difference(memory.subject.dump(), subject.dump()) is None

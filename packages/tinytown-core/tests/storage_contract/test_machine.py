"""Random walks through towns: memory keeps its invariants, and servers do what memory does."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest
from tinytown.testing import machine

SEED = int(os.environ.get("TINYTOWN_SEED") or random.SystemRandom().randrange(1_000_000))
STEPS = 2_000


@pytest.mark.timeout(180)
def test_a_town_in_memory_is_sound_after_any_steps() -> None:
    accepted = machine.run(STEPS, SEED, every=20)
    assert accepted > STEPS // 3


@pytest.mark.timeout(180)
def test_a_server_does_what_memory_does_for_any_steps(on_server: Any) -> None:
    machine.run(STEPS, SEED, on_server, every=50)

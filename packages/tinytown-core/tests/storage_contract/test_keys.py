"""The page that spells the keys names every family that a long walk leaves behind, with its type."""

from __future__ import annotations

import re

from tinytown.errors import TinytownError
from tinytown.storage import keys
from tinytown.testing.subjects import memory_subject
from tinytown.testing.walk import Walk

TYPES = {"sorted set": "zset"}


def _documented() -> dict[str, str]:
    rows = re.findall(r"^\| (`.+?) \| (hash|sorted set|set|list|stream|string)\b", keys.__doc__ or "", re.MULTILINE)
    return {
        name.partition(":")[0]: TYPES.get(kind, kind)
        for names, kind in rows
        for name in re.findall(r"`([^`]+)`", names)
    }


def test_every_family_of_keys_is_documented_with_its_type() -> None:
    subject = memory_subject()
    walk = Walk(11, subject.first.town.data)
    for _ in range(1_500):
        step = walk.step()
        subject.clock.advance(step.ticks)
        try:
            subject.first.run(step.call, operation=step.operation)
        except TinytownError:
            continue  # refusals are part of the walk
    found = {name.partition(":")[0]: key.kind for name, key in subject.dump().items()}
    documented = _documented()
    assert {family: documented.get(family) for family in found} == found
    assert set(documented) - set(found) <= {"op", "freed"}

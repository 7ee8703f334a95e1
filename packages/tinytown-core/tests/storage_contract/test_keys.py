"""The page that spells the keys names every family that a long walk leaves behind, with its type."""

from __future__ import annotations

import re

from tinytown.errors import TinytownError
from tinytown.storage import keys
from tinytown.testing.subjects import memory_subject
from tinytown.testing.walk import Walk

TYPES = {"sorted set": "zset"}


def _family(name: str) -> str:
    head, colon, _rest = name.partition(":")
    return head + colon


def _documented() -> dict[str, str]:
    kinds: dict[str, str] = {}
    for names, kind in re.findall(
        r"^\| (`.+?) \| (hash|sorted set|set|list|stream|string)\b", keys.__doc__ or "", re.MULTILINE
    ):
        for name in re.findall(r"`([^`]+)`", str(names)):
            kinds[_family(str(name))] = TYPES.get(str(kind), str(kind))
    return kinds


def test_every_family_of_keys_is_documented_with_its_type() -> None:
    subject = memory_subject()
    walk = Walk(11, subject.first.town.data)
    found: dict[str, str] = {}
    for number in range(1_500):
        step = walk.step()
        subject.clock.advance(step.ticks)
        try:
            subject.first.run(step.call, operation=step.operation)
        except TinytownError:
            continue  # refusals are part of the walk
        found |= {_family(name): key.kind for name, key in subject.dump().items()} if number % 10 == 0 else {}
    documented = _documented()
    assert {family: documented.get(family) for family in found} == found
    assert set(documented) - set(found) <= {"op:", "freed", "expiring"}

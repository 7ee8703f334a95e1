"""Random towns, random cleaning: afterwards everything that was ever accepted is still somewhere."""

from __future__ import annotations

import contextlib
import random

import pytest
from tinytown.config.paths import TownPaths
from tinytown.config.server_source import ServerChoice
from tinytown.config.town import parse_town
from tinytown.errors import TinytownError
from tinytown.services.context import TownContext
from tinytown.services.town import Town
from tinytown.services.trash import trashed_task
from tinytown.testing import invariants
from tinytown.testing.subjects import memory_subject
from tinytown.testing.walk import NAMES, Walk

CLEANINGS = 40


def accepted(data):
    """Everything on record by its kind."""
    kinds = ("task", "message", "agent", "round")
    return {kind: {key for key in data if key.startswith(f"{kind}:")} for kind in kinds}


def clean_somehow(town, dice):
    ways = [{"to_backlog": True}, {"to": dice.choice(NAMES)}, {}]
    orphan_ways = [*ways, {"cancel": True}, {"delete": True}]
    chosen = dice.choice(["prune", "reclaim", "orphans", "all"])
    dry = dice.random() < 0.3
    if chosen == "prune":
        return town.prune(dice.choice([(), dice.sample(NAMES, 2)]), dry_run=dry)
    if chosen == "all":
        return town.prune(all=True, dry_run=dry, timeout=0)
    from_ = dice.choice([None, None, dice.choice(NAMES)])
    if chosen == "reclaim":
        return town.reclaim(from_=from_, dry_run=dry, **dice.choice(ways))
    return town.reclaim(from_=from_, orphan_tasks=True, dry_run=dry, **dice.choice(orphan_ways))


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_cleaned_no_task_and_no_message_is_lost(tmp_path, seed):
    subject, dice = memory_subject(), random.Random(seed)
    data = subject.first.town.data
    walk = Walk(seed + 100, data)
    context = TownContext(
        root=tmp_path,
        config=parse_town('name = "walk"', "tinytown.toml"),
        paths=TownPaths(tmp_path),
        server=ServerChoice(url="memory:", source="default"),
        starts=False,
    )
    town = Town(context, subject.second)
    done = 0
    for _ in range(CLEANINGS):
        for _ in range(12):
            step = walk.step()
            subject.clock.advance(step.ticks)
            with contextlib.suppress(TinytownError):
                subject.first.run(step.call, operation=step.operation)
        before = accepted(data)
        try:
            found = clean_somehow(town, dice)
        except TinytownError:
            found = None
        done += found is not None
        after = accepted(data)
        assert before["message"] <= after["message"]
        assert before["agent"] <= after["agent"]
        assert before["round"] <= after["round"]
        for key in before["task"] - after["task"]:
            assert trashed_task(context, key.removeprefix("task:")).exists()
        assert invariants.check(subject.dump()) == []
    assert done > CLEANINGS / 3

"""What somebody says while a town is saved, taken away or replaced is in a save or refused, and never lost."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from tinytown.errors import RefusedError, TownUnfinishedError
from tinytown.storage.calls import mail, saves, tasks
from tinytown.storage.memory.storage import MemoryStorage
from tinytown.testing import dumps, invariants

LATE = "said between the save and the end"


class Talking(MemoryStorage):
    """Somebody else says something right before some calls of one verb."""

    def __init__(self, town, verb, say, times=1):
        super().__init__(town)
        self.verb, self.say, self.left = verb, say, times
        self.refused = []

    def run(self, call, *, operation=None):
        if call.verb == self.verb and self.left:
            self.left -= 1
            try:
                super().run(self.say(self.left), operation=f"o-late{self.left:06}")
            except TownUnfinishedError as error:
                self.refused.append(error)
        return super().run(call, operation=operation)


def fill(bench):
    bench.node.runs = False
    bench.join()
    bench.agent("w1")
    bench.town.add_task("mend the roof")
    bench.leave("down")
    return bench.town.save(bench.context.root / "x.save").file


def letter(number):
    return mail.send(f"m-{number:010}", "w1", LATE)


def talk(bench, verb, say=letter, times=1):
    bench.town.storage = Talking(bench.memory, verb, say, times)
    return bench.town.storage


@pytest.mark.parametrize("take_away", ["reset", "restore"])
def test_mail_that_comes_between_the_save_and_the_end_of_a_town_is_in_the_save(bench, take_away):
    file = fill(bench)
    talk(bench, "town_clear")
    if take_away == "reset":
        kept = Path(bench.town.reset().kept).read_text(encoding="utf-8")
    else:
        kept = bench.town.restore(file, force=True).kept.read_text()
    assert LATE in kept
    assert invariants.check(dumps.of_memory(bench.memory.data)) == []


@pytest.mark.parametrize("verb", ["town_write", "town_finish"])
def test_mail_that_comes_while_a_town_is_written_is_refused_and_the_restore_completes(bench, verb):
    file = fill(bench)
    talking = talk(bench, verb)
    bench.town.restore(file, force=True)
    assert [error.what for error in talking.refused] == ["restore"]
    assert invariants.check(dumps.of_memory(bench.memory.data)) == []


def test_a_town_that_was_empty_and_is_not_any_more_is_not_replaced_without_force(bench):
    file = fill(bench)
    bench.town.reset()
    talk(bench, "town_clear", lambda number: tasks.add(f"t-{number:010}", LATE))
    with pytest.raises(RefusedError) as caught:
        bench.town.restore(file)
    assert caught.value.refusal == "town_not_empty"
    assert bench.town.status().tasks["pending"] == 1


def test_a_town_in_which_somebody_talks_all_the_time_is_left_as_it_is(bench):
    fill(bench)
    talk(bench, "town_clear", times=1000)
    with pytest.raises(RefusedError) as caught:
        bench.town.reset()
    assert caught.value.refusal == "town_busy"
    assert bench.town.status().tasks["pending"] == 1


class Replaced(MemoryStorage):
    """Somebody else begins to take the town away while it is read."""

    def run(self, call, *, operation=None):
        if call.verb == "town_export":
            answer = super().run(attrs.evolve(call, args={**call.args, "limit": 2}), operation=operation)
            if not call.args["after"]:
                super().run(saves.clear("restore", "other", begin=True, limit=2))
            return answer
        return super().run(call, operation=operation)


def test_a_save_of_a_town_that_is_being_taken_away_is_refused_instead_of_half(bench):
    file = fill(bench)
    before = file.read_bytes()
    bench.town.storage = Replaced(bench.memory)
    with pytest.raises(TownUnfinishedError):
        bench.town.save(file)
    assert file.read_bytes() == before


def test_agents_alone_are_not_taken_from_a_town_of_which_only_a_part_is_there(bench):
    fill(bench)
    bench.storage.run(saves.clear("restore", "other", begin=True, limit=2))
    with pytest.raises(TownUnfinishedError):
        bench.town.reset(agents_only=True)

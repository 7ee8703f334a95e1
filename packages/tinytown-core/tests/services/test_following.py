"""Readers of the history: none misses an event or sees one twice, however often they stop, and wherever they begin."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
import tinytown
from tinytown.domain.clock import rfc3339
from tinytown.errors import EventsTrimmedError, InvalidValueError, NotFoundError, UsageError
from tinytown.services.watching import EVENT_KINDS
from tinytown.storage.calls import town as town_calls

SOURCES = Path(tinytown.__file__).parent


def ids(found) -> list[str]:
    return [event.id for event in found]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("wanted", [None, "task"])
def test_readers_that_stop_and_resume_anywhere_see_each_event_once(bench, seed, wanted):
    dice = random.Random(seed)
    start = bench.town.events(limit=1)[-1].id
    followed, paged = [], []

    def rest(seen) -> list[str]:
        return ids(bench.town.events(after=seen[-1] if seen else start, limit=1000, type=wanted))

    for _ in range(15):
        for _ in range(dice.randrange(5)):
            bench.town.add_task("x") if dice.random() < 0.5 else bench.town.send("conductor", "x")
            bench.clock.advance(dice.choice((0, 0, 1, 90_000)))
        paged += ids(bench.town.events(after=paged[-1] if paged else start, limit=dice.randrange(1, 6), type=wanted))
        reader = bench.town.follow(followed[-1] if followed else start, type=wanted)  # a new one, as after a crash
        followed += [next(reader).id for _ in range(dice.randrange(len(rest(followed)) + 1))]
        reader.close()
    every = rest([])
    assert len(every) > 5
    assert paged + rest(paged) == every
    assert followed + rest(followed) == every


def test_a_reader_that_came_too_late_is_told_and_goes_on_with_the_oldest_that_is_kept(bench):
    bench.storage.run(town_calls.claim("bench", "instance-1", max_events=5))
    first = bench.town.events(limit=1)[0]
    for number in range(20):
        bench.clock.advance(1_000)
        bench.town.add_task(str(number))
    for late in ({"after": first.id}, {"since": first.id}, {"since": rfc3339(first.at)}, {"after": "0"}):
        with pytest.raises(EventsTrimmedError) as caught:
            bench.town.events(**late)
    kept = bench.town.events(since=caught.value.oldest)
    assert (len(kept), kept[0].id) == (5, caught.value.oldest)
    assert bench.town.events() == kept


def test_since_begins_with_the_event_and_after_behind_it(bench):
    bench.clock.advance(5_000)
    bench.town.add_task("one")
    bench.clock.advance(5_000)
    bench.town.add_task("two")
    one, two = bench.town.events(type="task")
    assert ids(bench.town.events(since=one.id, type="task")) == [one.id, two.id]
    assert ids(bench.town.events(after=one.id, type="task")) == [two.id]
    assert ids(bench.town.events(since=rfc3339(one.at))) == [one.id, two.id]
    assert ids(bench.town.events(since=rfc3339(one.at + 1))) == [two.id]
    assert ids(bench.town.events(since=rfc3339(two.at).removesuffix("Z"))) == [two.id]
    assert ids(bench.town.events(since=rfc3339(two.at).replace("Z", "+00:00"))) == [two.id]


def test_events_bear_the_names_of_their_agents_and_of_many_as_of_few(bench):
    names = [bench.agent(f"w{number}").name for number in range(9)]
    assert {event.agent for event in bench.town.events(type="agent.spawned")} == set(names)
    assert [event.agent for event in bench.town.events(type="agent.ready", agent="w3")] == ["w3"]
    bench.town.send("conductor", "x")
    assert bench.town.events(type="message")[-1].agent == "conductor"


@pytest.mark.parametrize(
    ("filters", "error"),
    [
        ({"type": "tusk"}, InvalidValueError),
        ({"type": ""}, InvalidValueError),
        ({"type": "a\nb"}, InvalidValueError),
        ({"agent": "nobody"}, NotFoundError),
        ({"task": "t-00000000"}, NotFoundError),
        ({"after": "yesterday"}, InvalidValueError),
        ({"since": "yesterday"}, InvalidValueError),
        ({"since": ""}, InvalidValueError),
        ({"since": "9999999-12-31"}, InvalidValueError),
        ({"after": "1", "since": "1"}, UsageError),
        ({"limit": 0}, InvalidValueError),
    ],
)
def test_filters_that_are_wrong_are_refused_and_never_answered_with_nothing(bench, filters, error):
    with pytest.raises(error) as caught:
        bench.town.events(**filters)
    assert caught.value.message


def test_every_type_of_event_that_a_script_writes_can_be_asked_for():
    text = "\n".join(file.read_text() for file in (SOURCES / "storage" / "redis" / "lua").glob("*.lua"))
    kinds = set(re.findall(r"""['"]([a-z]+)\.(?:[a-z_]+)?['"]""", text)) & set(
        re.findall(r"event\('([a-z]+)\.", text)
    ) | set(re.findall(r"= ['\"](task)\.", text))
    assert kinds <= set(EVENT_KINDS)
    assert {"task", "agent", "message", "round", "gate", "attention", "node", "budget", "town"} <= kinds

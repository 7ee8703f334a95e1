"""A town that is saved and restored, on whatever storage, is the town that it was."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest
from tinytown.errors import TinytownError
from tinytown.storage.calls import nodes, saves, tasks
from tinytown.storage.saves.check import check
from tinytown.testing import invariants
from tinytown.testing.dumps import Dump
from tinytown.testing.machine import difference
from tinytown.testing.saved import exported, file_of, put, read
from tinytown.testing.subjects import Subject, memory_subject
from tinytown.testing.walk import NODES, Walk

SEED = int(os.environ.get("TINYTOWN_SEED") or random.SystemRandom().randrange(1_000_000))
STEPS = 700
LEASE = {"nonce", "pid", "beat", "beat_at", "running"}


def walked(subject: Subject, walk: Walk, steps: int = STEPS) -> int:
    """Go on with a walk."""
    accepted = 0
    for _ in range(steps):
        step = walk.step()
        subject.clock.advance(step.ticks)
        try:
            subject.first.run(step.call, operation=step.operation)
        except TinytownError:
            continue  # refusals are part of the walk
        accepted += 1
    return accepted


def kept(dump: Dump) -> dict[str, Any]:
    """What a restore must give back: all but bells, leases, and accounts that no agent has any more."""
    accounts = {f"parked:{key.value.get('account') or name[6:]}" for name, key in dump.items() if name[:6] == "agent:"}
    found: dict[str, Any] = {}
    for name, key in dump.items():
        family = name.partition(":")[0]
        if family == "bell" or (family == "parked" and name not in accounts):
            continue
        found[name] = key.value
        if name == "town":  # a number that is not there is none
            found[name] = {field: value for field, value in key.value.items() if value != "0"}
        if family == "node":
            found[name] = {field: value for field, value in key.value.items() if field not in LEASE}
    return found


def carried(source: Subject, target: Subject) -> bytes:
    """Save one town and restore it as another; gives the file."""
    file = file_of(exported(source.first))
    assert file_of(read(file)) == file
    check(read(file), "x")
    put(target.first, read(file), limit=40)
    assert file_of(exported(target.first)) == file
    before, after = kept(source.dump()), kept(target.dump())
    assert {name for name in {*before, *after} if before.get(name) != after.get(name)} == set()
    assert invariants.check(target.dump()) == []
    return file


@pytest.mark.timeout(180)
def test_a_town_comes_through_memory_and_servers_as_it_was_and_the_walk_goes_on(on_server: Any) -> None:
    first = memory_subject("walk")
    walk = Walk(SEED, first.first.town.data)
    assert walked(first, walk) > STEPS // 4
    with on_server() as server:
        server.clock.advance(first.clock.now_ms() - server.clock.now_ms())
        file = carried(first, server)
        last = memory_subject("walk")
        last.clock.advance(first.clock.now_ms() - last.clock.now_ms())
        assert carried(server, last) == file
        for subject in (first, server, last):
            for node in NODES:
                call = nodes.join(node, name=node, pid=7, host="here", nonce="life-9", capacity=4, force=True)
                subject.first.run(call)
        for node in NODES:  # the lease is not kept, so the first town has to forget it too
            first.first.town.data[f"node:{node}"].update(beat=1, running=None)
        walk = Walk(SEED + 1, first.first.town.data, nonce="life-9", count=1_000_000)
        for _ in range(STEPS // 2):
            step = walk.step()
            answers: list[Any] = []
            for subject in (first, server, last):
                subject.clock.advance(step.ticks)
                try:
                    answers.append(subject.first.run(step.call, operation=step.operation))
                except TinytownError as error:
                    answers.append((error.code, str(error)))
            assert answers[1:] == answers[:1] * 2, step
        assert difference(last.dump(), server.dump()) is None
        assert invariants.check(server.dump()) == []


def test_any_text_comes_through(on_server: Any) -> None:
    odd = [
        'say "hi"\\ \n\r\t\x0b\x0c to them', "日本語 🎉 e\u0301", "a\u2028b\u2029c\x85d\x7fe\x1b[31m", "x" * 200_000,
        '{"task": "t-1"}\n}\n', " lead and trail ", '"description":{"$of":"task:t-1"}', "null", "1e3", "[]",
    ]  # fmt: skip
    with on_server() as server:
        source = memory_subject("walk")
        walked(source, Walk(3, source.first.town.data), 60)
        for number, text in enumerate(odd):
            source.first.run(tasks.add(f"t-0dd0000{number:02}", text, role="worker"), operation=f"o-odd{number:010}")
        file = carried(source, server)
        back = memory_subject("walk")
        assert carried(server, back) == file
        for number, text in enumerate(odd):
            assert back.first.town.data[f"task:t-0dd0000{number:02}"]["description"] == text


def test_a_town_that_is_taken_away_or_written_anew_is_closed_to_all_other_changes(on_server: Any) -> None:
    with on_server() as server:
        for subject in (memory_subject("walk"), server):
            clock = memory_subject("walk")
            walk = Walk(SEED, clock.first.town.data)
            walked(clock, walk, 80)
            put(subject.first, exported(clock.first))
            subject.first.run(saves.clear("restore", "other", begin=True, limit=5))
            before = subject.dump()
            assert walked(subject, walk, 150) < 75  # only queries
            assert {name: key.value for name, key in subject.dump().items()} == {
                name: key.value for name, key in before.items()
            }

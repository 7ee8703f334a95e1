"""What a node makes of clocks that are set: the server's, and the one that dates the files of its machine."""

from __future__ import annotations

import time

import pytest
from tinytown.node.server_clock import ServerClock
from tinytown.node.steady_days import DAY_MS, steady_days

START = 1_800_000_000_000


@pytest.mark.parametrize(
    ("shown_ms", "set_back", "since"),
    [(300, False, START), (-300, False, START), (-5_000, True, START - 5_000), (3 * DAY_MS, False, START + 3 * DAY_MS)],
)
def test_a_server_s_clock_that_was_set_is_noticed_whichever_way_and_one_that_runs_is_not(shown_ms, set_back, since):
    clock = ServerClock()
    clock.look(START, asked=time.monotonic())
    clock.look(START + shown_ms, asked=time.monotonic())
    assert (clock.set_back.is_set(), clock.since_ms) == (set_back, since)


def test_an_answer_that_took_long_is_no_clock_that_was_set():
    clock = ServerClock()
    clock.look(START, asked=time.monotonic())
    clock.look(START + 30_000, asked=time.monotonic() - 40)
    assert not clock.set_back.is_set()
    late = ServerClock()
    late.look(START, asked=time.monotonic() - 40)
    late.look(START + 30_000, asked=time.monotonic())
    assert late.since_ms == START


@pytest.mark.parametrize("jump_ms", [3 * DAY_MS, -3 * DAY_MS])
def test_what_a_clock_skipped_does_not_count_as_idle(jump_ms):
    clock = ServerClock()
    clock.look(START, asked=time.monotonic())
    clock.look(START + 100, asked=time.monotonic())
    assert clock.idle_ms(START + 40) == 60
    clock.look(START + jump_ms, asked=time.monotonic())
    clock.look(START + jump_ms + 100, asked=time.monotonic())
    assert clock.idle_ms(START + 40) == 100
    assert clock.idle_ms(START + jump_ms + 70) == 30


def test_days_count_while_the_clock_runs_and_begin_anew_when_it_jumps(tmp_path):
    mark = tmp_path / "node" / "clock.json"
    assert steady_days(mark, START, 14) == 0
    for day in (1, 3, 9, 15):
        assert steady_days(mark, START + day * DAY_MS, 14) == day
    assert steady_days(mark, START + 15 * DAY_MS - 1000, 14) > 14
    for jumped in (START + 3650 * DAY_MS, START + 20 * DAY_MS, START):
        assert steady_days(mark, jumped, 14) == 0


@pytest.mark.parametrize("damage", [b"", b"[]", b"{", b'{"since": 1}'])
def test_a_damaged_mark_counts_as_none(tmp_path, damage):
    mark = tmp_path / "clock.json"
    mark.write_bytes(damage)
    assert steady_days(mark, START, 14) == 0
    assert steady_days(mark, START + DAY_MS, 14) == 1

"""What a node makes of clocks that are set: the server's, and the one that dates the files of its machine."""

from __future__ import annotations

import os
import time

import pytest
from tinytown.config.files import private_dir
from tinytown.config.paths import TownPaths
from tinytown.config.town import LogsConfig
from tinytown.domain.clock import SystemClock
from tinytown.node import logs
from tinytown.node.launch.files import claim
from tinytown.node.processes import Identity
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


def test_a_node_that_is_restarted_every_night_counts_on(tmp_path):
    mark = tmp_path / "clock.json"
    counted = [steady_days(mark, START + day * DAY_MS + work, 14) for day in range(16) for work in (0, DAY_MS // 3)]
    assert counted[-1] > 15


@pytest.mark.parametrize(("keep_days", "every"), [(1, 2), (14, 8), (14, 400)])
def test_a_town_that_is_used_once_in_a_while_deletes_old_files_all_the_same(tmp_path, keep_days, every):
    mark = tmp_path / "clock.json"
    counted = [steady_days(mark, START + number * every * DAY_MS, keep_days) >= keep_days for number in range(9)]
    assert counted == [False] * 3 + [True] * 6


def test_a_clock_that_goes_there_and_back_is_never_believed(tmp_path):
    mark = tmp_path / "clock.json"
    for _ in range(9):
        for jumped in (START, START + 20 * DAY_MS, START + 60 * DAY_MS):
            assert steady_days(mark, jumped, 14) == 0


def a_round(paths, name, *, changed_ms, size=10):
    """The folder of a round that never ran."""
    folder = private_dir(paths.round_dir(name))
    (folder / "log").write_bytes(b"." * size)
    assert claim(folder, owner=Identity(1, 1), since=0, boot_id="", void=True)
    os.utime(folder, (changed_ms / 1000, changed_ms / 1000))
    return folder


def test_logs_of_a_time_to_come_are_the_first_to_go_later_and_not_the_last(tmp_path):
    paths, now = TownPaths(tmp_path), SystemClock().now_ms()
    ahead = a_round(paths, "r-00000001", changed_ms=now + 3650 * DAY_MS, size=900)
    assert logs.prune(paths, LogsConfig(keep_bytes=1000), ()) == []
    fresh = a_round(paths, "r-00000002", changed_ms=SystemClock().now_ms() + 2, size=900)
    assert logs.prune(paths, LogsConfig(keep_bytes=1000), ()) == [ahead.name]
    assert fresh.exists()


@pytest.mark.parametrize("damage", [b"", b"[]", b"{", b'{"since": 1}', b'{"since": "x"}', b'{"seen": [1]}'])
def test_a_damaged_mark_counts_as_none(tmp_path, damage):
    mark = tmp_path / "clock.json"
    mark.write_bytes(damage)
    assert steady_days(mark, START, 14) == 0
    assert steady_days(mark, START + DAY_MS, 14) == 1

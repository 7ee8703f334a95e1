"""`tt events` and `tt history` as processes: filters before limits, and followers that survive whatever happens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tinytown import Town
from tinytown.config.paths import TownPaths
from tinytown.storage import keys
from tinytown.storage.embedded.server import status
from tinytown.testing.raw import pipeline
from tinytown_cli.table import by_path

Tt = Callable[..., Any]
Follow = Callable[..., Any]


@pytest.fixture
def follow(tmp_path: Path, tt_env: dict[str, str]) -> Follow:
    """Start `tt events -f --json` and give the process."""

    @contextmanager
    def started(*words: str) -> Iterator[subprocess.Popen[str]]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tinytown_cli", "events", "-f", "--json", *words],
            cwd=tmp_path / "town",
            env=tt_env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    return started


def lines(process: subprocess.Popen[str], number: int) -> list[dict[str, Any]]:
    assert process.stdout is not None
    found = [process.stdout.readline() for _ in range(number)]
    assert all(found), process.stderr.read() if process.stderr else ""
    return [json.loads(line) for line in found]


def opened(tmp_path: Path, env: dict[str, str]) -> Town:
    return Town.open(tmp_path / "town", env=env)


def test_a_filter_counts_before_the_limit(town: Tt) -> None:
    town("task", "add", "the one", "-q")
    for number in range(3):
        town("send", "conductor", str(number), "--info", "-q")
    listed = town("events", "--type", "task", "--count", "1", "--json").json["items"]
    assert [event["type"] for event in listed] == ["task.added"]
    told = town("history", "-n", "1", "--type", "task.added").out.splitlines()
    assert len(told) == 1
    assert listed[0]["task_id"] in told[0]
    newest = town("history", "--limit", "2", "--json").json["items"]
    assert [event["type"] for event in newest] == ["message.queued", "message.queued"]
    assert newest[0]["id"] < newest[1]["id"]
    assert newest == town("events", "--count", "2", "--json").json["items"]


def test_history_tells_who_and_what_in_lines_that_people_read(town: Tt) -> None:
    town("spawn", "w1", "--cli", "mini", "-q")
    town("interrupt", "w1", "-q")
    task = town("assign", "w1", "Something", "-q").out.split()[0]
    said = town("history", "-a", "w1", "--task", task).out
    assert "  w1  task " in said
    assert f"task {task} added (- -> assigned)" in said
    assert town("history", "--agent", "w1").out.splitlines()[-1] == said.splitlines()[-1]
    empty = town("history", "--type", "mission")
    assert (empty.code, empty.out) == (0, "")
    assert "nothing of that kind" in empty.err


@pytest.mark.parametrize("name", ["events", "history"])
def test_a_wrong_filter_is_refused_with_a_hint(town: Tt, name: str) -> None:
    for words, code in [
        (("--agent", "nobody"), 1),
        (("--task", "t-00000000"), 1),
        (("--type", "tusk"), 2),
        (("--type", "round.ended", "--type", "task"), 2),
    ]:
        refused = town(name, *words, "--json")
        assert (refused.code, refused.out) == (code, ""), words
        assert refused.error["hint"]


def test_both_commands_take_the_same_filters() -> None:
    table = by_path()
    filters = {param.name for param in table["history",].params} - {"limit"}
    assert filters < {param.name for param in table["events",].params}


def test_followers_that_are_killed_and_come_back_see_each_event_once(
    town: Tt, follow: Follow, tmp_path: Path, tt_env: dict[str, str]
) -> None:
    seen: list[str] = []
    with opened(tmp_path, tt_env) as writer:
        start = writer.events(limit=1)[-1].id
        for count in (1, 3, 2, 4):
            made = [writer.add_task(str(number)).id for number in range(count + 1)]
            assert made
            with follow("--after", seen[-1] if seen else start) as process:
                seen += [event["id"] for event in lines(process, count)]
                process.send_signal(signal.SIGKILL)
        every = [event.id for event in writer.events(after=start, limit=1000)]
        with follow("--after", seen[-1]) as process:
            seen += [event["id"] for event in lines(process, len(every) - len(seen))]
            last = writer.add_task("the last one")
            assert lines(process, 1)[0]["task_id"] == last.id
    assert seen == every


def test_a_follower_survives_a_server_that_is_killed_and_misses_and_repeats_nothing(
    town: Tt, follow: Follow, tmp_path: Path, tt_env: dict[str, str]
) -> None:
    with opened(tmp_path, tt_env) as writer:
        start = writer.events(limit=1)[-1].id
        with follow("--after", start, "--type", "task") as process:  # the node has its own to tell of a restart
            first = writer.add_task("before")
            seen = lines(process, 1)
            pid = status(TownPaths(tmp_path / "town")).pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            second = writer.add_task("after")  # brings the server back, as each command does
            seen += lines(process, 1)
        assert [event["task_id"] for event in seen] == [first.id, second.id]
        assert [event["id"] for event in seen] == [event.id for event in writer.events(after=start, type="task")]


def test_what_is_no_longer_kept_is_an_error_for_a_list_and_a_line_for_a_follower(
    town: Tt, follow: Follow, tmp_path: Path, tt_env: dict[str, str]
) -> None:
    with opened(tmp_path, tt_env) as writer:
        first = writer.events(limit=1)[-1].id
        for number in range(9):
            writer.add_task(str(number))
        socket = status(TownPaths(tmp_path / "town")).socket
        assert socket is not None
        pipeline(socket)([("XTRIM", keys.stream("shop", "events"), "MAXLEN", "5")])
        kept = [event.id for event in writer.events(limit=1000)]
        refused = town("events", "--after", first, "--json")
        assert (refused.code, refused.out, refused.error["code"]) == (1, "", "events_trimmed")
        assert kept[0] in refused.error["message"]
        assert f"tt events --since {kept[0]}" in refused.error["hint"]
        assert [event["id"] for event in town("events", "--since", kept[0], "--json").json["items"]] == kept
        with follow("--after", first) as process:
            gap, *rest = lines(process, 1 + len(kept))
            assert (gap["type"], gap["oldest"]) == ("events_trimmed", kept[0])
            assert [event["id"] for event in rest] == kept


def test_a_follower_begins_with_the_newest_and_chooses_what_it_prints(
    town: Tt, follow: Follow, tmp_path: Path, tt_env: dict[str, str]
) -> None:
    with opened(tmp_path, tt_env) as writer:
        before = [writer.add_task(str(number)).id for number in range(3)]
        writer.send("conductor", "not asked for")
        with follow("--type", "task", "--count", "2") as process:
            assert [event["task_id"] for event in lines(process, 2)] == before[1:]
            writer.send("conductor", "not asked for")
            later = writer.add_task("later")
            assert lines(process, 1)[0]["task_id"] == later.id

"""`tt migrate` as somebody types it who comes from the Rust program."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tinytown.testing.ending import end_town
from tinytown.testing.pytest_plugin import required
from tinytown.testing.rust_town import RustTown
from tinytown.testing.servers import TestServer, server

Tt = Callable[..., Any]


@pytest.fixture
def old(tmp_path: Path) -> Iterator[RustTown]:
    """A town of the Rust program on a server of its own."""
    with required("redis"), server("redis", tcp=True) as running:
        yield RustTown(running, "My Shop")
        end_town(tmp_path / "town")


def rust_file(tmp_path: Path, running: TestServer) -> None:
    (tmp_path / "town" / ".tt").mkdir()
    (tmp_path / "town" / "tinytown.toml").write_text(
        'name = "My Shop"\ndefault_cli = "claude"\nuse_central_redis = false\nuse_streams = false\n'
        f'[redis]\nuse_socket = true\nsocket_path = "{running.socket}"\npersist = false\n'
    )


def test_a_newcomer_looks_first_and_then_brings_the_town_over(tt: Tt, tmp_path: Path, old: RustTown) -> None:
    rust_file(tmp_path, old.server)
    agent = old.agent(1, "W1")
    old.task(2, "mend the roof", "assigned", assigned_to=agent)
    old.message(3, agent, "query", question="how far?")
    before = old.dump()
    planned = tt("migrate", "--dry-run")
    assert planned.code == 0, planned.err
    assert "1 agent, 1 task, 1 message would be brought over from `My Shop`" in planned.out
    assert tt("list", "--json").json["items"] == []
    done = tt("migrate", "--json").json
    assert [(item["kind"], item["new"]) for item in done["items"]] == [
        ("agent", True),
        ("task", True),
        ("message", True),
    ]
    assert (done["dry_run"], done["town"], done["skipped"]) == (False, "My Shop", [])
    shown = tt("task", "show", done["items"][1]["id"], "--json").json
    assert (shown["state"], shown["agent"], shown["created_at"]) == ("assigned", "w1", "2024-05-01T12:00:02.123Z")
    assert tt("inbox", "w1", "--json").json["items"][0]["body"] == "how far?"
    assert [item["path"] for item in tt("towns", "--json").json["items"]] == [str(tmp_path / "town")]
    again = tt("migrate", "--json").json
    assert [item["new"] for item in again["items"]] == [False, False, False]
    assert old.dump() == before


def test_a_town_is_brought_over_from_another_server_by_name(town: Tt, old: RustTown) -> None:
    old.agent(1, "w1")
    told = town("migrate", "--json")
    assert (told.code, told.error["code"]) == (2, "invalid_value")
    assert "--url" in told.error["hint"]
    wrong = town("migrate", "--url", old.server.tcp_url, "--from", "nosuch", "--json")
    assert (wrong.code, wrong.error["hint"]) == (1, "towns there: My Shop")
    assert town("migrate", "--url", old.server.tcp_url, "--from", "My Shop").code == 0
    assert town("list", "--json").json["items"][0]["state"] == "stopped"
    away = town("migrate", "--url", "redis://127.0.0.1:9", "--json")
    assert (away.code, away.error["code"]) == (3, "storage_unavailable")


def test_a_command_that_was_killed_is_run_again_and_doubles_nothing(
    town: Tt, tmp_path: Path, tt_env: dict[str, str], old: RustTown
) -> None:
    for number in range(300):
        old.task(number, f"work {number}")
    words = ("migrate", "--url", old.server.tcp_url, "--from", "My Shop")
    before = old.dump()
    last = town("events", "--count", "1", "--json").json["items"]
    after = ["--after", last[0]["id"]] if last else ["--after", "0-0"]
    follower = subprocess.Popen(
        [sys.executable, "-m", "tinytown_cli", "events", "-f", "--json", "--type", "task", *after],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=tt_env, cwd=tmp_path / "town",
    )  # fmt: skip
    running = subprocess.Popen([sys.executable, "-m", "tinytown_cli", *words], env=tt_env, cwd=tmp_path / "town",
                               stdout=subprocess.DEVNULL)  # fmt: skip
    assert follower.stdout is not None
    with follower.stdout as lines:
        lines.readline()
        running.kill()
        running.wait(30)
        follower.terminate()
        follower.wait(30)
    rest = town(*words, "--json").json
    assert len(rest["items"]) == 300
    total = town("status", "--json").json["tasks"]["pending"]
    assert total == 300
    assert old.dump() == before

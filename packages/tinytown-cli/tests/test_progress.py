"""What takes long says so on a terminal, on one line that vanishes; a pipe and `--quiet` get nothing of it."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tinytown.domain.ids import IdKind, new_id
from tinytown.testing import servers
from tinytown.testing.ending import end_town
from tinytown.testing.proxies import CutProxy, cut_proxy
from tinytown_cli.progress import AFTER_SECS
from tinytown_cli.table import by_path

Tt = Callable[..., Any]
CLEAR = "\r\x1b[K"
REPLY_SECS = 0.7
"""How long the slow server takes for each reply; the first question alone is four of them."""


def on_a_terminal(words: list[str], folder: Path, env: dict[str, str], code: int | None = 4) -> str:
    """Run `tt` with its standard error on a terminal; gives what was written there."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "tinytown_cli", *words]
    process = subprocess.Popen(
        command, cwd=folder, env={**env, "TERM": "xterm"}, stdout=subprocess.DEVNULL, stderr=theirs
    )
    os.close(theirs)
    found = b""
    with contextlib.suppress(OSError):  # a terminal whose other end is closed is an error on Linux
        while piece := os.read(ours, 4096):
            found += piece
    os.close(ours)
    assert process.wait(30) == code or code is None
    return found.decode()


def test_a_long_wait_shows_what_it_waits_for_and_takes_the_line_away(
    town: Tt, tmp_path: Path, tt_env: dict[str, str]
) -> None:
    root = tmp_path / "town"
    os.mkfifo(root / "go")
    file = root / "tinytown.toml"
    file.write_text(file.read_text() + '\n[agent_clis.holds]\ncommand = "cat go"\n')
    town("spawn", "w1", "--cli", "holds", "-q")
    ref = town("assign", "w1", "Hold on", "-q").out.split()[0]
    shown = on_a_terminal(["wait", ref, "--timeout", "2.5"], root, tt_env)
    line, _, rest = shown.rpartition("\r\x1b[K")
    assert f"waiting for {ref} … 1 s" in line
    assert "waiting for" not in rest
    assert "error:" in rest
    assert "waiting for" not in on_a_terminal(["wait", ref, "--timeout", "1.5", "-q"], root, tt_env)
    piped = town("wait", ref, "--timeout", "1.5")
    assert (piped.code, "waiting for" in piped.err, "\x1b" in piped.err) == (4, False, False)
    begun = time.monotonic()
    soon = on_a_terminal(["wait", ref, "--timeout", "0.1"], root, tt_env)
    assert soon.startswith("\x1b[31merror:") or time.monotonic() - begun > AFTER_SECS


@pytest.fixture(scope="module")
def slow() -> Iterator[CutProxy]:
    """A server behind a line on which each reply takes its time, once the test asks for it."""
    with servers.server("valkey") as running, cut_proxy(running.socket) as proxy:
        yield proxy


@pytest.fixture
def far_town(tt: Tt, slow: CutProxy, tmp_path: Path) -> Iterator[Tt]:
    """A town on that server, with an agent, a task and a save of them."""
    name = "far" + new_id(IdKind.TASK).removeprefix("t-")
    assert tt("init", "--name", name, "--redis-url", f"redis://127.0.0.1:{slow.port}/0").code == 0
    file = tmp_path / "town" / "tinytown.toml"
    file.write_text(file.read_text() + '\n[agent_clis.mini]\ncommand = "true"\n')
    assert tt("spawn", "w1", "--cli", "mini", "-q").code == 0
    tt("interrupt", "w1", "-q")
    tt("backlog", "add", "Tidy up", "-q")
    tt("plan", "--init", "-q")
    assert tt("save", "-q").code == 0
    assert tt("stop", "--now", "-q").code == 0  # a restore wants no node, and a start has something to do
    slow.cuts.delay_secs = REPLY_SECS
    yield tt
    slow.cuts.delay_secs = 0.0
    end_town(tmp_path / "town")


LOOKS = (
    "save",
    "restore --dry-run --force",
    "reset --dry-run",
    "migrate --dry-run --from shop --url {url}",
    "prune --all --dry-run",
    "reclaim",
    "recover --dry-run",
)
CHANGES = (
    "plan",
    "sync push",
    "backlog assign-all w1 --dry-run",
    "start",
    "spawn w2 --cli mini",
    "prune --all --force",
    "reset --agents-only --force",
)
"""In an order in which each finds something to do."""


@pytest.mark.timeout(240)
@pytest.mark.parametrize("lines", [LOOKS, CHANGES], ids=["looks", "changes"])
def test_whatever_takes_long_on_a_slow_server_says_so_and_takes_it_back(
    far_town: Tt, slow: CutProxy, tmp_path: Path, tt_env: dict[str, str], lines: tuple[str, ...]
) -> None:
    for line in lines:
        words = line.format(url=f"redis://127.0.0.1:{slow.port}/0").split()
        command = by_path().get(tuple(words[:2])) or by_path()[tuple(words[:1])]
        shown = on_a_terminal(words, tmp_path / "town", tt_env, code=None)
        doing = command.doing or f"tt {command.name}"
        assert f"{CLEAR}{doing} … " in shown, (line, shown)
        before, *pieces = shown.split(CLEAR)
        assert doing not in before, (line, shown)
        assert not pieces[-1].startswith(doing), (line, shown)  # the last thing is to take the line away
        for piece in pieces:  # and nothing else ever stands on it
            assert not piece.startswith(doing) or piece.endswith(" s"), (line, shown)


def test_a_slow_command_that_is_quiet_or_piped_shows_no_line(
    far_town: Tt, tmp_path: Path, tt_env: dict[str, str]
) -> None:
    assert on_a_terminal(["list", "-q"], tmp_path / "town", tt_env, code=0) == ""
    assert "\x1b" not in far_town("list").err

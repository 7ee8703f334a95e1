"""What takes long says so on a terminal, on one line that vanishes; a pipe and `--quiet` get nothing of it."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Tt = Callable[..., Any]


def on_a_terminal(words: list[str], folder: Path, env: dict[str, str]) -> str:
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
    assert process.wait(30) == 4
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
    assert on_a_terminal(["wait", ref, "--timeout", "0.2"], root, tt_env).startswith("\x1b[31merror:")

"""A throw-away place to follow a page in: a home, a folder, `tt` on the path, and an end for what was started."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from tinytown.config.paths import TownPaths
from tinytown.node.control import node_pid, node_runs, stop_node
from tinytown.storage.embedded.server import status, stop_server

DROPPED = ("TINYTOWN_", "REDIS", "PYTEST_", "XDG_", "GIT_")


@attrs.frozen
class Place:
    """Where a reader follows a page.

    Attributes:
        folder: The working directory.
        env: The reader's environment.
    """

    folder: Path
    env: dict[str, str]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    home, folder = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    folder.mkdir()
    (home / ".gitconfig").write_text("[user]\nname = Reader\nemail = reader@example.com\n")
    env = {name: text for name, text in os.environ.items() if not name.startswith(DROPPED)}
    env |= {
        "HOME": str(home),
        "TINYTOWN_HOME": str(home / ".tt"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "NO_COLOR": "1",
    }
    try:
        yield Place(folder, env)
    finally:
        for file in tmp_path.rglob("tinytown.toml"):
            end(TownPaths(file.parent))


def end(paths: TownPaths) -> None:
    """End what a town runs, its server also when its node does not end as it should."""
    try:
        if node_runs(paths):
            stop_node(paths, timeout=0, now=True)
    finally:
        pid = node_pid(paths)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        if status(paths).running:
            stop_server(paths)

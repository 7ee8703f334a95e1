"""Towns as people use them: by `Town` and by `tt`, on a server of their own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest
from tinytown import Town
from tinytown.testing import towns
from tinytown.testing.ending import end_town
from tinytown.testing.pytest_plugin import own_server, server, shared_server, town_name

__all__ = ["own_server", "server", "shared_server", "town_name"]


@attrs.frozen
class Place:
    """A town without a node, and the environment in which `tt` finds it."""

    town: Town
    env: dict[str, str]

    def tt(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tinytown_cli", *words],
            cwd=self.town.root,
            env=self.env,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A town on its own server, whose node is never started because it was stopped by hand."""
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    env["TINYTOWN_HOME"] = str(tmp_path / "home")
    root = tmp_path / "town"
    with contextlib.ExitStack() as stack:
        stack.callback(end_town, root)
        town = stack.enter_context(Town.init(root, name="shop", env=env))
        town.stop(now=True)
        yield Place(town, env)


@pytest.fixture
def running_town(tmp_path: Path) -> Iterator[Callable[..., towns.TestTown]]:
    """Make a town whose node runs, with agents that are small programs."""
    with contextlib.ExitStack() as stack:

        def make(scripts: dict[str, str], **more: str) -> towns.TestTown:
            town = stack.enter_context(towns.town(tmp_path, scripts, **more))
            town.start()
            return town

        yield make

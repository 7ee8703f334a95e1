"""The example of the README, as it stands there: a script makes a town, has work done, and says what came of it."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from tinytown import Town
from tinytown.testing.pytest_plugin import required

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "ten_lines.py"


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="ttx-") as name, required("valkey"):
        yield Path(name)


def test_ten_lines_are_enough_for_a_town_that_works(folder):
    lines = [line for line in EXAMPLE.read_text().splitlines() if line.strip()]
    assert len(lines) <= 10
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {"HOME": str(folder), "PATH": path, "TINYTOWN_HOME": str(folder / "home")}
    try:
        done = subprocess.run(
            [sys.executable, str(EXAMPLE)], cwd=folder, env=env, capture_output=True, text=True, timeout=50, check=False
        )
        assert (done.stdout, done.stderr) == ("wrote seen.txt\n", "")
        assert (folder / "hello" / "seen.txt").read_text().strip()
    finally:
        with Town.open(folder / "hello", env=env, start=False) as town:
            town.stop(timeout=1)

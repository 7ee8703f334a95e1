"""A town folder whose server is gone when the test is over."""

import contextlib
import os
import signal
import tempfile
import time
from pathlib import Path

import pytest
from tinytown.config.paths import TownPaths, UserPaths
from tinytown.storage.embedded.server import ensure_server, lock_held, status
from tinytown.testing.pytest_plugin import required


@pytest.fixture
def base():
    """A short path, because sockets have little room."""
    with tempfile.TemporaryDirectory(prefix="tte-") as name, required("valkey"):
        yield Path(name)


@pytest.fixture(scope="session")
def user(tmp_path_factory):
    return UserPaths(tmp_path_factory.mktemp("home"))


@pytest.fixture
def towns(base):
    """Makes towns below the base, and ends their servers."""
    made = []

    def make(name="town"):
        root = base / name
        root.mkdir(parents=True, exist_ok=True)
        made.append(TownPaths(root))
        return made[-1]

    yield make
    for paths in made:
        found = status(paths)
        if found.pid:
            os.kill(found.pid, signal.SIGCONT)
            os.kill(found.pid, signal.SIGKILL)
        wait_until(lambda paths=paths: not lock_held(paths))


@pytest.fixture
def start(user):
    def ensure(paths, **options):
        return ensure_server(paths, user=user, **options)

    return ensure


def wait_until(true, seconds=10.0):
    """Wait for something that another process does."""
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.01)


@pytest.fixture
def until():
    return wait_until


@pytest.fixture
def kill():
    def end(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    return end

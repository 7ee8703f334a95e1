"""Folders in which `tt` is killed, and what is true in them afterwards."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tinytown.config.paths import TownPaths, UserPaths
from tinytown.node.control import node_ready, node_runs, was_stopped
from tinytown.storage.embedded.server import ensure_server, lock_held
from tinytown.testing import dumps, invariants
from tinytown.testing.ending import end_town
from tinytown.testing.pytest_plugin import required
from tinytown.testing.raw import pipeline

TT = str(Path(sys.executable).with_name("tt"))
DEADLINE_SECS = 60.0
RANDOM = re.compile(r"\b([artmno])-[0-9a-hjkmnp-tv-z]{10}\b")
MOMENT = re.compile(r"\b1[0-9]{12}\b")
OF_A_LIFE = {
    *("pid", "nonce", "host", "lease_until", "beat_at"),
    *("instance", "id", "inode", "device", "agent", "node"),
}
"""Fields that differ between two towns, or between two lives of a node, by their nature."""
OF_A_BEAT = {"beat", "running"}
"""Fields that a node has once it has lived for a while."""
NOT_COMPARED = {"redis/data", "redis/s", "redis/pid"}
"""What the server itself writes."""


class Place:
    """A home and a folder for one town, which are found under the same names in each run.

    Args:
        base: An empty folder with a short path.
        deep: Put the town where the path is too long for a socket.
    """

    def __init__(self, base: Path, *, deep: bool = False) -> None:
        self.base = base
        self.home = base / "home"
        self.root = base / ("d" * 120 if deep else "t")
        self.root.mkdir()
        self.paths = TownPaths(self.root)
        self.env = {
            "HOME": str(base),
            "PATH": os.environ["PATH"],
            "TINYTOWN_HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(base),
        }

    def tt(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run `tt` in the town's folder."""
        done = subprocess.run(
            [TT, *words],
            cwd=self.root,
            env={**self.env, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def ok(self, *words: str) -> None:
        done = self.tt(*words)
        assert done.returncode == 0, f"{words}: {done.stderr}"

    def killed_at(self, point: str, *words: str) -> tuple[int, bool]:
        """Run `tt` so that the first process that passes a point is killed there.

        Returns:
            The exit code of `tt`, and whether anything passed the point.
        """
        once = self.base / "once"
        done = self.tt(*words, TINYTOWN_CRASH_AT=point, TINYTOWN_CRASH_ONCE=str(once))
        passed = once.exists()
        once.unlink(missing_ok=True)
        return done.returncode, passed

    def wait(self, true: Any, what: str) -> None:
        ends = time.monotonic() + DEADLINE_SECS
        while not true():
            assert time.monotonic() < ends, f"waited in vain until {what}"
            time.sleep(0.02)

    def agents_are(self, *states: str) -> None:
        """Wait until the agents are in these states."""

        def look() -> bool:
            found = json.loads(self.tt("list", "--json").stdout)["items"]
            return sorted(each["state"] for each in found if each["name"] != "conductor") == sorted(states)

        self.wait(look, f"the agents are {states}")

    def node_has_settled(self) -> None:
        """Wait until the node has joined and done the last thing of its start: it has looked at its clock."""
        self.wait(lambda: node_ready(self.paths) and self.paths.node_clock.exists(), "the node has settled")

    # What is true

    def facts(self) -> list[str]:
        """Give all that is to be the same with and without a crash, line by line; ends with the server running."""
        running = lock_held(self.paths)
        found: dict[str, Any] = {
            "server": running,
            "node": node_runs(self.paths),
            "stopped": was_stopped(self.paths),
            "files": dict.fromkeys(self.files()),
            "texts": {name: self.text(path) for name, path in self.texts().items()},
        }
        found["records"] = self.records() if running or self.paths.redis_data.exists() else {}
        return sorted(lines(found))

    def files(self) -> list[str]:
        """List every file and folder with its mode."""
        names = list[str]()
        for top in (self.root, self.home):
            for path in sorted(top.rglob("*")):
                name = self.plain(str(path.relative_to(top)))
                if not any(name.removeprefix(".tt/").startswith(own) for own in NOT_COMPARED):
                    names.append(f"{top.name[:1]}/{name} {path.lstat().st_mode & 0o777:o}")
        return sorted(names)

    def texts(self) -> dict[str, Path]:
        """The files whose content counts."""
        kept = {path.name: path for path in (self.paths.config, self.paths.gitignore)}
        kept |= {path.name: path for path in self.home.glob("*.toml")}
        kept |= {"claimed": self.paths.dot / "claimed.json", "identity": self.paths.node_dir / "identity.json"}
        kept |= {self.plain(path.name): path for path in self.paths.agents_env_dir.glob("*")}
        return kept

    def text(self, path: Path) -> Any:
        if not path.exists():
            return None
        text = self.plain(path.read_text())
        return self.calm(json.loads(text)) if text.startswith("{") else text

    def records(self) -> Any:
        """Give what the server holds, without what is random or a time."""
        at = ensure_server(self.paths, env=self.env, user=UserPaths(self.home)).socket
        found = dumps.of_server(pipeline(at), "demo")
        assert invariants.check(found) == []
        text = self.plain(json.dumps({name: [key.kind, key.value] for name, key in sorted(found.items())}, default=str))
        return self.calm(json.loads(text))

    def plain(self, text: str) -> str:
        return MOMENT.sub("0", RANDOM.sub(r"\1-#", text)).replace(str(self.base), "BASE")

    def calm(self, value: Any, name: str = "") -> Any:
        """Take out what belongs to one life of a process; times as scores are 0 already."""
        if name in OF_A_LIFE:
            return "*"
        if isinstance(value, dict):
            return {key: self.calm(each, key) for key, each in value.items() if key not in OF_A_BEAT}
        if isinstance(value, list):
            return [self.calm(each) for each in value]
        return 0.0 if isinstance(value, float) and value > 1e12 else value

    def end(self) -> None:
        end_town(self.root)


def lines(value: Any, path: str = "") -> Iterator[str]:
    """Write nested values as one line each, which a failed comparison shows well."""
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from lines(each, f"{path}.{key}")
    elif isinstance(value, list) and value:
        for number, each in enumerate(value):
            yield from lines(each, f"{path}.{number:03}")
    else:
        yield f"{path} = {value!r}"


@pytest.fixture
def make_place() -> Iterator[Any]:
    """Make places that end with the test."""
    made = list[Place]()

    def make(**more: Any) -> Place:
        made.append(Place(Path(tempfile.mkdtemp(prefix="tts-")), **more))
        return made[-1]

    with required("valkey"):
        yield make
        for each in made:
            each.end()
            shutil.rmtree(each.base)

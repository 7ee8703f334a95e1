"""What the end-to-end tests share: a git repository, the real `tt`, and a small program as agent CLI."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from tinytown.testing.ending import end_town
from tinytown.testing.pytest_plugin import locked_server, own_server, server, shared_server, town_name

__all__ = ["locked_server", "own_server", "server", "shared_server", "town_name"]

TT = str(Path(sys.executable).with_name("tt"))

MINI = """cat > prompt-of-$TINYTOWN_TASK_ID.txt
exec "$1" task complete "$TINYTOWN_TASK_ID" --result "read $(wc -c < prompt-of-$TINYTOWN_TASK_ID.txt | tr -d ' ') bytes"
"""


@attrs.frozen
class Shell:
    """A folder in which a person types `tt` commands."""

    root: Path
    env: dict[str, str]

    def tt(self, *words: str, code: int = 0, stdin: str | None = None) -> str:
        """Run `tt` and give its standard output; the exit code must be as said."""
        done = subprocess.run(
            [TT, *words],
            cwd=self.root,
            env=self.env,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == code, f"tt {' '.join(words)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout

    def json(self, *words: str) -> Any:
        """Run `tt … --json` and give its one document."""
        return json.loads(self.tt(*words, "--json"))

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text)

    def append(self, name: str, text: str) -> None:
        with (self.root / name).open("a") as file:
            file.write(text)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    root = tmp_path / "repo"
    subprocess.run(["git", "init", "-q", "-b", "main", str(root)], check=True)
    for words in (["config", "user.name", "Test"], ["config", "user.email", "test@localhost"]):
        subprocess.run(["git", "-C", str(root), *words], check=True)
    own = {name: value for name, value in os.environ.items() if not name.startswith(("TINYTOWN_", "REDIS"))}
    found = Shell(root, {**own, "TINYTOWN_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)})
    found.write("mini.sh", MINI)
    yield found
    end_town(root)
    assert not _processes_of(root), "a process of the town is still there"


def _processes_of(root: Path) -> list[str]:
    found: list[str] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if str(root) in words and "pytest" not in words:
            found.append(words)
    return found

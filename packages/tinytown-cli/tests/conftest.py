"""Runs `tt` as a user does: as a process of its own, with nothing of the caller's environment that is not named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest


class Ran(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        return json.loads(self.err.splitlines()[-1])["error"]


Tt = Callable[..., Ran]


@pytest.fixture
def tt_env(tmp_path: Path) -> dict[str, str]:
    """The environment of a user with nothing set up."""
    keep = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR", "PYTHONPYCACHEPREFIX") if name in os.environ}
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    return {**keep, "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1", "XDG_RUNTIME_DIR": str(tmp_path)}


@pytest.fixture
def tt(tmp_path: Path, tt_env: dict[str, str]) -> Iterator[Tt]:
    """Run `tt` in the folder `town` and give what it printed; every town that a test makes ends with it."""
    folder = tmp_path / "town"
    folder.mkdir(exist_ok=True)

    def run(*words: str, stdin: bytes = b"", env: dict[str, str] | None = None, cwd: Path | None = None) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "tinytown_cli", *words],
            input=stdin,
            capture_output=True,
            env={**tt_env, **(env or {})},
            cwd=cwd or folder,
            timeout=50,
            check=False,
        )
        return Ran(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))

    yield run
    from tinytown.testing.ending import end_town

    for file in tmp_path.rglob("tinytown.toml"):
        if (file.parent / ".tt").is_dir():
            end_town(file.parent)


MINI = """
[agent_clis.mini]
command = "{command}"
prompt = "stdin"
"""


def mini_command(words: Sequence[str]) -> str:
    import shlex

    return shlex.join(words).replace("\\", "\\\\").replace('"', '\\"')


@pytest.fixture
def town(tt: Tt, tmp_path: Path) -> Tt:
    """`tt` in a town on the embedded server, with an agent CLI `mini` that only says hello; ended afterwards."""
    made = tt("init", "--name", "shop")
    assert made.code == 0, made.err
    script = tmp_path / "mini.py"
    script.write_text("import sys\nsys.stdin.read()\nprint('hello from mini')\n")
    file = tmp_path / "town" / "tinytown.toml"
    file.write_text(file.read_text() + MINI.format(command=mini_command([sys.executable, str(script)])))
    return tt

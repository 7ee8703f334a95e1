"""Runs `tt` in a fresh interpreter and tells which modules it imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PROBE = """
import sys, json
sys.argv = ["tt", *sys.argv[1:]]
code = 0
try:
    from tinytown_cli.__main__ import main
    main()
except SystemExit as end:
    code = end.code or 0
sys.stdout.flush()
print("\\nMODULES " + json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""


class Loaded(NamedTuple):
    code: int
    modules: frozenset[str]
    out: str
    err: str

    def any_of(self, *names: str) -> set[str]:
        """Modules that are one of these or lie below one of them."""
        return {
            module for module in self.modules if any(module == name or module.startswith(f"{name}.") for name in names)
        }


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Loaded]]:
    """Run `tt` in a town on its own server; the town is made before and ended after."""
    base = tmp_path_factory.mktemp("startup")
    folder = base / "town"
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(base),
        "XDG_RUNTIME_DIR": str(base),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    folder.mkdir()

    def run(*words: str) -> Loaded:
        done = subprocess.run(
            [sys.executable, "-c", PROBE, *words],
            capture_output=True,
            text=True,
            env=env,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
        err, _, found = done.stderr.rpartition("\nMODULES ")
        code, modules = json.loads(found)
        return Loaded(code, frozenset(modules), done.stdout, err)

    def in_town(*words: str) -> Loaded:
        if not (folder / "tinytown.toml").exists():
            made = run("init", "--name", "startup")
            assert made.code == 0, made.err
        return run(*words)

    yield in_town
    from tinytown.config.paths import TownPaths
    from tinytown.storage.embedded.server import stop_server

    if (folder / "tinytown.toml").exists():
        run("stop", "--now")
        stop_server(TownPaths(Path(folder)))

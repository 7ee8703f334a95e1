"""Fixtures: distributions that exist for one test only, and rounds of real processes."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import tinytown
from tinytown.plugins.adapters import Adapter
from tinytown.plugins.reading import Reading

Install = Callable[..., str]
_numbers = itertools.count()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Give a function that installs a distribution with one plugin and answers the name of its module."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)

    def make(name: str, source: str, *, kind: str = "adapters", distribution: str | None = None) -> str:
        module = f"plugin_of_a_test_{os.getpid()}_{next(_numbers)}"
        (site / f"{module}.py").write_text(source)
        dist = distribution or f"town-{module}"
        info = site / f"{dist.replace('-', '_')}-1.5.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: 1.5\n")
        (info / "entry_points.txt").write_text(f"[tinytown.{kind}]\n{name} = {module}\n")
        return module

    return make


class Bench:
    """Runs rounds of an adapter as real processes, as a node would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workspace = folder / "workspace"
        self.workspace.mkdir()

    def spec(self, prompt: str, **more: object) -> tinytown.RoundSpec:
        path = self.folder / "prompt.md"
        path.write_text(prompt, encoding="utf-8")
        return tinytown.RoundSpec(
            id="r-1",
            prompt_path=path,
            prompt_bytes=len(prompt.encode()),
            workspace=self.workspace,
            round_dir=self.folder,
            **more,  # pyright: ignore[reportArgumentType]
        )

    def start(
        self, adapter: Adapter, agent: tinytown.AgentSpec, spec: tinytown.RoundSpec, env: Mapping[str, str]
    ) -> subprocess.Popen[str]:
        command = adapter.command(agent, spec)
        source = spec.prompt_path if command.stdin is tinytown.Stdin.PROMPT else Path(os.devnull)
        with source.open("rb") as stdin:
            return subprocess.Popen(
                command.argv,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                cwd=self.workspace,
                env={"PATH": os.environ["PATH"], "HOME": str(self.folder), **env, **command.env},
            )

    def play(
        self, adapter: Adapter, agent: tinytown.AgentSpec, spec: tinytown.RoundSpec, **env: str
    ) -> tuple[tinytown.OutcomeReport, Reading]:
        process = self.start(adapter, agent, spec, env)
        output, _ = process.communicate(timeout=20)
        reading = adapter.reading()
        for line in output.splitlines():
            reading.feed(line)
        code = process.returncode
        ended = tinytown.ProcessEnd(exit_code=code if code >= 0 else None, signal=-code if code < 0 else None)
        return adapter.outcome(agent, spec, ended, reading), reading


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def python() -> str:
    return sys.executable

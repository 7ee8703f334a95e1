"""What the live tests share: a scripted model on loopback, and rounds of real agent CLIs in a clean environment."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
import tinytown
from tinytown.plugins.adapters import Adapter
from tinytown.plugins.reading import Reading

SERVER = Path(__file__).with_name("model_server.py")
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
ROUND_SECONDS = 50


@attrs.frozen
class Model:
    """The scripted model."""

    url: str
    log: Path

    def play(self, **script: object) -> None:
        raw = json.dumps(script).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/script", raw, method="PUT"), timeout=5):
            pass

    def requests(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []


@pytest.fixture
def model(tmp_path: Path) -> Iterator[Model]:
    log = tmp_path / "requests.jsonl"
    command = (sys.executable, "-I", str(SERVER), str(log))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield Model(f"http://127.0.0.1:{int(server.stdout.readline())}", log)
        server.communicate(timeout=10)


@attrs.frozen
class Played:
    """A round that was run."""

    reading: Reading
    report: tinytown.OutcomeReport
    ended: tinytown.ProcessEnd
    output: str

    @property
    def outcome(self) -> tinytown.Outcome:
        return self.report.outcome


@attrs.frozen
class Rig:
    """One agent CLI with a home, a workspace and a model of its own."""

    adapter: Adapter
    home: Path
    workspace: Path
    env: Mapping[str, str]
    options: Mapping[str, object]

    def play(self, prompt: str, *, session: str | None = None, **env: str) -> Played:
        prompt_path = self.home / "prompt.md"
        prompt_path.write_text(prompt, encoding="utf-8")
        whole = {**self.env, **env}
        agent = tinytown.AgentSpec(id="a-live", name="w1", session_id=session, options=self.options)
        spec = tinytown.RoundSpec(
            id="r-live",
            prompt_path=prompt_path,
            prompt_bytes=prompt_path.stat().st_size,
            workspace=self.workspace,
            round_dir=self.home,
            env_names=frozenset(whole),
            as_root=os.geteuid() == 0,
        )
        self.adapter.prepare(agent, spec)
        command = self.adapter.command(agent, spec)
        source = prompt_path if command.stdin is tinytown.Stdin.PROMPT else Path(os.devnull)
        with source.open("rb") as stdin:
            ran = subprocess.run(
                command.argv,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=self.workspace,
                env={**whole, **command.env},
                timeout=ROUND_SECONDS,
                check=False,
            )
        output = ran.stdout.decode(errors="replace")
        reading = self.adapter.reading()
        for line in output.splitlines():
            reading.feed(line)
        ended = tinytown.ProcessEnd(exit_code=ran.returncode)
        return Played(reading, self.adapter.outcome(agent, spec, ended, reading), ended, output)

    def record(self, name: str, played: Played) -> None:
        """Keep the output as a fixed transcript where TINYTOWN_RECORD names a directory, without names of this host."""
        if folder := os.environ.get("TINYTOWN_RECORD"):
            text = played.output.replace(str(self.workspace), "/workspace").replace(str(self.home), "/home/agent")
            text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8400", text)
            text = re.sub(r"/[-\w/.]*/\d+\.sock", "/run/agent.sock", text)
            text = re.sub(r"/projects/-[-\w]*-workspace", "/projects/-workspace", text)
            (Path(folder) / f"{self.adapter.name}-{name}.jsonl").write_text(text)


def find_clis(program: str) -> str:
    path = f"{os.environ.get('TINYTOWN_LIVE_CLIS', '')}:{os.environ.get('PATH', '')}"
    found = shutil.which(program, path=path.lstrip(":"))
    if found is None:
        pytest.skip(f"`{program}` is not installed; see tests/live/install.sh")
    return str(Path(found).parent)


@pytest.fixture(params=["claude", "codex"])
def rig(request: pytest.FixtureRequest, model: Model, tmp_path: Path) -> Rig:
    name: str = request.param
    home, workspace = tmp_path / "home", tmp_path / "workspace"
    (home / ".codex").mkdir(parents=True)
    workspace.mkdir()
    env = {"PATH": f"{find_clis(name)}:{SYSTEM_PATH}", "HOME": str(home), "LANG": "C.UTF-8"}
    options: dict[str, object] = {}
    if name == "claude":
        env |= {
            "ANTHROPIC_API_KEY": "sk-not-a-key",
            "ANTHROPIC_BASE_URL": model.url,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_MAX_RETRIES": "1",
            "DISABLE_AUTOUPDATER": "1",
        }
    else:
        env["CODEX_API_KEY"] = "sk-not-a-key"
        options["args"] = ["-c", f'openai_base_url="{model.url}/v1"']
    return Rig(Adapter.load(name), home, workspace, env, options)

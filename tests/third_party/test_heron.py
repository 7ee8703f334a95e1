"""A third party's adapter: built, installed beside core alone, loaded by name and tested by the shipped contract."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tinytown.testing import servers
from tinytown.testing.ending import end_town
from tinytown.testing.pytest_plugin import required

HERON = Path(__file__).parent / "heron"
CORE = Path(__file__).parents[2] / "packages" / "tinytown-core"
LOAD = """
import sys
from tinytown.plugins.adapters import Adapter
from tinytown.plugins.installed import installed

listed = [plugin.name for plugin in installed("adapters") if not plugin.built_in]
early = "tinytown_heron" in sys.modules
adapter = Adapter.load("heron")
print(listed, early, adapter.info.name, adapter.info.executable)
"""

PROGRAM = """#!/bin/sh
[ "$1" = --version ] && echo heron 1.0 && exit
cat > /dev/null
echo '{"session": "h-1", "tokens": 12}'
exec tt task complete "$TINYTOWN_TASK_ID" --result "one fish"
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def run(*argv: object, cwd: Path, **variables: str) -> str:
    foreign = ("PYTEST_", "VIRTUAL_ENV", "PYTHON", "TINYTOWN_", "REDIS")
    env = {name: text for name, text in os.environ.items() if not name.startswith(foreign)} | variables
    ran = subprocess.run(
        tuple(map(str, argv)), cwd=cwd, env=env, capture_output=True, text=True, timeout=200, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def uv() -> str:
    found = os.environ.get("UV") or shutil.which("uv")
    if not found:
        pytest.skip("uv is not installed")
    return found


@pytest.fixture(scope="module")
def wheels(uv, tmp_path_factory) -> dict[str, Path]:
    """Our wheels and the third party's, by distribution."""
    folder = tmp_path_factory.mktemp("wheels")
    source = folder / "heron"
    shutil.copytree(HERON, source)
    for each in (CORE, CORE.parent / "tinytown-cli", source):
        run(uv, "build", "--quiet", "--wheel", "--out-dir", folder, each, cwd=folder)
    return {wheel.name.split("-")[0]: wheel for wheel in folder.glob("tinytown_*.whl")}


def test_spawn_finds_a_third_partys_adapter_by_its_name(uv, wheels, tmp_path):
    venv, bins, town = tmp_path / "venv", tmp_path / "bin", tmp_path / "town"
    run(uv, "venv", "--quiet", venv, cwd=tmp_path)
    python, tt = venv / "bin" / "python", venv / "bin" / "tt"
    run(uv, "pip", "install", "--quiet", "--python", python, *wheels.values(), cwd=tmp_path)
    bins.mkdir()
    town.mkdir()
    program = bins / "heron"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    with required("valkey"):
        own = {"TINYTOWN_REDIS_SERVER": str(servers.binary("valkey")), "TINYTOWN_HOME": str(tmp_path / "home")}
    path = f"{bins}:/usr/bin:/bin"
    try:
        for words in (["init"], ["spawn", "h1", "--cli", "heron"], ["assign", "h1", "Fish"]):
            run(tt, *words, cwd=town, PATH=path, **own)
        run(tt, "wait", "h1", "--timeout", "60", cwd=town, PATH=path, **own)
        (task,) = json.loads(run(tt, "task", "list", "--json", cwd=town, PATH=path, **own))["items"]
        (agent,) = json.loads(run(tt, "list", "--json", cwd=town, PATH=path, **own))["items"]
    finally:
        end_town(town)
    assert (task["state"], task["result"], task["output_tokens"]) == ("completed", "one fish", 12)
    assert (agent["cli"], agent["session_id"]) == ("heron", "h-1")


def test_a_third_party_adapter_needs_core_and_nothing_else_of_ours(uv, wheels, tmp_path):
    venv = tmp_path / "venv"
    core, heron = wheels["tinytown_core"], wheels["tinytown_heron"]
    run(uv, "venv", "--quiet", venv, cwd=tmp_path)
    python = venv / "bin" / "python"
    run(
        uv,
        "pip",
        "install",
        "--quiet",
        "--python",
        python,
        f"tinytown-core[testing] @ {core.as_uri()}",
        heron,
        cwd=tmp_path,
    )

    ours = [
        line for line in run(uv, "pip", "list", "--python", python, cwd=tmp_path).splitlines() if "tinytown" in line
    ]
    assert [line.split()[0] for line in ours] == ["tinytown-core", "tinytown-heron"]
    assert run(python, "-c", LOAD, cwd=tmp_path).split("\n")[0] == "['heron'] False heron heron"
    told = run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", heron.parent / "heron" / "suite", cwd=tmp_path)
    assert "passed" in told
    assert "failed" not in told

"""A third party's adapter: built, installed beside core alone, loaded by name and tested by the shipped contract."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

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

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def run(*argv: object, cwd: Path) -> str:
    env = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST_", "VIRTUAL_ENV", "PYTHON"))}
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


def test_a_third_party_adapter_needs_core_and_nothing_else_of_ours(uv, tmp_path):
    wheels, venv = tmp_path / "wheels", tmp_path / "venv"
    source = tmp_path / "heron"
    shutil.copytree(HERON, source)
    run(uv, "build", "--quiet", "--wheel", "--out-dir", wheels, CORE, cwd=tmp_path)
    run(uv, "build", "--quiet", "--wheel", "--out-dir", wheels, source, cwd=tmp_path)
    core, heron = sorted(wheels.glob("tinytown_*.whl"))
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
    told = run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", source / "suite", cwd=tmp_path)
    assert "passed" in told
    assert "failed" not in told

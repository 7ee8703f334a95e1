"""The benchmark command measures, proves and writes; which figures it finds is no matter of a test."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    words = [sys.executable, "-m", "benchmarks", "verbs", "mail", "--quick", "--out", str(folder)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=50)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_line_names_its_setting_its_samples_and_its_proof(written):
    results = json.loads((written / "results.json").read_text())
    assert results["failed"] == {}
    assert {line["row"] for line in results["lines"]} == {"verbs", "mail"}
    for line in results["lines"]:
        assert line["n"] == len(line["samples"]) > 1
        assert 0 < line["p50"] <= line["p99"]
        assert line["fsync"] in {"always", "everysec", "off", "-"}
        assert line["done"]
        assert line["within"] in {True, False}
    assert {"cpu", "cores", "kernel", "python", "valkey", "date"} <= results["environment"].keys()


def test_the_plot_has_a_bar_for_each_budget_and_the_page_a_row_for_each_line(written):
    lines = json.loads((written / "results.json").read_text())["lines"]
    bars = list(ET.parse(written / "plot.svg").iter("{http://www.w3.org/2000/svg}rect"))
    assert len(bars) == 1 + sum(len(line["budgets"]) for line in lines)
    page = (written / "README.md").read_text()
    assert all(line["what"] in page for line in lines)

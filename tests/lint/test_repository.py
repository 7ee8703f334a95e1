"""Rules about the repository itself that no ready-made tool checks."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
TYPES = {"breaking", "deprecation", "feature", "bugfix", "docs", "contrib"}
_FILES = [path for path in ROOT.glob("packages/**/pyproject.toml") if ".venv" not in path.parts]
PACKAGES = {path.parent.name: path.parent for path in _FILES}
FRAGMENTS = sorted(path for path in (ROOT / "changelog.d").rglob("*") if path.is_file() and path.name != "README.md")


def load_gate():
    spec = importlib.util.spec_from_file_location("file_gate", ROOT / "tools" / "file_gate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_file_gate_names_what_is_too_long_and_nothing_else(tmp_path):
    gate = load_gate()
    for name, lines in {
        "packages/one/src/long.py": 401,
        "packages/one/src/fine.py": 400,
        "packages/one/tests/test_long.py": 601,
        "packages/one/tests/test_fine.py": 600,
        "packages/one/.venv/lib/other.py": 5000,
        "packages/one/src/data.json": 5000,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n" * lines)

    assert [line.split(":")[0] for line in gate.too_long(tmp_path)] == [
        "packages/one/src/long.py",
        "packages/one/tests/test_long.py",
    ]


def test_each_exception_of_the_file_gate_is_still_needed():
    for name, (limit, reason) in load_gate().EXCEPTIONS.items():
        lines = len((ROOT / name).read_bytes().splitlines())
        assert 400 < lines <= limit, f"{name} has {lines} lines; correct its exception"
        assert reason


def test_the_checks_are_a_script_that_a_shell_understands():
    run = ROOT / ".ci" / "run"

    assert run.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", str(run)], check=True, timeout=20)


def test_the_checks_end_with_exactly_the_line_of_the_readme_that_runs_the_tests():
    line = next(line for line in README.splitlines() if line.endswith("uv run pytest"))
    script = (ROOT / ".ci" / "run").read_text().splitlines()

    assert script.count(line) == 1
    assert not [other for other in script[script.index(line) + 1 :] if re.search(r"\becho\b|\bsay\b|\bstep\b", other)]


def test_fragments_of_the_changelog_are_filed_by_package_issue_and_type():
    wrong = []
    for path in FRAGMENTS:
        parts = path.relative_to(ROOT / "changelog.d").parts
        fits = len(parts) == 2 and re.fullmatch(r"[1-9][0-9]*(\.[a-z0-9-]+)?\.([a-z]+)\.md", parts[1])
        if not fits or fits[2] not in TYPES or parts[0] not in {*distributions(), "tinytown"}:
            wrong.append("/".join(parts))

    assert FRAGMENTS
    assert not wrong, "see changelog.d/README.md"


@pytest.mark.parametrize("path", FRAGMENTS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_fragment_is_whole_sentences_for_users(path):
    text = path.read_text()

    assert text == text.strip() + "\n"
    assert re.match(r"[A-Z`]", text)
    assert text.rstrip().endswith(".")
    assert not text.startswith("#")


def test_the_page_about_fragments_names_every_type():
    page = (ROOT / "changelog.d" / "README.md").read_text()

    assert set(re.findall(r"^\| `([a-z]+)`", page, re.MULTILINE)) == TYPES


def distributions() -> set[str]:
    names = set()
    for folder in PACKAGES.values():
        match = re.search(r'^name = "([^"]+)"', (folder / "pyproject.toml").read_text(), re.MULTILINE)
        assert match
        names.add(match[1])
    return names


@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_each_package_says_what_it_is_how_it_is_installed_and_where_next(name):
    text = (PACKAGES[name] / "README.md").read_text()
    lines = [line for line in text.splitlines() if line]

    assert text.startswith("# tinytown-")
    assert 5 <= len(lines) <= 20
    assert "pip install" in text
    assert "http" not in text.replace("https://", ""), "links are encrypted ones"


def test_records_of_decisions_are_numbered_and_have_their_four_parts():
    pages = sorted((ROOT / "docs" / "adr").glob("*.md"))
    numbers = [path.name[:4] for path in pages]

    assert len(set(numbers)) == len(numbers), "two records have one number"
    for path in pages:
        text = path.read_text()
        assert re.fullmatch(r"[0-9]{4}-[a-z0-9-]+\.md", path.name), path.name
        assert re.match(r"# [A-Z]", text), f"{path.name} does not begin with what was decided; its name has the number"
        written = re.sub(r"<!-- generated.*", "", text, flags=re.DOTALL)
        assert len(written.splitlines()) <= 60, f"{path.name} is longer than a page"
        for part in ("Context", "Decision", "Consequences", "What would change our mind"):
            assert re.search(rf"^(\*\*{part}\.\*\*|## {part}$)", text, re.MULTILINE), f"{path.name} lacks `{part}`"


def test_every_package_is_a_member_of_the_workspace_checked_for_types_and_installed_for_the_tests():
    text = (ROOT / "pyproject.toml").read_text()
    for name, folder in PACKAGES.items():
        where = str(folder.relative_to(ROOT))
        assert f'"{where}/src"' in text, f"pyright does not look at {name}"

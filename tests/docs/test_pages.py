"""What the pages say can be done is done here, as a reader would, in a folder of its own."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import pytest
from tinytown.config.plan_file import parse_plan
from tinytown.config.town import parse_town
from tinytown_cli.table import by_path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "packages/**/README.md", "changelog.d/README.md")
    for path in ROOT.glob(pattern)
    if ".venv" not in path.parts
)
LANGUAGES = {"sh", "toml", "python", "lua", "console", "text", "json", "mermaid"}
PIECES = "docs/hooks/"
"""Pages that show pieces of a plugin. The tests of core put those together and run them; here they only parse."""

PLAN = "docs/plan.md"
"""The page whose file is `tasks.toml`; the files of the others are settings."""


class Block(NamedTuple):
    page: str
    line: int
    language: str
    text: str


def blocks() -> list[Block]:
    found = []
    for path in PAGES:
        text = path.read_text()
        for match in re.finditer(r"^```([^\n]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            line = text.count("\n", 0, match.start()) + 1
            found.append(Block(str(path.relative_to(ROOT)), line, match[1].strip(), match[2]))
    return found


def of(language: str, *, pieces: bool = False):
    chosen = [each for each in blocks() if each.language == language and each.page.startswith(PIECES) is pieces]
    return pytest.mark.parametrize("block", chosen, ids=[f"{each.page}:{each.line}" for each in chosen])


def follow(argv, place) -> str:
    ran = subprocess.run(
        argv,
        cwd=place.folder,
        env=place.env,
        capture_output=True,
        text=True,
        timeout=100,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    logs = "\n".join(log.read_text() for log in place.folder.rglob(".tt/node/log"))
    assert ran.returncode == 0, f"exit code {ran.returncode}\n{ran.stdout}\n{ran.stderr}\n{logs}"
    assert "Traceback" not in ran.stderr, ran.stderr
    return ran.stdout


@pytest.mark.timeout(120)
@of("sh")
def test_commands_of_a_page_do_what_the_page_says(block, place):
    follow(["sh", "-eu", "-c", block.text], place)


@pytest.mark.timeout(120)
@of("python")
def test_a_program_of_a_page_runs(block, place):
    follow([sys.executable, "-W", "error", "-c", block.text], place)


@of("toml")
def test_a_settings_file_or_a_plan_of_a_page_loads(block):
    if block.page == PLAN:
        assert parse_plan(block.text, block.page).entries
    else:
        assert parse_town(block.text, block.page).name


@of("python", pieces=True)
def test_a_piece_of_a_program_on_a_page_is_python(block):
    compile(block.text, block.page, "exec")


@of("toml", pieces=True)
def test_a_piece_of_a_file_on_a_page_is_toml(block):
    assert tomllib.loads(block.text)


def test_every_block_names_a_language_that_is_looked_after():
    odd = [f"{each.page}:{each.line} {each.language!r}" for each in blocks() if each.language not in LANGUAGES]

    assert not odd, "mark what is not to be run as `text` or `console`"


def test_the_ten_lines_of_the_readme_are_the_example():
    example = (ROOT / "docs" / "examples" / "ten_lines.py").read_text()
    shown = [each.text for each in blocks() if each.page == "README.md" and each.language == "python"]

    assert shown == [example]


def prose(path: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(path: Path) -> set[str]:
    """The names that a page's headings can be jumped to by."""
    titles = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_link_to_another_page_leads_somewhere(path):
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(path)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = unquote(target).partition("#")
        found = (path.parent / name).resolve() if name else path
        leads = found.exists() and found.is_relative_to(ROOT)
        if not leads or (anchor and found.suffix == ".md" and anchor not in anchors(found)):
            dead.append(target)

    assert not dead


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_a_page_names_exists(path):
    known = by_path()
    groups = {command[0] for command in known if len(command) > 1}
    text = path.read_text()
    said = re.findall(r"(?:`|^\$ |^|&& |uv run )tt ([a-z]+)(?: ([a-z][a-z-]*))?", text, re.MULTILINE)
    unknown = {
        f"tt {first} {second}".rstrip()
        for first, second in said
        if (first,) not in known and (first, second) not in known and not (first in groups and not second)
    }

    assert not unknown


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_page_names_a_place_on_somebodys_machine(path):
    found = re.findall(r"/(?:home|Users|root|work|workspace|mnt)/\S*", path.read_text())

    assert not found

"""What a hint, a cause or a prompt tells people to type is a command that exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tinytown_cli.table import FAMILIES, by_path

ROOT = Path(__file__).parents[2]
SOURCES = sorted(ROOT.glob("packages/*/src/**/*.py"))
SAID = re.compile(r"(?:`|^)tt ([a-z]+)(?: ([a-z][a-z-]*))?")


def texts(tree: ast.AST) -> Iterator[str]:
    """Every text of a program but its documentation."""
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.value


def unknown(text: str) -> list[str]:
    """The commands that a text names and that do not exist."""
    known = by_path()
    return [
        f"tt {first} {second}".rstrip()
        for first, second in SAID.findall(text)
        if (first,) not in known and (first, second) not in known and not (first in FAMILIES and not second)
    ]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "packages")))
def test_each_command_that_a_program_tells_people_to_type_exists(path: Path) -> None:
    assert [name for text in texts(ast.parse(path.read_text())) for name in unknown(text)] == []


def test_a_command_that_does_not_exist_is_found() -> None:
    program = ast.parse(
        '"""About `tt nothere`."""\nhint = f"see `tt task gone {1}` or `tt list`"\ncommand = "tt nosuch X"'
    )
    assert [name for text in texts(program) for name in unknown(text)] == ["tt nosuch", "tt task gone"]

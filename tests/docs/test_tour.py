"""The tour leads through files and functions that exist, and through each of them once."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOUR = (ROOT / "docs" / "tour.md").read_text()
STOPS = re.findall(r"`((?:tinytown|tinytown_cli)/[\w/]+\.(?:py|lua))`(?:\s*:\s*`([\w.]+)`)?", TOUR)


def find(name: str) -> Path:
    found = [path for path in ROOT.glob(f"packages/*/src/{name}") if path.is_file()]
    assert found, f"{name} does not exist"
    return found[0]


def names(tree: ast.AST, before: str = "") -> set[str]:
    """What a module or class defines, with methods as `Class.method`."""
    found = set()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(before + node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {node.name, *names(node, node.name + ".")}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(before + node.target.id)
        elif isinstance(node, ast.Assign):
            found |= {before + target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


@pytest.mark.parametrize(("file", "name"), STOPS)
def test_each_stop_of_the_tour_exists(file, name):
    path = find(file)
    if path.suffix == ".lua":
        assert f"run('{path.stem}'" in path.read_text()
    else:
        assert name in names(ast.parse(path.read_text()))


def test_stops_are_numbered_in_order():
    numbers = [int(number) for number in re.findall(r"^\| (\d+) \|", TOUR, re.MULTILINE)]

    assert numbers == list(range(1, len(numbers) + 1))
    assert len(STOPS) >= len(numbers)

"""Every promise of the page is held by tests that exist."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULE = runpy.run_path(str(Path(__file__).with_name("page.py")))
PROMISES = MODULE["promises"]()


@pytest.mark.parametrize("promise", PROMISES, ids=[each.said[:60] for each in PROMISES])
def test_a_promise_is_held_by_tests_that_exist(promise):
    assert promise.tests, "nothing would fail if this promise were broken"
    for test in promise.tests:
        file, _, name = test.partition("::")
        tree = ast.parse((ROOT / file).read_text())
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        assert name in {node.name for node in functions}, f"{file} has no test `{name}`"


def test_no_promise_is_made_twice():
    said = [each.said for each in PROMISES]
    assert len(said) == len(set(said))


def test_the_page_says_what_the_file_says():
    assert (ROOT / "docs" / "promises.md").read_text() == MODULE["page"]()

"""What short commands may import: the start of `tt` is paid for by every agent, many times in each round."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Load = Callable[..., Any]

NEVER = ("rich", "mcp", "falcon", "waitress", "pytest")
HEAVY = ("redis", "asyncio", "ssl", "cyclopts", "importlib.metadata", "subprocess", "psutil")


def test_the_version_imports_nothing(load: Load) -> None:
    found = load("--version")
    assert found.code == 0
    assert not found.any_of(*NEVER, *HEAVY, "attr", "attrs", "cattrs", "hiredis", "tinytown", "tinytown_cli.run")


@pytest.mark.parametrize("words", [("--help",), ("send", "--help"), ("task", "--help"), ()], ids=" ".join)
def test_help_imports_no_storage_and_no_parser(load: Load, words: tuple[str, ...]) -> None:
    found = load(*words)
    assert found.code == 0
    assert "Usage: tt" in found.out
    assert not found.any_of(*NEVER, *HEAVY, "attr", "attrs", "cattrs", "hiredis", "tinytown")


@pytest.mark.parametrize(
    "words",
    [
        ("send", "conductor", "hello", "--info"),
        ("task", "list"),
        ("inbox",),
        ("status",),
        ("list", "--json"),
    ],
    ids=" ".join,
)
def test_commands_that_agents_use_import_no_more_than_they_need(load: Load, words: tuple[str, ...]) -> None:
    load("status")  # so that the server runs already
    found = load(*words)
    assert found.code == 0, found.err
    assert not found.any_of(*NEVER, *HEAVY)


def test_a_slip_of_the_keyboard_imports_no_storage(load: Load) -> None:
    found = load("snd", "conductor", "hello")
    assert found.code == 2
    assert not found.any_of("mcp", "falcon", "redis", "asyncio", "ssl", "hiredis", "rich")

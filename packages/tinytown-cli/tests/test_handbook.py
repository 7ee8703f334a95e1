"""The conductor's handbook names no command that does not exist."""

from __future__ import annotations

import re
import shlex

import pytest
from tinytown.services.briefing import handbook
from tinytown_cli.parse import bind, find
from tinytown_cli.table import COMMANDS, by_path
from tinytown_cli.words import split

BLOCKS = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(tt [^`]+)`")


def commands() -> list[str]:
    text = handbook()
    inside = [line for block in BLOCKS.findall(text) for line in block.splitlines()]
    assert all(line.startswith("tt ") for line in inside)
    return [*inside, *INLINE.findall(BLOCKS.sub("", text))]


def understood(line: str) -> tuple[str, ...] | None:
    words = shlex.split(line, comments=True)
    flags, rest = split(words[1:])
    found = None if flags.problem else find(rest, by_path())
    return found[0].path if found is not None and bind(*found) is not None else None


@pytest.mark.parametrize("line", sorted(set(commands())))
def test_every_command_in_the_handbook_is_understood(line: str) -> None:
    assert understood(line) is not None


@pytest.mark.parametrize("line", ["tt conduct", "tt spawn w1 --roles x", "tt task finish t-1", "tt inbox a b"])
def test_what_does_not_exist_would_be_noticed(line: str) -> None:
    assert understood(line) is None


def test_the_handbook_teaches_what_a_conductor_does() -> None:
    taught = {path for line in commands() if (path := understood(line))}
    needed = {"spawn", "assign", "backlog", "inbox", "send", "attention", "why", "wait", "status", "close"}
    assert needed <= {path[0] for path in taught}
    assert taught <= {command.path for command in COMMANDS}
    assert {("attention", word) for word in ("list", "answer", "dismiss")} <= taught

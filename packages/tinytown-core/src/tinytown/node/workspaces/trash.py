"""The trash: worktrees that were put away, each with a small file that says what it was and how to get it back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, cast

import attrs

from tinytown.config.files import private_dir, write_private
from tinytown.config.paths import TownPaths
from tinytown.node.workspaces.note import VERSION, Note

REFS = "refs/tinytown/workspaces"
"""Below it lie the snapshots of worktrees that were put away, by agent and number."""


class Stage(StrEnum):
    """How far a worktree is on its way out."""

    LEAVING = "leaving"
    KEPT = "kept"
    DELETING = "deleting"
    DELETED = "deleted"
    RETURNING = "returning"


@attrs.frozen(kw_only=True)
class Trashed:
    """A worktree that was put away.

    Attributes:
        number: Counts what was put away of agents of one name.
        note: What was known of it.
        at: When, in milliseconds since 1970.
        stage: How far it is.
        head: The commit that was checked out.
        commit: Its snapshot, which the ref holds; empty where none could be taken.
        problem: Why none could be taken.
    """

    number: int
    note: Note
    at: int
    stage: Stage = Stage.LEAVING
    head: str = ""
    commit: str = ""
    problem: str = ""

    @property
    def name(self) -> str:
        """What it is called in the trash."""
        return f"{self.note.agent}-{self.number}"

    @property
    def ref(self) -> str:
        """The ref of its snapshot."""
        return f"{REFS}/{self.note.agent}/{self.number}"

    def folder(self, paths: TownPaths) -> Path:
        """Where it lies."""
        return paths.trash / self.name


def _file(paths: TownPaths, name: str) -> Path:
    return paths.trash / f"{name}.json"


def trashed(paths: TownPaths) -> Iterator[Trashed]:
    """Give all that is in the trash, the oldest of each agent first."""
    found: list[Trashed] = []
    for file in paths.trash.glob("*.json"):
        try:
            table = cast("dict[str, Any]", json.loads(file.read_bytes()))
            note = Note(**cast("dict[str, Any]", table["note"]))
            known = {field.name for field in attrs.fields(Trashed)} - {"note", "stage"}
            rest = {key: value for key, value in table.items() if key in known}
            found.append(Trashed(note=note, stage=Stage(table["stage"]), **rest))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            continue
    yield from sorted(found, key=lambda each: (each.note.agent, each.number))


def write_trashed(paths: TownPaths, entry: Trashed) -> None:
    """Keep what is known of something in the trash."""
    private_dir(paths.trash)
    write_private(_file(paths, entry.name), json.dumps({"version": VERSION, **attrs.asdict(entry)}).encode())


def forget_trashed(paths: TownPaths, entry: Trashed) -> None:
    """Drop the file about something that is in the trash no more."""
    _file(paths, entry.name).unlink(missing_ok=True)

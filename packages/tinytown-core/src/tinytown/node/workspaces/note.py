"""What is known of one worktree: a small file beside it, written before and after each step of its life."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncGenerator, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import attrs

from tinytown.config.files import only_one, private_dir, take_file, write_private
from tinytown.config.paths import TownPaths
from tinytown.config.town import WorkspaceConfig
from tinytown.node.git import GitError

VERSION = 1
BUSY_SECS = 60.0
AGAIN_SECS = 0.05
LAST_PORT = 65_535


class BusyError(GitError):
    """Another process makes or removes that worktree just now."""


@attrs.frozen(kw_only=True)
class Note:
    """A worktree.

    Attributes:
        agent: Name of its agent.
        agent_id: Id of its agent; another one of the same name gets a worktree of its own.
        branch: Its branch.
        base: What it began at, as it was named.
        start: The commit that it began at.
        first_port: First port of its block; 0 for none.
        ports: Length of the block.
        place: The town's folder in it, where that is not the top of the repository.
        copied: What was copied into that, with a hash of the content.
        made: The worktree is whole; before that nobody has worked in it.
        setup: The run of the set-up command, an id like that of a round; empty before it.
        ready: Rounds may work in it.
    """

    agent: str
    agent_id: str
    branch: str
    base: str = ""
    start: str = ""
    first_port: int = 0
    ports: int = 0
    place: str = ""
    copied: Mapping[str, str] = attrs.Factory(dict[str, str])
    made: bool = False
    setup: str = ""
    ready: bool = False

    @property
    def variables(self) -> dict[str, str]:
        """What the processes in it are told of their ports."""
        if not self.first_port:
            return {}
        return {"TINYTOWN_PORT_BASE": str(self.first_port), "TINYTOWN_PORT_COUNT": str(self.ports)}


def read_note(file: Path) -> Note | None:
    """Read a note; None where there is none, or where it is damaged."""
    try:
        found: Any = json.loads(file.read_bytes())
        table = cast("dict[str, Any]", found)
        known = {field.name for field in attrs.fields(Note)}
        return Note(**{key: value for key, value in table.items() if key in known})
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def write_note(file: Path, note: Note) -> None:
    """Keep a note, whole or not at all."""
    write_private(file, json.dumps({"version": VERSION, **attrs.asdict(note)}).encode())


def notes(paths: TownPaths) -> Iterator[Note]:
    """Give the notes of all worktrees of the town, by name."""
    for file in sorted(paths.workspaces.glob("*.json")):
        note = read_note(file)
        if note is not None:
            yield note


def keep_with_ports(paths: TownPaths, note: Note, settings: WorkspaceConfig) -> Note:
    """Keep a note, with a block of ports that belongs to no other worktree.

    A block that it has already, and that nobody else took meanwhile, it keeps.

    Raises:
        GitError: There are no ports left.
    """
    with only_one(private_dir(paths.workspaces) / ".ports"):
        others = [each for each in notes(paths) if each.agent != note.agent and each.first_port]
        taken = [range(each.first_port, each.first_port + each.ports) for each in others]
        if not note.first_port or _meets(taken, note.first_port, note.ports):
            note = attrs.evolve(note, first_port=_free(taken, settings), ports=settings.port_block)
        write_note(paths.workspace_note(note.agent), note)
    return note


def _free(taken: list[range], settings: WorkspaceConfig) -> int:
    if not settings.port_block:
        return 0
    for first in range(settings.port_base, LAST_PORT + 2 - settings.port_block, settings.port_block):
        if not _meets(taken, first, settings.port_block):
            return first
    raise GitError(f"no {settings.port_block} ports are left from {settings.port_base} on: change `[workspace]`")


def _meets(taken: list[range], first: int, count: int) -> bool:
    return any(first < block.stop and block.start < first + count for block in taken)


@contextlib.asynccontextmanager
async def alone(paths: TownPaths, name: str, *, secs: float = BUSY_SECS) -> AsyncGenerator[None]:
    """Keep everybody else away from the worktree of a name.

    Raises:
        BusyError: Another process has had it for too long.
    """
    private_dir(paths.workspaces)
    file = paths.workspace_lock(name)
    ends = asyncio.get_running_loop().time() + secs
    while (descriptor := _lock(file)) is None:
        if asyncio.get_running_loop().time() >= ends:
            raise BusyError(f"the worktree of `{name}` is being made or removed by another process")
        await asyncio.sleep(AGAIN_SECS)
    try:
        yield
    finally:
        os.close(descriptor)


def _lock(file: Path) -> int | None:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with contextlib.suppress(BlockingIOError):
        if take_file(file, descriptor, wait=False):
            return descriptor
    os.close(descriptor)
    return None

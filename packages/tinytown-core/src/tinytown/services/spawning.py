"""A spawn that may be killed at any line: what it is about to do is noted, so that the same command finishes it.

An agent's variables are written before the agent is on record, because its node may start it at once. Without a note
a killed spawn would leave them behind under an id that nobody knows, and one that was killed a moment later would be
refused when it is repeated, because the name is taken: by itself.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, Self, cast

from tinytown.config.files import private_dir, take_file
from tinytown.config.paths import TownPaths
from tinytown.crash import point
from tinytown.domain.ids import IdKind, kind_of, looks_like_id, new_id
from tinytown.domain.records import Agent


class SpawnNote:
    """The note of one name; locked by the command that spawns, so a note that is not locked is of a killed one.

    Args:
        descriptor: The locked file, or None when another command spawns that name just now.
        paths: Files of the town.
        name: The agent's name.
        asked: What the command asks for, in texts and numbers.
    """

    def __init__(self, descriptor: int | None, paths: TownPaths, name: str, asked: Mapping[str, object]) -> None:
        self._descriptor = descriptor
        self._paths = paths
        self._file = paths.spawns_dir / f"{name}.json"
        self._asked = dict(asked)
        self._found = {} if descriptor is None else _read(descriptor)

    @classmethod
    def take(cls, paths: TownPaths, name: str, asked: Mapping[str, object]) -> Self:
        """Take the note of a name.

        Raises:
            ConfigError: The town's folder cannot be written to.
        """
        file = private_dir(paths.spawns_dir) / f"{name}.json"
        while True:
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                if take_file(file, descriptor, wait=False):
                    return cls(descriptor, paths, name, asked)
            except BlockingIOError:
                os.close(descriptor)
                return cls(None, paths, name, asked)
            os.close(descriptor)

    @property
    def left_behind(self) -> str:
        """Id of the agent that a killed spawn of this name was about to make; empty when there was none."""
        noted = str(self._found.get("agent", ""))
        return noted if looks_like_id(noted) and kind_of(noted) is IdKind.AGENT else ""

    def forget(self) -> None:
        """Take no notice of the killed spawn: its agent was made, and is off the books again."""
        self._found = {}

    def made(self, agent: Agent) -> bool:
        """Say whether this life of the agent was begun by the same command, which was killed before it could say so."""
        mine = {"agent": agent.id, "life": agent.incarnation, "asked": self._asked}
        return mine == self._found

    def write(self, known: Agent | None) -> str:
        """Note what is about to be done.

        Args:
            known: The stopped agent of that name.

        Returns:
            The agent's id: its own, that of a killed run of any command for this name, or a new one.
        """
        agent_id = known.id if known is not None else self.left_behind or new_id(IdKind.AGENT)
        if self._descriptor is not None:
            life = 1 if known is None else known.incarnation + 1
            line = json.dumps({"agent": agent_id, "life": life, "asked": self._asked}) + "\n"
            os.pwrite(self._descriptor, line.encode(), 0)  # the rest of a longer note stays behind the line
            point("verb.spawn_noted")
        return agent_id

    def drop_variables(self, agent_id: str) -> None:
        """Take back what was handed over for an agent that does not exist."""
        self._paths.agent_env(agent_id).unlink(missing_ok=True)
        point("verb.variables_dropped")

    def close(self) -> None:
        """The spawn is over, one way or the other."""
        if self._descriptor is not None:
            self._file.unlink(missing_ok=True)
            point("verb.spawn_closed")

    def let_go(self) -> None:
        """Unlock the note."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _read(descriptor: int) -> dict[str, Any]:
    """Read a note; one that a power cut tore is none."""
    try:
        found = json.loads(os.pread(descriptor, 1 << 20, 0).partition(b"\n")[0])
    except ValueError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}

"""The environment of the conductor's conversation: the person's own, less what leads to the town's server.

Its commands find the server as those of a round do, by a private file: the variables that named it lie there, and
`open_town` reads them back for whoever is the conductor of just this town.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from tinytown.config.files import check_private
from tinytown.config.paths import TownPaths
from tinytown.domain.ids import CONDUCTOR_ID
from tinytown.node.environment import NEVER, fits, read_agent_env, write_agent_env

NAME = "conductor"
_SERVER = ("TINYTOWN_REDIS_URL", "TINYTOWN_REDIS_PASSWORD", "REDIS_URL")
_PROGRAM = "TINYTOWN_REDIS_SERVER"
"""Names the server's program, and no server: commands in the conversation may start it."""


def leave_variables(paths: TownPaths, env: Mapping[str, str]) -> None:
    """Put the variables that lead to the server into a private file, in place of those of an earlier conversation."""
    named = {name: env[name] for name in _SERVER if env.get(name)}
    if named:
        write_agent_env(paths, CONDUCTOR_ID, named)
    else:
        paths.agent_env(CONDUCTOR_ID).unlink(missing_ok=True)


def with_variables(paths: TownPaths, env: Mapping[str, str]) -> Mapping[str, str]:
    """Add them to what a command in the conversation sees; one that is about another town gets its environment as is.

    Raises:
        ConfigError: Others can read the file.
    """
    file = paths.agent_env(CONDUCTOR_ID)
    own = os.path.realpath(env.get("TINYTOWN_TOWN") or "") == os.path.realpath(paths.root)
    if not own or not file.exists():
        return env
    check_private(file)
    return {**env, **read_agent_env(paths, CONDUCTOR_ID)}


def environment(paths: TownPaths, env: Mapping[str, str], more: Mapping[str, str], tt: str) -> dict[str, str]:
    """Give the environment of the conversation.

    Args:
        paths: Files of the town.
        env: The person's.
        more: What the adapter adds.
        tt: Path of `tt`; its folder comes last on PATH.
    """
    found = {name: value for name, value in env.items() if name == _PROGRAM or not fits(name, NEVER)}
    found |= more
    folder = os.path.dirname(tt)  # noqa: PTH120 - "" where `tt` is only a name, which Path cannot tell
    path = found.get("PATH") or os.defpath
    if folder and folder not in path.split(os.pathsep):
        found["PATH"] = path + os.pathsep + folder
    who = {"TINYTOWN_TOWN": str(paths.root), "TINYTOWN_AGENT_ID": CONDUCTOR_ID, "TINYTOWN_AGENT_NAME": NAME}
    return found | who

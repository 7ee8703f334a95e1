"""The environment of a round: an allow-list, what the adapter names, what `spawn` handed over, and who the agent is.

Nothing of the node's own environment reaches a round by accident, and no secret of the town does at all: commands
inside a round read the connection from a private file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, cast

from tinytown.config.files import private_dir, write_private
from tinytown.config.paths import TownPaths

ALLOWED = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "TMPDIR",
    "TERM",
    "XDG_*",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_AUTHOR_*",
    "GIT_COMMITTER_*",
    "GIT_CONFIG_GLOBAL",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "SSH_AUTH_SOCK",
    "SSH_AGENT_PID",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
)
"""Names that every round gets where they are set; ``*`` stands for any end."""

SECRET = ("TINYTOWN_*", "REDIS_URL", "REDISCLI_AUTH", "TT_*")
"""Names that no round gets from its caller: they could name the town's server, or another round."""

NEVER = ("TINYTOWN_REDIS*", "TINYTOWN_ROUND_ID", "TINYTOWN_TASK_ID", "TINYTOWN_AGENT_*", "TINYTOWN_TOWN", *SECRET[1:])
"""Those of them that no adapter gets by naming them either."""

VERSION = 1


def fits(name: str, patterns: Sequence[str]) -> bool:
    """Say whether a variable's name fits one of some patterns."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def capture(
    env: Mapping[str, str], *, adapter_names: Sequence[str] = (), pass_env: Sequence[str] | None = ()
) -> dict[str, str]:
    """Choose what `spawn` hands over from the environment of its caller.

    Args:
        env: The caller's environment.
        adapter_names: Variables that the adapter names, keys and addresses of its service.
        pass_env: For a command line of the user's own: patterns of names to hand over besides the allow-list, or
            None for everything that is no secret of the town.

    Returns:
        Names and values, without the town's secrets.
    """
    patterns = (*ALLOWED, *adapter_names, *(("*",) if pass_env is None else pass_env))
    named = {name for name in adapter_names if not fits(name, NEVER)}
    return {
        name: value for name, value in env.items() if name in named or (fits(name, patterns) and not fits(name, SECRET))
    }


def write_agent_env(paths: TownPaths, agent_id: str, variables: Mapping[str, str]) -> None:
    """Leave what was handed over for the node, mode 0600.

    Raises:
        ConfigError: It cannot be written.
    """
    private_dir(paths.agents_env_dir)
    write_private(paths.agent_env(agent_id), json.dumps({"version": VERSION, "env": dict(variables)}).encode())


def read_agent_env(paths: TownPaths, agent_id: str) -> dict[str, str]:
    """Read what was handed over; an agent that was registered elsewhere gets the allow-list of this process."""
    try:
        data: Any = json.loads(paths.agent_env(agent_id).read_bytes())
    except (FileNotFoundError, ValueError):
        return capture(os.environ)
    table = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
    return {str(name): str(value) for name, value in dict(table.get("env") or {}).items()}


def round_environment(
    handed_over: Mapping[str, str],
    additions: Mapping[str, str],
    *,
    town: Path,
    tt: str,
    agent_id: str,
    agent_name: str,
    round_id: str,
    task_id: str | None,
) -> dict[str, str]:
    """Put the environment of a round together.

    Args:
        handed_over: From `spawn`.
        additions: From the adapter and the table of a command line.
        town: Root of the town.
        tt: Path of `tt`; its folder comes last on PATH, so that a plain `tt` is found there if nowhere else.
        agent_id: The agent's id.
        agent_name: The agent's name.
        round_id: The round's id, which is also the mark of its processes.
        task_id: The task, if there is one.

    Returns:
        The whole environment.
    """
    env = {"PATH": os.defpath, **handed_over, **additions}
    folder = os.path.dirname(tt)  # noqa: PTH120 - "" where `tt` is only a name, which Path cannot tell
    if folder and folder not in env["PATH"].split(os.pathsep):
        env["PATH"] += os.pathsep + folder
    env |= {
        "TINYTOWN_TOWN": str(town),
        "TINYTOWN_AGENT_ID": agent_id,
        "TINYTOWN_AGENT_NAME": agent_name,
        "TINYTOWN_ROUND_ID": round_id,
    }
    if task_id:
        env["TINYTOWN_TASK_ID"] = task_id
    return env


def gate_environment(handed_over: Mapping[str, str], round_id: str) -> dict[str, str]:
    """Put the environment of a gate together: the allow-list alone, for it runs what agents wrote."""
    env = {name: value for name, value in handed_over.items() if fits(name, ALLOWED) and not fits(name, SECRET)}
    env.pop("SSH_AUTH_SOCK", None)
    return {"PATH": os.defpath, **env, "TINYTOWN_ROUND_ID": round_id, "CI": "true"}

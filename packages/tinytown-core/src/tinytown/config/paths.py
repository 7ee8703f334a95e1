"""Where everything lies: the one place that spells a file name under a town or under the user's home."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import attrs

from tinytown.domain.ids import IdKind, kind_of, looks_like_id
from tinytown.errors import ConfigError, InvalidValueError

TOWN_FILE = "tinytown.toml"
DOT = ".tt"


@attrs.frozen
class TownPaths:
    """Every file of one town. Making the object touches nothing.

    Attributes:
        root: Absolute path of the town's folder.
    """

    root: Path

    @property
    def config(self) -> Path:
        """The file that people write."""
        return self.root / TOWN_FILE

    @property
    def gitignore(self) -> Path:
        """Git's list of what to leave out, in the town's folder."""
        return self.root / ".gitignore"

    @property
    def dot(self) -> Path:
        """Everything that is written at run time."""
        return self.root / DOT

    @property
    def instance(self) -> Path:
        """Random id of this town with the folder's device and inode: tells a copy from the original."""
        return self.dot / "instance"

    @property
    def redis_dir(self) -> Path:
        """Folder of the embedded server, mode 0700."""
        return self.dot / "redis"

    @property
    def redis_lock(self) -> Path:
        """Locked by the embedded server for as long as it lives."""
        return self.redis_dir / "lock"

    @property
    def redis_conf(self) -> Path:
        """Configuration that the embedded server was started with."""
        return self.redis_dir / "server.conf"

    @property
    def redis_data(self) -> Path:
        """Working directory of the embedded server: its append-only file."""
        return self.redis_dir / "data"

    @property
    def redis_socket(self) -> Path:
        """Socket of the embedded server, unless the path is too long for one."""
        return self.redis_dir / "s"

    @property
    def redis_pid(self) -> Path:
        """Process id of the embedded server; a hint, never a proof."""
        return self.redis_dir / "pid"

    @property
    def redis_log(self) -> Path:
        """What the embedded server has to say."""
        return self.redis_dir / "log"

    @property
    def plan(self) -> Path:
        """The plan that people write, if there is one."""
        return self.root / "tasks.toml"

    @property
    def sync_base(self) -> Path:
        """What the plan and the town said when they last agreed."""
        return self.dot / "sync.json"

    @property
    def rounds_dir(self) -> Path:
        """One folder for each round."""
        return self.dot / "rounds"

    def round_dir(self, round_id: str) -> Path:
        """Folder of one round: its prompt, spec, log and exit.

        Args:
            round_id: Whole id of the round.

        Raises:
            InvalidValueError: The text is not the id of a round, so it must not become part of a path.
        """
        return self.rounds_dir / _checked(round_id, IdKind.ROUND)

    @property
    def prompts(self) -> Path:
        """Prompts outside rounds: the conductor's."""
        return self.dot / "prompts"

    @property
    def conductor_prompt(self) -> Path:
        """What the conductor's CLI is told when its conversation begins."""
        return self.prompts / "conductor.md"

    @property
    def node_dir(self) -> Path:
        """Folder of the one node of this town on this machine."""
        return self.dot / "node"

    @property
    def node_lock(self) -> Path:
        """Locked by the node for as long as it lives."""
        return self.node_dir / "lock"

    @property
    def node_pid(self) -> Path:
        """Process id of the node; a hint, never a proof."""
        return self.node_dir / "pid"

    @property
    def node_clock(self) -> Path:
        """Since when the machine's clock has run without a jump, as the node has seen it."""
        return self.node_dir / "clock.json"

    @property
    def node_log(self) -> Path:
        """What the node has to say."""
        return self.node_dir / "log"

    @property
    def connection(self) -> Path:
        """How the node reaches its server, with the password, mode 0600. Rounds read it; nothing shows it."""
        return self.node_dir / "connection.json"

    @property
    def node_settings(self) -> Path:
        """The last `tinytown.toml` that the node could read, mode 0600; rounds fall back on it."""
        return self.node_dir / "settings.toml"

    @property
    def trash(self) -> Path:
        """Workspaces that were moved away before they are deleted."""
        return self.dot / "trash"

    @property
    def workspaces(self) -> Path:
        """Git worktrees of agents, each in a folder of the agent's name."""
        return self.dot / "workspaces"

    def workspace(self, name: str) -> Path:
        """Git worktree of the agent of a name, which is a checked one: it becomes part of a path."""
        return self.workspaces / name

    def workspace_note(self, name: str) -> Path:
        """What is known of a worktree. No agent's name has a dot, so it stands in nobody's way."""
        return self.workspaces / f"{name}.json"

    def workspace_lock(self, name: str) -> Path:
        """Locked by whoever makes or removes a worktree."""
        return self.workspaces / f"{name}.lock"

    @property
    def checkouts(self) -> Path:
        """Clean checkouts for gates. They hold nobody's work, so they lie apart from the agents' worktrees."""
        return self.dot / "checkouts"

    @property
    def agents_env_dir(self) -> Path:
        """Variables that `spawn` handed over, one 0600 file for each agent."""
        return self.dot / "env"

    @property
    def spawns_dir(self) -> Path:
        """Notes of agents that are being spawned, one for each name, gone when that is over."""
        return self.dot / "spawns"

    def agent_env(self, agent_id: str) -> Path:
        """File of variables of one agent.

        Raises:
            InvalidValueError: The text is not the id of an agent.
        """
        return self.agents_env_dir / f"{_checked(agent_id, IdKind.AGENT)}.json"


def _checked(text: str, kind: IdKind) -> str:
    if not looks_like_id(text) or kind_of(text) is not kind:
        raise InvalidValueError(
            what=f"{kind.name.lower()} id", detail=f"{text[:40]!r} is not one", hint="use an id that `tt` printed"
        )
    return text


@attrs.frozen
class UserPaths:
    """Every file of one user, across towns.

    Attributes:
        home: Absolute path of the folder, ``~/.tt`` unless moved.
    """

    home: Path

    @property
    def config(self) -> Path:
        """Settings of the user for all towns."""
        return self.home / "config.toml"

    @property
    def registry(self) -> Path:
        """Towns that were made or used on this machine."""
        return self.home / "towns.toml"

    @property
    def credentials(self) -> Path:
        """Passwords of servers, mode 0600."""
        return self.home / "credentials.toml"

    @property
    def bin(self) -> Path:
        """Programs that `tt bootstrap` fetched."""
        return self.home / "bin"

    @property
    def bootstrap(self) -> Path:
        """Where `tt bootstrap` works, and what it knows of the programs that it fetched."""
        return self.home / "bootstrap"


def user_home(env: Mapping[str, str] | None = None) -> UserPaths:
    """Find the user's folder: ``TINYTOWN_HOME``, else ``~/.tt``. Makes nothing.

    Args:
        env: Environment; that of the process when left out.

    Raises:
        ConfigError: Neither ``TINYTOWN_HOME`` nor a home directory is known.
    """
    env = os.environ if env is None else env
    if moved := env.get("TINYTOWN_HOME"):
        return UserPaths(Path(os.path.abspath(moved)))  # noqa: PTH100 - resolving links would surprise here
    if home := env.get("HOME"):
        return UserPaths(Path(home) / DOT)
    try:
        return UserPaths(Path.home() / DOT)
    except RuntimeError:
        raise ConfigError(path="~/.tt", detail="no home directory is known", hint="set `TINYTOWN_HOME`") from None

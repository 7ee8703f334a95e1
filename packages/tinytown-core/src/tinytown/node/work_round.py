"""One round of an agent as its node holds it, and what belongs to it: adapter, gates, files."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import attrs

from tinytown.config.agent_clis import AgentCliConfig
from tinytown.domain.gates import gates_for
from tinytown.domain.records import Agent, Gate, Round, Task
from tinytown.hookspecs.values import AgentSpec, Capability, RoundSpec
from tinytown.node.context import NodeContext
from tinytown.node.follow import Followed
from tinytown.node.launch.rounds import RoundProcess
from tinytown.node.processes import Identity
from tinytown.plugins.adapters import Adapter
from tinytown.plugins.reading import Reading

INSTANCE = "instance"
"""Name of the file in a round's folder that says which copy of the town it belongs to."""
PROMPT = "prompt.md"
AGENT = "agent.json"
"""Name of the file with what an adopting node cannot learn from the records."""


@attrs.define(kw_only=True)
class WorkRound:
    """One round of an agent.

    Attributes:
        node: The node.
        agent: The agent, as it was when the round began.
        live: The round's record.
        task: Its task, or None.
        adapter: What drives its agent CLI.
        spec: The agent as the adapter sees it.
        followed: Its process while it goes on.
        workspace: Where it works.
        head: The commit that was checked out there when the round began; None where that cannot be told.
        said: The verb by which it has spoken of its task, as far as is known here; empty for none.
        shown: Where its mail stands in its prompt, and since when; as `RoundReport` has it.
    """

    node: NodeContext
    agent: Agent
    live: Round
    task: Task | None
    adapter: Adapter
    spec: AgentSpec
    reading: Reading
    followed: Followed | None = None
    workspace: Path | None = None
    head: str | None = None
    said: str = ""
    shown: Mapping[str, Any] | None = None

    @property
    def directory(self) -> Path:
        """The round's own folder."""
        return self.node.paths.round_dir(self.live.id)

    @property
    def options(self) -> AgentCliConfig | None:
        """The table of a command line of the user's own."""
        return self.node.config.agent_clis.get(self.agent.cli)


@functools.cache
def _loaded(cli: str, *, own: bool) -> Adapter:
    """Load an adapter once: its plugin manager costs each round a millisecond. What fails is tried again."""
    return Adapter.for_cli(cli, (cli,) if own else ())


def load_adapter(node: NodeContext, agent: Agent) -> tuple[Adapter, AgentSpec]:
    """Load the adapter of an agent and describe the agent to it.

    Raises:
        PluginNotFoundError: There is none.
        PluginBrokenError: It cannot be used.
    """
    own = node.config.agent_clis
    adapter = _loaded(agent.cli, own=agent.cli in own)
    options = attrs.asdict(own[agent.cli], recurse=False) if agent.cli in own else {}
    session = agent.session_id if adapter.can(Capability.RESUME) else None
    spec = AgentSpec(
        id=agent.id,
        name=agent.name,
        role=agent.role,
        cli=agent.cli,
        model=agent.model,
        session_id=session,
        options=options,
    )
    return adapter, spec


def round_spec(work: WorkRound, size: int, tt: str, names: frozenset[str]) -> RoundSpec:
    """Describe the round to its adapter."""
    return RoundSpec(
        id=work.live.id,
        prompt_path=work.directory / PROMPT,
        prompt_bytes=size,
        workspace=work.workspace or work.node.root,
        round_dir=work.directory,
        tt_path=tt,
        task_id=work.live.task_id,
        env_names=names,
        as_root=os.geteuid() == 0,
    )


def gates_of(node: NodeContext, task: Task | None) -> tuple[Gate, ...]:
    """Give the gates of a round's task; none where it has no task."""
    return () if task is None else gates_for(node.config.gates, task.gates)


def follow(work: WorkRound, shim: Identity | None = None) -> None:
    """Begin to follow the process of a round that was launched or adopted."""
    options = work.options
    stall = options.stall_timeout_secs if options and options.stall_timeout_secs else None
    stall_secs = work.node.config.agent.stall_timeout_secs if stall is None else stall
    work.followed = Followed(RoundProcess(work.directory, shim), work.reading.feed, stall_secs=stall_secs)


def is_foreign(node: NodeContext, directory: Path) -> bool:
    """Say whether a round's folder came along from another copy of the town, whose processes are not ours to touch."""
    try:
        return (directory / INSTANCE).read_text() != node.instance
    except FileNotFoundError:
        return False


def log_of(directory: Path) -> str | None:
    """Give the path of a round's output, if there is any."""
    return str(directory / "log") if (directory / "log").exists() else None


def kept_of(directory: Path) -> dict[str, Any]:
    """Read what the node that began a round has kept for one that adopts it; nothing where it is damaged."""
    try:
        found: Any = json.loads((directory / AGENT).read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}

"""What every operation of a town needs to know: where it is, how it is set up, who acts, and its node."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypedDict, cast

import attrs

from tinytown.config.paths import TownPaths
from tinytown.domain.ids import CONDUCTOR_ID
from tinytown.errors import NodeStartError

if TYPE_CHECKING:
    from tinytown.config.server_source import ServerChoice
    from tinytown.config.town import TownConfig


class ActorFields(TypedDict, total=False):
    """The arguments by which every changing call names who acts."""

    round_id: str | None
    by: str | None


@attrs.frozen(kw_only=True)
class Actor:
    """Who says a verb: a live round, or somebody else by a name for the history.

    Attributes:
        round_id: The round that a command runs in.
        agent_id: The agent of that round.
        task_id: The task of that round.
        by: What the history calls it where no round acts: ``person`` or ``conductor``.
    """

    round_id: str | None = None
    agent_id: str | None = None
    task_id: str | None = None
    by: str = "person"

    @property
    def fields(self) -> ActorFields:
        """The arguments by which calls name the actor."""
        return {"round_id": self.round_id} if self.round_id else {"by": self.by}


def actor_from(env: Mapping[str, str]) -> Actor:
    """Tell who acts by the variables that a round, or the conductor's conversation, is given."""
    agent = env.get("TINYTOWN_AGENT_ID") or None
    if round_id := env.get("TINYTOWN_ROUND_ID"):
        return Actor(round_id=round_id, agent_id=agent, task_id=env.get("TINYTOWN_TASK_ID") or None)
    if agent == CONDUCTOR_ID:
        return Actor(agent_id=agent, by="conductor")
    return Actor()


class NodeControl(Protocol):
    """The node of this town on this machine: the module `tinytown.node.control`, or a stand-in."""

    def ensure_node(self, paths: TownPaths, *, env: Mapping[str, str]) -> None:
        """Start the node if none runs; return when it has its lock and has joined."""
        ...

    def node_runs(self, paths: TownPaths) -> bool:
        """Say by its lock whether the node runs."""
        ...

    def node_identity(self, paths: TownPaths) -> str:
        """Give the stable id of this folder's node."""
        ...

    def was_stopped(self, paths: TownPaths) -> bool:
        """Say whether the node was stopped on purpose, so that only `start_node` and `spawn` start it again."""
        ...

    def stop_node(self, paths: TownPaths, *, timeout: float, now: bool) -> bool:
        """Ask the node to stop and wait until it has."""
        ...


class NoNode:
    """The node of a town that can have none: one in the memory of this process."""

    IDENTITY = "n-00000000"

    def ensure_node(self, paths: TownPaths, *, env: Mapping[str, str]) -> None:  # noqa: ARG002 - as NodeControl has it
        """Say that there is none.

        Raises:
            NodeStartError: Always.
        """
        raise NodeStartError(detail="a town in memory has no node", hint="use a town with a server")

    def node_runs(self, paths: TownPaths) -> bool:  # noqa: ARG002 - as NodeControl has it
        """It never does."""
        return False

    def node_identity(self, paths: TownPaths) -> str:  # noqa: ARG002 - as NodeControl has it
        """Give an id that no real node has."""
        return self.IDENTITY

    def was_stopped(self, paths: TownPaths) -> bool:  # noqa: ARG002 - as NodeControl has it
        """Nobody can."""
        return False

    def stop_node(self, paths: TownPaths, *, timeout: float, now: bool) -> bool:  # noqa: ARG002 - as NodeControl has it
        """There is nothing to stop."""
        return False


class LocalNode:
    """The node of a real town, by `tinytown.node.control`, which is imported at the first need."""

    def ensure_node(self, paths: TownPaths, *, env: Mapping[str, str]) -> None:
        """Start the node if none runs."""
        _control().ensure_node(paths, env=env)

    def node_runs(self, paths: TownPaths) -> bool:
        """Say by its lock whether the node runs; a town that never had one has no lock."""
        return paths.node_lock.exists() and _control().node_runs(paths)

    def node_identity(self, paths: TownPaths) -> str:
        """Give the stable id of this folder's node."""
        return _control().node_identity(paths)

    def was_stopped(self, paths: TownPaths) -> bool:
        """Say whether the node was stopped on purpose."""
        return _control().was_stopped(paths)

    def stop_node(self, paths: TownPaths, *, timeout: float, now: bool) -> bool:
        """Ask the node to stop and wait until it has."""
        return _control().stop_node(paths, timeout=timeout, now=now)


def _control() -> NodeControl:
    return cast("NodeControl", import_module("tinytown.node.control"))


@attrs.define(kw_only=True)
class TownContext:
    """The town as its operations see it.

    Attributes:
        root: Absolute path of the town's folder.
        config: Its settings.
        paths: Its files.
        server: Which server it uses and why.
        actor: Who acts.
        env: Environment of the caller.
        node_control: Starts, finds and stops the node of this machine.
        starts: Whether a node may be started when work is added.
        node_grace_secs: How long a wait gives a node that is being started before it says that there is none.
        notices: Sentences for a person that an operation left, besides its answer; the doors print and empty them.
    """

    root: Path
    config: TownConfig
    paths: TownPaths
    server: ServerChoice
    actor: Actor = attrs.Factory(Actor)
    env: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=False)
    node_control: NodeControl = attrs.Factory(NoNode)
    starts: bool = True
    node_grace_secs: float = 5.0
    notices: list[str] = attrs.field(factory=list[str])

    @property
    def name(self) -> str:
        """Name of the town."""
        return self.config.name

    @property
    def in_round(self) -> bool:
        """Whether a round acts; then nothing is ever started."""
        return self.actor.round_id is not None

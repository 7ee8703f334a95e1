"""Landing the branch of an agent by hand, and the list of worktrees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from tinytown.domain.records import Agent
from tinytown.errors import NotFoundError
from tinytown.services import checks
from tinytown.services.context import TownContext
from tinytown.services.ended_agents import people_only
from tinytown.services.looking import show_as
from tinytown.services.steps import Steps, ask, local
from tinytown.services.worktrees import in_loop
from tinytown.storage.calls import agents as agent_calls

if TYPE_CHECKING:
    from tinytown.node.workspaces.landing import Landed

ROUNDS = 100
"""So many of an agent's last rounds are looked at for the tasks of what is landed."""


def land(
    context: TownContext, agent: str, *, into: str | None = None, message: str | None = None, dry_run: bool = False
) -> Steps[Landed]:
    """Merge the branch of an agent's worktree into another branch.

    Nothing is checked out for it; where the target is checked out, that checkout follows. What the agent has not
    committed is not landed. Landing it again says that it is landed.

    Args:
        context: The town.
        agent: The agent; or, after it was pruned, the name that it had.
        into: The branch that takes it in; by default the one that the worktree began at.
        message: Message of the merge commit, in front of the names of agent and tasks.
        dry_run: Only say what would be done.

    Returns:
        What was, or would be, landed.

    Raises:
        NotFoundError: There is no such agent or branch.
        RefusedError: The branches conflict, local changes are in the way, or a round asks; nothing was changed.
    """
    from tinytown.node.workspaces.landing import Landing
    from tinytown.node.workspaces.landing import land as land_branch
    from tinytown.node.workspaces.note import read_note

    people_only(context, "land work")
    target, text = checks.line(into, what="into"), None if message is None else checks.body(message, what="message")
    ref = checks.ref(agent, what="agent")
    heads: list[tuple[str, str]] = []
    name = ref
    try:
        found = yield from show_as(Agent, "agent", ref)
    except NotFoundError:
        if not (yield from local(lambda: _has_branch(context, ref))):
            raise
    else:
        name = found.name
        last = (yield from ask(agent_calls.rounds(found.id, limit=ROUNDS))).items
        heads = [(one.task_id, one.head_after) for one in last if one.task_id and one.head_after]
    note = yield from local(lambda: read_note(context.paths.workspace_note(name)))
    branch = note.branch if note is not None else f"{context.config.workspace.branch_prefix}{name}"
    began = note.base if note is not None and note.base != "HEAD" else None
    if target is None and began and (yield from local(lambda: _is_branch(context, began))):
        target = began
    wanted = Landing(
        root=context.root,
        agent=name,
        branch=branch,
        into=target,
        message=text,
        heads=heads,
        worktree=context.paths.workspace(name),
    )
    return (yield from local(lambda: in_loop(lambda: land_branch(wanted, dry_run=dry_run))))


def _has_branch(context: TownContext, name: str) -> bool:
    return _is_branch(context, f"{context.config.workspace.branch_prefix}{name}")


def _is_branch(context: TownContext, branch: str) -> bool:
    from tinytown.node.git import GitError, Repository

    async def look() -> bool:
        try:
            await Repository(context.root).run("rev-parse", "--verify", "-q", f"refs/heads/{branch}")
        except GitError:
            return False
        return True

    return in_loop(look)


@attrs.frozen(kw_only=True)
class Workspace:
    """A worktree of an agent.

    Attributes:
        agent: Name of the agent.
        agent_id: Its id.
        agent_state: The word by which people see it; None where it is not on the books any more.
        branch: Its branch.
        base: What it began at.
        path: Where it lies.
        ready: Whether rounds may work in it.
        first_port: First port of its block; 0 for none.
        ports: Length of the block.
    """

    agent: str
    agent_id: str
    agent_state: str | None
    branch: str
    base: str
    path: str
    ready: bool
    first_port: int
    ports: int


def workspaces(context: TownContext) -> Steps[tuple[Workspace, ...]]:
    """List the worktrees of the town's agents on this machine, by name."""
    from tinytown.node.workspaces.note import notes
    from tinytown.services.ended_agents import all_agents, shown_state

    known = yield from local(lambda: list(notes(context.paths)))
    states = {agent.id: shown_state(agent) for agent in (yield from all_agents())} if known else {}
    return tuple(
        Workspace(
            agent=note.agent,
            agent_id=note.agent_id,
            agent_state=states.get(note.agent_id),
            branch=note.branch,
            base=note.base,
            path=str(context.paths.workspace(note.agent)),
            ready=note.ready,
            first_port=note.first_port,
            ports=note.ports,
        )
        for note in known
    )

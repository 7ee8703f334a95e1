"""What the node does about errors that it cannot handle: it knows a full disk, and gives up what fails each time."""

from __future__ import annotations

import errno
import os
from typing import cast

from tinytown.domain.ids import IdKind
from tinytown.domain.outcomes import Outcome
from tinytown.domain.records import Agent, Round
from tinytown.errors import NotFoundError
from tinytown.node import gates
from tinytown.node.context import NodeContext, log
from tinytown.node.launch.recovery import end_process
from tinytown.node.report import end_unfollowed
from tinytown.node.work_round import is_foreign
from tinytown.storage.calls import agents, town

GIVE_UP_AFTER = 3
"""So many times in a row the node tries again what went wrong inside itself."""
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
_WORDS = tuple(os.strerror(number) for number in NO_ROOM)


def no_room(error: BaseException) -> bool:
    """Say whether a full disk or a spent quota is behind an error, however many others were made of it.

    Git and the launcher only pass the system's words on.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in NO_ROOM:
            return True
        if any(words in str(seen) for words in _WORDS):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


async def give_up_round(node: NodeContext, live: Round) -> None:
    """End a round at which the node failed again and again, and ask a person; its task goes back to its agent."""
    detail = _sentence(node, f"round {live.id}")
    log.error("%s", detail)
    if live.kind == "gate":
        await gates.drop(node, live, "unavailable", Outcome.START_FAILED, detail)
        return
    directory = node.paths.round_dir(live.id)
    if not is_foreign(node, directory):
        await end_process(directory)
    await end_unfollowed(node, live, Outcome.START_FAILED, detail)


async def give_up_agent(node: NodeContext, ref: str) -> None:
    """Hold back an agent for whom the node failed again and again to begin a round, and ask a person."""
    if not ref.startswith(f"{IdKind.AGENT.value}-"):
        return
    detail = _sentence(node, "this agent")
    log.error("%s: %s", ref, detail)
    try:
        agent = cast("Agent", (await node.run(town.show(ref, "agent"))).record)
    except NotFoundError:
        return
    await node.run(agents.error(agent.id, agent.incarnation, detail, node_id=node.node_id, nonce=node.nonce))


def _sentence(node: NodeContext, what: str) -> str:
    return f"the node failed {GIVE_UP_AFTER} times at {what}; its log `{node.paths.node_log}` says how"

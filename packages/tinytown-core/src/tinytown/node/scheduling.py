"""Let idle agents take work from the backlog, as the scheduler plugin decides."""

from __future__ import annotations

import functools

from tinytown.crash import point
from tinytown.errors import TinytownError
from tinytown.hookspecs.snapshot import IdleAgent, ReadyTask, TownSnapshot
from tinytown.node.context import NodeContext, log
from tinytown.plugins.schedulers import Scheduler
from tinytown.storage.calls import nodes, tasks


@functools.cache
def _scheduler(name: str) -> Scheduler:
    return Scheduler.load(name)


async def claim_backlog(node: NodeContext, free: int) -> bool:
    """Assign ready tasks to idle agents of this node.

    Args:
        node: The node.
        free: How many more rounds may begin.

    Returns:
        Whether anything was assigned.
    """
    seen = await node.run(nodes.snapshot(node.node_id, limit=200))
    if not seen.agents or not seen.tasks:
        return False
    snapshot = TownSnapshot(
        agents=tuple(IdleAgent(id=agent.id, name=agent.name, role=agent.role) for agent in seen.agents),
        tasks=tuple(
            ReadyTask(id=task.id, role=task.role, tags=task.tags, seq=task.seq, mission_id=task.mission_id)
            for task in sorted(seen.tasks, key=lambda task: task.seq)
        ),
    )
    decisions = _scheduler(node.config.scheduler).schedule(snapshot, seen.now)
    point("node.scheduled")
    assigned = False
    for decision in decisions[:free]:
        try:
            await node.run(tasks.assign(decision.task_id, decision.agent_id, by="scheduler", only_pending=True))
            assigned = True
        except TinytownError as error:
            log.info("another one was quicker: %s", error)
    return assigned

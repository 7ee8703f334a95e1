"""The one hook of a scheduler."""

from __future__ import annotations

from collections.abc import Sequence

from tinytown.hookspecs.markers import hookspec
from tinytown.hookspecs.snapshot import Decision, TownSnapshot


@hookspec(firstresult=True)
def tinytown_schedule(snapshot: TownSnapshot, now_ms: int) -> Sequence[Decision] | None:
    """Say which idle agent shall do which ready task.

    Called by the node when an agent becomes idle or a task becomes ready. Required. Stops at first non-None result;
    None means no assignment.

    Args:
        snapshot: Idle agents of this node and ready tasks.
        now_ms: Time in whole milliseconds since 1970, UTC.

    Rules:
        Pure: no clock, no storage, no randomness. Each agent and each task at most once, and only ids of the
        snapshot. At most 50 ms for 1,000 agents and 2,000 tasks.

    Example::

        @tinytown.hookimpl
        def tinytown_schedule(snapshot):
            pairs = zip(snapshot.tasks, snapshot.agents)
            return [tinytown.Decision(task_id=t.id, agent_id=a.id, reason="next in line") for t, a in pairs]
    """

"""What a node does beside its rounds, from time to time: it compares what is due, closes idle agents, and tidies up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection

import attrs

from tinytown.errors import StaleNodeError, TinytownError
from tinytown.node import gates, logs
from tinytown.node.context import NodeContext, log
from tinytown.storage.calls import agents, nodes

RECONCILE_SECS = 30.0
HOUSEKEEPING_SECS = 600.0
UNSETTLED_SECS = 5.0
CLOSED_AT_ONCE = 100


@attrs.frozen
class Upkeep:
    """The upkeep of a node.

    Attributes:
        context: The town as the node sees it.
        busy: What something goes on for, kept by the node.
        works: Ids of rounds of agents that go on, kept by the node.
        gates: Ids of gates that go on, kept by the node.
    """

    context: NodeContext
    busy: Collection[str]
    works: Collection[str]
    gates: Collection[str]

    async def reconcile(self, stale: Callable[[StaleNodeError], Awaitable[None]]) -> None:
        """Compare what is due with what there is, for ever; a repair is a bug that is told.

        Args:
            stale: Called when the server does not know this node as the one that holds its lease.
        """
        after: float | None = None
        after_task: float | None = None
        context = self.context
        while True:
            await asyncio.sleep(min(RECONCILE_SECS, context.config.agent.idle_timeout_secs or RECONCILE_SECS))
            try:
                found = await context.run(
                    nodes.reconcile(context.node_id, context.nonce, after=after, after_task=after_task)
                )
                await self._close_idle()
            except StaleNodeError as error:
                await stale(error)
                continue
            except TinytownError as error:
                log.warning("cannot compare what is due: %s", error)
                continue
            after, after_task = found.after, found.after_task
            if found.repaired:
                log.warning("had to put back what was due: %s", ", ".join(found.repaired))
                context.changed.set()

    async def _close_idle(self) -> None:
        """Close the agents that have had nothing to do for longer than they may; those idle longest come first."""
        limit_ms = self.context.config.agent.idle_timeout_secs * 1000
        if not limit_ms:
            return
        seen = await self.context.run(nodes.snapshot(self.context.node_id, limit=CLOSED_AT_ONCE))
        for agent in seen.agents:
            if agent.last_active_at and seen.now - agent.last_active_at > limit_ms and agent.id not in self.busy:
                log.info("`%s` was idle for more than %d s and is closed", agent.name, limit_ms // 1000)
                try:
                    await self.context.run(agents.want(agent.id, "close", by="idle_timeout"))
                except StaleNodeError:
                    raise
                except TinytownError as error:  # people were quicker
                    log.info("%s", error)

    async def tidy(self) -> None:
        """Remove what ended rounds have left, for ever."""
        while True:
            # A round that is being taken over still needs its folder.
            settled = len(self.busy) <= len(self.works) + len(self.gates)
            if settled:
                await self._sweep()
            await asyncio.sleep(HOUSEKEEPING_SECS if settled else UNSETTLED_SECS)

    async def _sweep(self) -> None:
        try:
            await gates.drop_checkouts(self.context, set(self.gates))
            await asyncio.to_thread(logs.prune, self.context.paths, self.context.config.logs, set(self.works))
        except OSError as error:
            log.warning("cannot clear up: %s", error)

"""What a node does beside its rounds, from time to time: it compares what is due, closes idle agents, and tidies up."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Collection

import attrs

from tinytown.errors import StaleNodeError, TinytownError
from tinytown.node import gates, logs
from tinytown.node.context import NodeContext, log
from tinytown.node.server_clock import ServerClock
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
        clock: The server's, watched by the node.
        busy: What something goes on for, kept by the node.
        works: Ids of rounds of agents that go on, kept by the node.
        gates: Ids of gates that go on, kept by the node.
    """

    context: NodeContext
    clock: ServerClock
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
            pause = min(RECONCILE_SECS, context.config.agent.idle_timeout_secs or RECONCILE_SECS)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.clock.set_back.wait(), pause)
            try:
                if self.clock.set_back.is_set():
                    await self._forget_waits()
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

    async def _forget_waits(self) -> None:
        """Let all that waits for a time of the server's clock go on, as that has gone back, page by page."""
        context = self.context
        log.warning("the server's clock went back; what waited for a time goes on")
        after: float | None = None
        after_task: float | None = None
        more = True
        while more:
            call = nodes.reconcile(context.node_id, context.nonce, after=after, after_task=after_task, set_back=True)
            found = await context.run(call)
            after, after_task = found.after, found.after_task
            more = after is not None or after_task is not None
        self.clock.set_back.clear()
        context.changed.set()

    async def _close_idle(self) -> None:
        """Close the agents that have had nothing to do for longer than they may; those idle longest come first.

        What counts is time that this node has seen pass: a clock that was set ahead closes nobody.
        """
        limit_ms = self.context.config.agent.idle_timeout_secs * 1000
        if not limit_ms:
            return
        asked = time.monotonic()
        seen = await self.context.run(nodes.snapshot(self.context.node_id, limit=CLOSED_AT_ONCE))
        self.clock.look(seen.now, asked=asked)
        for agent in seen.agents:
            idle_ms = self.clock.idle_ms(agent.last_active_at)
            if agent.last_active_at and idle_ms > limit_ms and agent.id not in self.busy:
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
        except (OSError, TinytownError) as error:
            log.warning("cannot clear up: %s", error)

"""How a node stops: no new rounds, patience, then every round is ended and handed back; or all is given up at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

import attrs

from tinytown.crash import point
from tinytown.errors import StorageRefusedError
from tinytown.node.context import NodeContext, log
from tinytown.node.follow import Followed
from tinytown.node.gates import GateRound
from tinytown.node.launch.rounds import RoundState
from tinytown.node.work_round import WorkRound
from tinytown.storage.calls import nodes

AGAIN_SECS = 1.0
SAY_SECS = 3.0
"""A node that is told to stop does not wait longer than this for a server that is away."""


@attrs.frozen
class Leaving:
    """The end of a node.

    Attributes:
        context: The town as the node sees it.
        parts: What goes on inside the node, one for each round; kept by the node.
        works: Rounds of agents that go on, kept by the node.
        gates: Gates that go on, kept by the node.
    """

    context: NodeContext
    parts: set[asyncio.Task[None]]
    works: Mapping[str, WorkRound]
    gates: Mapping[str, GateRound]

    async def stop(self, *, timeout_secs: float, now: bool) -> None:
        """Wait for the rounds that go on, end the rest with task and mail handed back, and leave.

        Args:
            timeout_secs: How long to wait before rounds are ended.
            now: End them at once.
        """
        point("node.stopping")
        await self._say("stopping")
        if self.parts and not now:
            await asyncio.wait(self.parts, timeout=timeout_secs)
        clock = asyncio.get_running_loop().time
        ends = clock() + SAY_SECS
        while self.parts:
            self._end_all(hurry=now)
            await asyncio.wait(self.parts, timeout=AGAIN_SECS)
            if any(followed.process.state() is RoundState.LIVE for followed in self._followed()):
                ends = clock() + SAY_SECS
            elif clock() > ends:
                log.warning("the server is away; the next node records how these rounds ended")
                self._cancel()
        await self._say("down")
        point("node.left")
        await self.context.launcher.close()

    async def abandon(self) -> None:
        """Another process has this node's lease: end what goes on here; nothing of it would be accepted."""
        for followed in self._followed():
            followed.end("taken over")
            await followed.process.wait()
        self._cancel()
        await asyncio.gather(*self.parts, return_exceptions=True)
        await self.context.launcher.close()

    async def _say(self, state: str) -> None:
        context = self.context
        with contextlib.suppress(TimeoutError, StorageRefusedError):
            await asyncio.wait_for(context.run(nodes.leave(context.node_id, context.nonce, state)), SAY_SECS)

    def _cancel(self) -> None:
        for part in self.parts:
            part.cancel()

    def _followed(self) -> list[Followed]:
        running = (*self.works.values(), *self.gates.values())
        rounds = [part.followed for part in running if part.followed is not None]
        return [*rounds, *self.context.setups.values()]

    def _end_all(self, *, hurry: bool) -> None:
        for followed in self._followed():
            if followed.asked in {None, "verdict"}:
                followed.end("stop")
            elif hurry:
                followed.end("hurry")

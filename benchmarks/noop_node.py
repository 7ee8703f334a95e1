"""A node whose rounds have no process: it takes, submits what it took, and records the end.

``python -m benchmarks.noop_node --town PATH`` prints one line per round that it took: nanoseconds since 1970 when the
round was handed out, then the ids of its mail. It leaves when its input ends.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from pathlib import Path
from typing import cast

from tinytown.config.paths import TownPaths
from tinytown.config.town import load_town
from tinytown.domain.ids import IdKind, new_id
from tinytown.domain.outcomes import Outcome
from tinytown.node.context import NodeContext
from tinytown.node.control import node_identity
from tinytown.node.launch.client import Launcher
from tinytown.node.town_node import TownNode
from tinytown.node.work_round import WorkRound
from tinytown.storage.calls import rounds, tasks
from tinytown.storage.calls.rounds import RoundReport
from tinytown.storage.embedded.server import ensure_server
from tinytown.storage.redis.plugin import open_async


class Spoken:
    """Stands for a round that the node follows: it hears what was said, and ends at once by itself."""

    def __init__(self) -> None:
        self.said = ""
        self.followed = self

    def end_after(self, seconds: float, why: str) -> None:
        """It has ended before."""


class NoopNode(TownNode):
    """As the real one, without processes."""

    async def _round(self, agent_id: str) -> None:
        context = self.context
        node, nonce = context.node_id, context.nonce
        limit = context.config.agent.taskless_rounds_per_hour
        take = rounds.take(new_id(IdKind.ROUND), agent_id, node_id=node, nonce=nonce, mail_rounds_per_hour=limit)
        bundle = await context.run(take)
        taken = time.time_ns()
        if bundle.round is None:
            return
        print(taken, *(message.id for message in bundle.messages), flush=bool(bundle.messages))
        ref = bundle.round.id
        self._works[ref] = cast("WorkRound", Spoken())
        if bundle.task is not None:
            await context.run(tasks.submit(bundle.task.id, round_id=ref))
        await context.run(rounds.end(ref, RoundReport(outcome=Outcome.OK), node_id=node, nonce=nonce))
        del self._works[ref]


async def run(root: Path) -> None:
    """Run until standard input ends."""
    paths = TownPaths(root)
    config = load_town(paths.config)
    server = ensure_server(paths, may_start=False)
    storage = open_async(server.url, config.name)

    async def revive() -> int:
        return 0

    context = NodeContext(
        paths=paths,
        config=config,
        storage=storage,
        node_id=node_identity(paths),
        nonce=secrets.token_hex(8),
        instance=server.instance.id,
        launcher=Launcher(),
        revive=revive,
    )
    node = NoopNode(context)
    running = asyncio.create_task(node.run())
    told = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    await asyncio.wait({running, told}, return_when=asyncio.FIRST_COMPLETED)
    await node.stop(timeout_secs=5, now=True)
    await running
    await storage.close()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[2])))

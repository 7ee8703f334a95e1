"""The one node of a town on this machine: it wakes on its bell, and runs up to `max_agents` rounds at a time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Coroutine

from tinytown.crash import point
from tinytown.domain.records import Agent, Round
from tinytown.errors import StaleNodeError, StorageRefusedError, TinytownError
from tinytown.node import gates, report, work
from tinytown.node.bells import heard
from tinytown.node.context import NodeContext, log
from tinytown.node.leaving import Leaving
from tinytown.node.prepare import make_ready
from tinytown.node.scheduling import claim_backlog
from tinytown.node.server_clock import ServerClock
from tinytown.node.trouble import GIVE_UP_AFTER, give_up_agent, give_up_round, no_room
from tinytown.node.upkeep import RECONCILE_SECS, Upkeep
from tinytown.node.work_round import WorkRound
from tinytown.storage.calls import nodes, tasks, town
from tinytown.storage.calls.answers import Pulled

BEAT_SECS = 5.0
BELL_MS = 20_000
LONGEST_SLEEP_SECS = 3600.0
AGAIN_SECS = 1.0


class TownNode:
    """Runs until it is told to stop.

    Args:
        context: The town as the node sees it.
    """

    def __init__(self, context: NodeContext) -> None:
        self.context = context
        self.stopping = asyncio.Event()
        self._works: dict[str, WorkRound] = {}
        self._gates: dict[str, gates.GateRound] = {}
        self._busy: set[str] = set()
        self._early: set[str] = set()
        self._preparing: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._run_id = ""
        self._failure: BaseException | None = None
        self._astray = False
        self._troubles: dict[str, int] = {}
        self._clock = ServerClock()
        self._leaving = Leaving(context, self._tasks, self._works, self._gates)

    @property
    def running(self) -> int:
        """How many rounds go on, or are about to; agents that are only made ready do not count."""
        return len(self._busy - self._preparing)

    async def run(self, *, ready: asyncio.Event | None = None) -> None:
        """Join, take over what an earlier node left, and work until `stopping` is set.

        Args:
            ready: Set as soon as the node has joined.

        Raises:
            StaleNodeError: Another process has taken over this node.
            StorageRefusedError: The server takes nothing from this node any more.
        """
        context = self.context
        await context.launcher.start()
        for live in await self._join():
            self._spawn(self._adopt(live), _key(live))
        if ready is not None:
            ready.set()
        upkeep = Upkeep(context, self._clock, self._busy, self._works, self._gates)
        helpers = [
            asyncio.create_task(part)
            for part in (self._listen(), self._beat(), upkeep.reconcile(self._stale), upkeep.tidy())
        ]
        for helper in helpers:
            helper.add_done_callback(self._note_failure)
        try:
            await self._work()
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)

    async def _join(self) -> tuple[Round, ...]:
        context = self.context
        self._run_id = await self._server_life()
        # The lock of this folder is ours, so whoever had this node's lease before is gone.
        call = nodes.join(
            context.node_id,
            name=socket.gethostname().split(".")[0].lower() or "node",
            pid=os.getpid(),
            host=socket.gethostname(),
            nonce=context.nonce,
            capacity=context.config.max_agents,
            force=True,
        )
        asked = time.monotonic()
        joined = await context.run(call)
        self._clock.look(joined.node.beat_at, asked=asked)
        if joined.set_back:
            self._clock.set_back.set()
        point("node.joined")
        return joined.rounds

    async def _server_life(self) -> str:
        try:
            return await self.context.storage.server_run_id()
        except TinytownError:
            return self._run_id

    # The main loop

    async def _work(self) -> None:
        context = self.context
        while not self.stopping.is_set() and self._failure is None and context.refused is None:
            context.changed.clear()
            sleep = LONGEST_SLEEP_SECS
            try:
                if self._astray:
                    await self._find_astray()
                pulled = await context.run(nodes.pull(context.node_id))
                point("node.pulled")
                sleep = await self._act(pulled)
            except StaleNodeError as error:
                await self._stale(error)
            except TinytownError as error:
                log.warning("%s", error)
                sleep = AGAIN_SECS
            if self.stopping.is_set() or context.refused is not None:
                break
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(context.changed.wait(), sleep)
        if failure := self._failure or context.refused:
            raise failure

    async def _act(self, pulled: Pulled) -> float:
        """Do what was pulled; gives the seconds until there is more to do even if no bell rings."""
        context = self.context
        for round_id in pulled.ends:
            await self._end(round_id)
        if self.stopping.is_set():
            return 0.0
        free = context.config.max_agents - self.running
        for agent in pulled.due:
            if agent.id in self._busy:
                continue
            if agent.state == "cold":
                self._preparing.add(agent.id)
                self._spawn(self._prepare(agent.id), agent.id)
            elif free > 0:
                free -= 1
                self._spawn(self._round(agent.id), agent.id)
        for task_id in pulled.verify:
            if free > 0 and task_id not in self._busy:
                free -= 1
                self._spawn(self._gate(task_id), task_id)
        if pulled.freed:
            await context.run(tasks.drain())
            context.changed.set()
        if pulled.backlog and context.config.auto_claim:
            await self._claim()
        if pulled.next_at is None:
            return LONGEST_SLEEP_SECS
        return min(LONGEST_SLEEP_SECS, max(0.01, (pulled.next_at - pulled.now) / 1000))

    async def _claim(self) -> None:
        free = self.context.config.max_agents - self.running
        if free > 0 and await claim_backlog(self.context, free):
            self.context.changed.set()

    async def _end(self, round_id: str) -> None:
        """End a live round that somebody wants to end; one that only spoke gets time to end by itself."""
        shown = (await self.context.run(town.show(round_id, "round"))).record
        if not isinstance(shown, Round) or shown.state != "live":
            return
        running = self._works.get(round_id) or self._gates.get(round_id)
        if running is None or running.followed is None:
            if _key(shown) not in self._busy:
                self._spawn(self._adopt(shown), _key(shown))
            else:
                self._early.add(round_id)
            return
        if shown.end_requested == "verdict":
            running.followed.end_after(self.context.config.agent.close_grace_secs, "verdict")
        elif running.followed.asked in {None, "verdict"}:
            running.followed.end(shown.end_requested or "order")

    # Rounds

    def _spawn(self, part: Coroutine[object, object, None], key: str) -> None:
        self._busy.add(key)

        async def guarded() -> None:
            try:
                await part
            except StaleNodeError as error:
                await self._stale(error)
            except StorageRefusedError as error:
                log.warning("a round is left as it is: %s", error)
            except Exception as error:  # noqa: BLE001 - one broken round must not end the others
                log.exception("a round went wrong inside the node")
                times = self._troubles.get(key, 0) + 1
                # A full disk is nobody's mistake, and is waited for.
                self._troubles[key] = min(times, GIVE_UP_AFTER - 1) if no_room(error) else times
                await asyncio.sleep(min(AGAIN_SECS * 2 ** (times - 1), RECONCILE_SECS))
                self._astray = True
            else:
                self._troubles.pop(key, None)
            finally:
                self._busy.discard(key)
                self.context.changed.set()

        task = asyncio.create_task(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _prepare(self, agent_id: str) -> None:
        try:
            shown = (await self.context.run(town.show(agent_id, "agent"))).record
            if isinstance(shown, Agent):
                await make_ready(self.context, shown)
                point("node.ready")
        finally:
            self._preparing.discard(agent_id)

    async def _round(self, agent_id: str) -> None:
        begun = await work.begin(self.context, agent_id)
        if begun is not None:
            await self._finish_work(begun)

    async def _finish_work(self, begun: WorkRound) -> None:
        self._works[begun.live.id] = begun
        self._look_again(begun.live.id)
        try:
            await report.finish(begun)
        finally:
            del self._works[begun.live.id]

    def _look_again(self, round_id: str) -> None:
        """Look at what is due once more if an order came before there was a process to end."""
        if round_id in self._early:
            self._early.discard(round_id)
            self.context.changed.set()

    async def _gate(self, task_id: str) -> None:
        begun = await gates.begin(self.context, task_id)
        if begun is not None:
            await self._finish_gate(begun)

    async def _finish_gate(self, begun: gates.GateRound) -> None:
        self._gates[begun.live.id] = begun
        self._look_again(begun.live.id)
        try:
            await gates.finish(begun)
        finally:
            del self._gates[begun.live.id]

    async def _adopt(self, live: Round) -> None:
        log.info("round %s of `%s` was left by an earlier node", live.id, live.agent)
        if live.kind == "gate":
            gate = await gates.adopt(self.context, live)
            if gate is not None:
                await self._finish_gate(gate)
            return
        begun = await work.adopt(self.context, live)
        if begun is not None:
            await self._finish_work(begun)

    # What goes on beside

    async def _listen(self) -> None:
        """Wait for the bell with one blocking read; nothing is polled."""
        context, after = self.context, "0"
        while True:
            try:
                name = f"bell:{context.node_id}"
                entries = await context.storage.read_stream(name, after=after, limit=100, block_ms=BELL_MS)
                if entries:
                    after = entries[-1][0]
                    if not heard(entries, self._works, context.config.agent.close_grace_secs):
                        context.changed.set()
            except TinytownError as error:
                log.warning("cannot hear the bell: %s", error)
                context.ends_with(error)
                context.server_pid = await context.revive()
                await asyncio.sleep(AGAIN_SECS)
                after = "0"
                await self._after_reconnect()

    async def _after_reconnect(self) -> None:
        """On another life of the server the lease is asserted again, and every live round is looked at."""
        run_id = await self._server_life()
        if run_id != self._run_id:
            log.info("the server was restarted; asserting this node's lease again")
            await self._assert_again()
        self.context.changed.set()

    async def _assert_again(self) -> None:
        """Join again, and end the rounds that the server has lost: nothing of them would be accepted."""
        known = {live.id for live in await self._join()}
        for round_id, running in {**self._works, **self._gates}.items():
            if round_id not in known and running.followed is not None:
                log.warning("the server has forgotten round %s; ending it", round_id)
                running.followed.end("forgotten")

    async def _stale(self, error: StaleNodeError) -> None:
        """Give up if another process has this node's lease; a server that lost its data is told again who we are."""
        context = self.context
        known = [node for node in (await context.run(nodes.listing())).items if node.id == context.node_id]
        if known and known[0].nonce != context.nonce:
            self._failure = error
        else:
            log.warning("the server has forgotten this node; joining again")
            kept = context.config.events.max_events
            await context.run(town.claim(context.config.name, context.instance, max_events=kept))
            await self._assert_again()
        context.changed.set()

    async def _find_astray(self) -> None:
        """Take up the rounds on record for this node that nobody here follows, for example after an error in ours."""
        self._astray = False
        hopeless = {key for key, times in self._troubles.items() if times >= GIVE_UP_AFTER and key not in self._busy}
        for live in await self._join():
            key = _key(live)
            if live.id in self._works or live.id in self._gates or key in self._busy:
                continue
            give_up = key in hopeless
            hopeless.discard(key)
            self._spawn(give_up_round(self.context, live) if give_up else self._adopt(live), key)
        for key in hopeless:
            self._spawn(give_up_agent(self.context, key), key)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECS)
            context = self.context
            asked = time.monotonic()
            try:
                shown = await context.run(nodes.beat(context.node_id, context.nonce, running=self.running))
                self._clock.look(shown.beat_at, asked=asked)
            except StaleNodeError as error:
                await self._stale(error)
            except TinytownError as error:  # a key that another program wrote must not end the node
                log.warning("%s", error)

    def _note_failure(self, helper: asyncio.Task[None]) -> None:
        if not helper.cancelled() and helper.exception() is not None:
            self._failure = helper.exception()
            self.context.changed.set()

    # Stopping

    async def abandon(self) -> None:
        """Another process has this node's lease: end what goes on here; nothing of it would be accepted."""
        await self._leaving.abandon()

    async def stop(self, *, timeout_secs: float, now: bool) -> None:
        """Take no new rounds, wait for those that go on, end the rest with task and mail handed back, and leave.

        Args:
            timeout_secs: How long to wait before rounds are ended.
            now: End them at once.
        """
        self.stopping.set()
        self.context.changed.set()
        await self._leaving.stop(timeout_secs=timeout_secs, now=now)


def _key(live: Round) -> str:
    """What is busy with a round: its agent, or the task that a gate checks."""
    return (live.task_id if live.kind == "gate" else live.agent_id) or live.id

"""The asyncio face of a town: `AsyncTown` has the verbs of `Town`, to be awaited."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar, overload

from tinytown.services.faces import Late, async_verb
from tinytown.services.opening import Opened, open_town
from tinytown.services.servers import open_async_storage
from tinytown.services.steps import Once, Patience, Steps, drive_async

if TYPE_CHECKING:
    from tinytown.config.paths import TownPaths
    from tinytown.config.server_source import ServerChoice
    from tinytown.config.town import TownConfig
    from tinytown.domain.records import Agent, Event, Task
    from tinytown.services.context import Actor, NodeControl, TownContext
    from tinytown.storage.protocol import AsyncStorage

if TYPE_CHECKING:
    from tinytown.services import agents as agent_ops
    from tinytown.services import backlog as backlog_ops
    from tinytown.services import (
        clearing_worktrees,
        editing,
        landing,
        looking,
        migrating,
        naming,
        planning,
        pruning,
        reclaiming,
        recovering,
        resetting,
        restoring,
        saving,
        syncing,
        tracing,
        waiting,
        watching,
    )
    from tinytown.services import conducting as conductor_ops
    from tinytown.services import mail as mail_ops
    from tinytown.services import nodes as node_ops
    from tinytown.services import people as people_ops
    from tinytown.services import tasks as task_ops
    from tinytown.services import why as reasons
else:
    agent_ops, mail_ops, node_ops = (Late(f"tinytown.services.{name}") for name in ("agents", "mail", "nodes"))
    backlog_ops = Late("tinytown.services.backlog")
    people_ops, task_ops, reasons = (Late(f"tinytown.services.{name}") for name in ("people", "tasks", "why"))
    looking, waiting, watching = (Late(f"tinytown.services.{name}") for name in ("looking", "waiting", "watching"))
    naming, tracing = Late("tinytown.services.naming"), Late("tinytown.services.tracing")
    migrating = Late("tinytown.services.migrating")
    pruning, reclaiming, recovering, resetting = (
        Late(f"tinytown.services.{name}") for name in ("pruning", "reclaiming", "recovering", "resetting")
    )
    editing, planning, syncing = (Late(f"tinytown.services.{name}") for name in ("editing", "planning", "syncing"))
    landing, clearing_worktrees = (Late(f"tinytown.services.{name}") for name in ("landing", "clearing_worktrees"))
    conductor_ops = Late("tinytown.services.conducting")
    restoring, saving = (Late(f"tinytown.services.{name}") for name in ("restoring", "saving"))

T = TypeVar("T")


class AsyncTown:
    """A town for asyncio. Make one with ``await AsyncTown.open()``; the verbs are those of `Town`, word for word.

    Args:
        context: What the operations need to know.
        storage: Where the calls go.
        patience: What to do when the server does not answer; made anew for each verb.

    Example::

        async with await AsyncTown.open() as town:
            await town.spawn("w1", cli="claude")
            task = await town.assign("w1", "Repair the failing test")
            print((await town.wait(task)).result)
    """

    def __init__(self, context: TownContext, storage: AsyncStorage, *, opened: Opened | None = None) -> None:
        self.context = context
        self.storage = storage
        self._opened = opened

    @classmethod
    async def init(
        cls,
        path: str | Path | None = None,
        *,
        name: str | None = None,
        redis_url: str | None = None,
        cli: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Self:
        """Make a town in a folder and open it; as `Town.init`."""
        from tinytown.services.making import plan_town

        known = os.environ if env is None else env
        new = await asyncio.to_thread(lambda: plan_town(path, name=name, redis_url=redis_url, cli=cli, env=known))
        with new.alone():
            town = await cls._of(await asyncio.to_thread(lambda: open_town(env=known, new=new)))
            try:
                town.context.notices += await asyncio.to_thread(new.finish, known, town.context.server)
            except BaseException:
                await town.close()
                raise
        return town

    @classmethod
    async def open(
        cls,
        path: str | Path | None = None,
        *,
        env: Mapping[str, str] | None = None,
        start: bool = True,
        node_control: NodeControl | None = None,
        unfinished: bool = False,
    ) -> Self:
        """Open a town; as `Town.open`."""
        return await cls._of(
            await asyncio.to_thread(
                lambda: open_town(path, env=env, start=start, node_control=node_control, unfinished=unfinished)
            )
        )

    @classmethod
    async def _of(cls, opened: Opened) -> Self:
        context = opened.context
        storage = open_async_storage(context.paths, context.name, context.server, opened.reach.url)
        town = cls(context, storage, opened=opened)
        if opened.claim is not None:
            try:
                await town.run_steps(opened.claim)
            except BaseException:
                await town.close()
                raise
        return town

    async def close(self) -> None:
        """Give back the connections. The town itself goes on."""
        await self.storage.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def run_steps(self, steps: Steps[T], *, operation: str | None = None) -> T:
        """Run an operation, under an operation id to repeat one whose outcome is unknown."""
        patience: Patience | None = self._opened.patience() if self._opened is not None else None
        return await drive_async(steps, self.storage, once=Once(operation), patience=patience)

    @property
    def root(self) -> Path:
        """Absolute path of the town's folder."""
        return self.context.root

    @property
    def name(self) -> str:
        """Name of the town."""
        return self.context.name

    @property
    def config(self) -> TownConfig:
        """Its settings."""
        return self.context.config

    @property
    def paths(self) -> TownPaths:
        """Its files."""
        return self.context.paths

    @property
    def server(self) -> ServerChoice:
        """Which server it uses and why."""
        return self.context.server

    @property
    def actor(self) -> Actor:
        """Who acts: a live round, a person, or the conductor."""
        return self.context.actor

    @property
    def notices(self) -> list[str]:
        """Sentences for a person that the last verbs left besides their answers, such as ``no_node``."""
        return self.context.notices

    async def node_runs(self) -> bool:
        """Say whether the town's node runs on this machine, by its lock."""
        return await asyncio.to_thread(node_ops.node_runs, self.context)

    async def follow(
        self,
        after: str | None = None,
        *,
        task: str | None = None,
        agent: str | None = None,
        type: str | None = None,  # noqa: A002 - the field's name
    ) -> AsyncIterator[Event]:
        """Give events as they happen, without end; as `Town.follow`."""
        chosen = await self.run_steps(watching.choose(task=task, agent=agent, type=type))
        position = after if after is not None else await self.run_steps(watching.now())
        names = naming.Names()
        patience = Patience.for_followers(self._opened.patience() if self._opened is not None else None)
        while True:
            steps = watching.next_events(position, chosen, names)
            position, found = await drive_async(steps, self.storage, patience=patience)
            for event in found:
                yield event

    @overload
    async def wait(self, ref: Task, *, timeout: float | None = None) -> Task: ...  # noqa: ASYNC109
    @overload
    async def wait(self, ref: Agent, *, timeout: float | None = None) -> Agent: ...  # noqa: ASYNC109
    @overload
    async def wait(self, ref: str, *, timeout: float | None = None) -> Task | Agent: ...  # noqa: ASYNC109
    async def wait(self, ref: str | Task | Agent, *, timeout: float | None = None) -> Task | Agent:  # noqa: ASYNC109
        """Wait for a task to be completed, or for an agent to have nothing left to do.

        An agent is done when it has no open task, no mail that starts a round and no backlog that it may claim, or
        when it is stopped.

        Args:
            ref: The task or agent: its id, its name, or the record itself.
            timeout: At most so many seconds; without an end when left out.

        Returns:
            The task or agent as it is then.

        Raises:
            WaitTimeoutError: The time ran out.
            EndedBadlyError: The task, or one of the agent's, failed or was cancelled.
            NeedsAttentionError: Only a person can move the rest; the sentence lists what.
        """
        return await self.run_steps(waiting.wait(self.context, ref, timeout=timeout))

    spawn = async_verb(agent_ops.spawn)
    agent = async_verb(looking.agent)
    agents = async_verb(agent_ops.agents_page)
    interrupt = async_verb(agent_ops.interrupt)
    resume = async_verb(agent_ops.resume)
    close_agent = async_verb(agent_ops.close_agent)
    kill = async_verb(agent_ops.kill)
    restart = async_verb(agent_ops.restart)
    prune = async_verb(pruning.prune)
    undo_prune = async_verb(clearing_worktrees.undo_prune)
    empty_trash = async_verb(clearing_worktrees.empty_trash)
    forget_refs = async_verb(clearing_worktrees.forget_refs)
    land = async_verb(landing.land)
    workspaces = async_verb(landing.workspaces)
    migrate = async_verb(migrating.migrate)
    reclaim = async_verb(reclaiming.reclaim)
    recover = async_verb(recovering.recover)
    reset = async_verb(resetting.reset)
    assign = async_verb(task_ops.assign)
    add_task = async_verb(task_ops.add_task)
    edit = async_verb(editing.edit)
    plan = async_verb(planning.plan)
    sync_push = async_verb(syncing.sync_push)
    sync_pull = async_verb(syncing.sync_pull)
    task = async_verb(looking.task)
    current = async_verb(task_ops.current)
    claim = async_verb(task_ops.claim)
    assign_all = async_verb(backlog_ops.assign_all)
    remove_from_backlog = async_verb(backlog_ops.remove)
    complete = async_verb(task_ops.complete)
    fail = async_verb(task_ops.fail)
    block = async_verb(task_ops.block)
    unblock = async_verb(task_ops.unblock)
    cancel = async_verb(task_ops.cancel)
    requeue = async_verb(task_ops.requeue)
    reopen = async_verb(task_ops.reopen)
    tasks = async_verb(task_ops.tasks_page)
    send = async_verb(mail_ops.send)
    inbox = async_verb(mail_ops.inbox)
    done = async_verb(mail_ops.done)
    attention = async_verb(people_ops.attention)
    answer = async_verb(people_ops.answer)
    dismiss = async_verb(people_ops.dismiss)
    conductor_brief = async_verb(conductor_ops.conductor_brief)
    prepare_conductor = async_verb(conductor_ops.prepare_conductor)
    why = async_verb(reasons.why)
    events = async_verb(watching.events)
    trace = async_verb(tracing.trace)
    rounds = async_verb(looking.rounds)
    log_file = async_verb(looking.log_file)
    status = async_verb(node_ops.status)
    nodes = async_verb(node_ops.nodes)
    start_node = async_verb(node_ops.start_node)
    stop = async_verb(node_ops.stop)
    save = async_verb(saving.save)
    restore = async_verb(restoring.restore)

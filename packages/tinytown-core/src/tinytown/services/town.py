"""A town as scripts and commands use it: `Town`, the synchronous face of every operation."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar, overload

from tinytown.services.faces import Late, verb
from tinytown.services.opening import Opened, open_town
from tinytown.services.servers import open_storage
from tinytown.services.steps import Once, Patience, Steps, drive

if TYPE_CHECKING:
    from tinytown.config.paths import TownPaths
    from tinytown.config.server_source import ServerChoice
    from tinytown.config.town import TownConfig
    from tinytown.domain.records import Agent, Event, Task
    from tinytown.services.context import Actor, NodeControl, TownContext
    from tinytown.storage.protocol import Storage

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


class Town:
    """A town: its agents, tasks, mail and history. Make one with `Town.init` or `Town.open`.

    Every method is one call on the town's storage unless it says that it waits. Errors are those of
    `tinytown.errors`; a refused call has changed nothing.

    Args:
        context: What the operations need to know.
        storage: Where the calls go.
        patience: What to do when the server does not answer.

    Attributes:
        operation: Id under which the next changing verb is sent, to repeat one whose outcome is unknown; used once.

    Example::

        with Town.open() as town:
            town.spawn("w1", cli="claude")
            task = town.assign("w1", "Repair the failing test")
            print(town.wait(task).result)
    """

    def __init__(self, context: TownContext, storage: Storage, *, patience: Patience | None = None) -> None:
        self.context = context
        self.storage = storage
        self.operation: str | None = None
        self._patience = patience

    @classmethod
    def init(
        cls,
        path: str | Path | None = None,
        *,
        name: str | None = None,
        redis_url: str | None = None,
        cli: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Self:
        """Make a town in a folder and open it.

        Args:
            path: The folder, made when missing; the working directory when left out.
            name: Its name; made of the folder's when left out.
            redis_url: Its server; by default ``REDIS_URL``, else a small server of its own.
            cli: Agent CLI of agents that name none.
            env: Environment; that of the process when left out.

        Raises:
            RefusedError: There is a town already.
            TownConflictError: The server holds a town of this name that belongs to another folder.
            StorageUnavailableError: The server does not answer.
        """
        from tinytown.services.making import plan_town

        env = os.environ if env is None else env
        new = plan_town(path, name=name, redis_url=redis_url, cli=cli, env=env)
        with new.alone():
            town = cls._of(open_town(env=env, new=new))
            try:
                town.context.notices += new.finish(env, town.context.server)
            except BaseException:
                town.close()
                raise
        return town

    @classmethod
    def open(
        cls,
        path: str | Path | None = None,
        *,
        env: Mapping[str, str] | None = None,
        start: bool = True,
        node_control: NodeControl | None = None,
        unfinished: bool = False,
    ) -> Self:
        """Open a town.

        Args:
            path: Its folder; by default ``TINYTOWN_TOWN``, else the nearest folder above with a `tinytown.toml`.
            env: Environment; that of the process when left out.
            start: Whether the town's own server and its node may be started.
            node_control: What starts the node of this machine, where it shall not be the ordinary one.
            unfinished: Open it though a `restore` was interrupted, to repeat that.

        Raises:
            NoTownError: There is no town.
            ConfigError: Its settings cannot be read.
            TownConflictError: The server holds a town of this name that belongs to another folder.
            TownUnfinishedError: A restore or a reset of it was interrupted.
            StorageUnavailableError: The server does not answer.
        """
        return cls._of(open_town(path, env=env, start=start, node_control=node_control, unfinished=unfinished))

    @classmethod
    def _of(cls, opened: Opened) -> Self:
        context = opened.context
        storage = open_storage(context.paths, context.name, context.server, opened.reach.url)
        town = cls(context, storage, patience=opened.patience())
        if opened.claim is not None:
            try:
                town.run_steps(opened.claim)
            except BaseException:
                town.close()
                raise
        return town

    def close(self) -> None:
        """Give back the connection. The town itself goes on."""
        self.storage.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def run_steps(self, steps: Steps[T]) -> T:
        """Run an operation; for those who add operations of their own."""
        once = Once(self.operation)
        try:
            return drive(steps, self.storage, once=once, patience=self._patience)
        finally:
            self.operation = once.left

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

    def node_runs(self) -> bool:
        """Say whether the town's node runs on this machine, by its lock."""
        return node_ops.node_runs(self.context)

    def follow(
        self,
        after: str | None = None,
        *,
        task: str | None = None,
        agent: str | None = None,
        type: str | None = None,  # noqa: A002 - the field's name
    ) -> Iterator[Event]:
        """Give events as they happen, without end; as `AsyncTown.follow`.

        Args:
            after: Begin after this event; only with what comes from now on when left out.
            task: Only those of this task.
            agent: Only those of this agent.
            type: Only this type, such as ``task.completed``, or all of a kind, such as ``task``.

        A server that goes away and comes back costs no event and repeats none.

        Raises:
            EventsTrimmedError: Events after ``after`` are no longer kept.
            StorageUnavailableError: The server did not answer for a minute.
        """
        chosen = self.run_steps(watching.choose(task=task, agent=agent, type=type))
        position = after if after is not None else self.run_steps(watching.now())
        names, patience = naming.Names(), Patience.for_followers(self._patience)
        while True:
            steps = watching.next_events(position, chosen, names)
            position, found = drive(steps, self.storage, patience=patience)
            yield from found

    @overload
    def wait(self, ref: Task, *, timeout: float | None = None) -> Task: ...
    @overload
    def wait(self, ref: Agent, *, timeout: float | None = None) -> Agent: ...
    @overload
    def wait(self, ref: str, *, timeout: float | None = None) -> Task | Agent: ...
    def wait(self, ref: str | Task | Agent, *, timeout: float | None = None) -> Task | Agent:
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
        return self.run_steps(waiting.wait(self.context, ref, timeout=timeout))

    spawn = verb(agent_ops.spawn)
    agent = verb(looking.agent)
    agents = verb(agent_ops.agents_page)
    interrupt = verb(agent_ops.interrupt)
    resume = verb(agent_ops.resume)
    close_agent = verb(agent_ops.close_agent)
    kill = verb(agent_ops.kill)
    restart = verb(agent_ops.restart)
    prune = verb(pruning.prune)
    undo_prune = verb(clearing_worktrees.undo_prune)
    empty_trash = verb(clearing_worktrees.empty_trash)
    forget_refs = verb(clearing_worktrees.forget_refs)
    land = verb(landing.land)
    workspaces = verb(landing.workspaces)
    migrate = verb(migrating.migrate)
    reclaim = verb(reclaiming.reclaim)
    recover = verb(recovering.recover)
    reset = verb(resetting.reset)
    assign = verb(task_ops.assign)
    add_task = verb(task_ops.add_task)
    edit = verb(editing.edit)
    plan = verb(planning.plan)
    sync_push = verb(syncing.sync_push)
    sync_pull = verb(syncing.sync_pull)
    task = verb(looking.task)
    current = verb(task_ops.current)
    claim = verb(task_ops.claim)
    assign_all = verb(backlog_ops.assign_all)
    remove_from_backlog = verb(backlog_ops.remove)
    complete = verb(task_ops.complete)
    fail = verb(task_ops.fail)
    block = verb(task_ops.block)
    unblock = verb(task_ops.unblock)
    cancel = verb(task_ops.cancel)
    requeue = verb(task_ops.requeue)
    reopen = verb(task_ops.reopen)
    tasks = verb(task_ops.tasks_page)
    send = verb(mail_ops.send)
    inbox = verb(mail_ops.inbox)
    done = verb(mail_ops.done)
    attention = verb(people_ops.attention)
    answer = verb(people_ops.answer)
    dismiss = verb(people_ops.dismiss)
    conductor_brief = verb(conductor_ops.conductor_brief)
    prepare_conductor = verb(conductor_ops.prepare_conductor)
    why = verb(reasons.why)
    events = verb(watching.events)
    trace = verb(tracing.trace)
    rounds = verb(looking.rounds)
    log_file = verb(looking.log_file)
    status = verb(node_ops.status)
    nodes = verb(node_ops.nodes)
    start_node = verb(node_ops.start_node)
    stop = verb(node_ops.stop)
    save = verb(saving.save)
    restore = verb(restoring.restore)

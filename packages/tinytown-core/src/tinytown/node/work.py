"""A work round: take, prompt, process, output, end. Each step can be repeated or recovered after a kill at any line."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from pathlib import Path
from typing import Any, cast

from tinytown.config.files import private_dir
from tinytown.crash import point
from tinytown.domain.ids import IdKind, new_id
from tinytown.domain.outcomes import Outcome
from tinytown.domain.records import Agent, Round, Task
from tinytown.errors import TinytownError
from tinytown.hookspecs.values import Capability, Stdin
from tinytown.node import processes
from tinytown.node.context import NodeContext, find_tt, log
from tinytown.node.environment import read_agent_env, round_environment
from tinytown.node.follow import LOST_OUTCOMES
from tinytown.node.git import GitError
from tinytown.node.head import read_head
from tinytown.node.launch.files import Spec, prepare, write_json
from tinytown.node.launch.recovery import recover
from tinytown.node.launch.rounds import RoundProcess
from tinytown.node.prompt import build_prompt
from tinytown.node.report import end_unfollowed, record
from tinytown.node.trouble import no_room
from tinytown.node.work_round import (
    AGENT,
    INSTANCE,
    PROMPT,
    WorkRound,
    follow,
    gates_of,
    is_foreign,
    kept_of,
    load_adapter,
    round_spec,
)
from tinytown.node.workspace import look_before, workspace_of
from tinytown.node.workspaces.setup import SetupInterruptedError
from tinytown.storage.calls import rounds, town
from tinytown.storage.calls.answers import Bundle
from tinytown.storage.calls.rounds import RoundReport


async def begin(node: NodeContext, agent_id: str) -> WorkRound | None:
    """Take work for an agent and start its process; None when there was nothing to do or it could not start."""
    round_id = new_id(IdKind.ROUND)
    call = rounds.take(
        round_id,
        agent_id,
        node_id=node.node_id,
        nonce=node.nonce,
        max_rounds_per_task=node.config.agent.max_rounds_per_task,
        budget_bytes=node.config.agent.mail_bytes,
        mail_rounds_per_hour=node.config.agent.taskless_rounds_per_hour,
        max_tokens=node.config.budget.max_tokens,
        max_micros=node.config.budget.max_micros,
    )
    bundle = await node.run(call)
    taken = time.monotonic()
    point("node.taken")
    if bundle.nothing or bundle.round is None or bundle.agent is None:
        return None
    return await _start(node, bundle, bundle.round, bundle.agent, taken)


async def _start(node: NodeContext, bundle: Bundle, live: Round, agent: Agent, taken: float) -> WorkRound | None:
    try:
        adapter, spec = load_adapter(node, agent)
        work = WorkRound(
            node=node,
            agent=agent,
            live=live,
            task=bundle.task,
            adapter=adapter,
            spec=spec,
            reading=adapter.reading(),
        )
        await _prepare(work, bundle, taken)
        shim = await node.launcher.launch(work.directory)
        point("node.launched")
    except (TinytownError, GitError, OSError) as error:
        outcome = Outcome.DISK_FULL if no_room(error) else Outcome.START_FAILED
        if isinstance(error, SetupInterruptedError):
            outcome = Outcome.INTERRUPTED
        return await _could_not_start(node, live, str(error), outcome)
    follow(work, processes.identity(shim) if shim else None)
    await asyncio.to_thread(_settle, work.directory)
    return work


def _settle(directory: Path) -> None:
    """Force to disk what a node after a power cut would need; the agent works meanwhile, it need not wait for this."""
    for path in (directory / AGENT, directory):
        with contextlib.suppress(OSError):  # some file systems cannot; the round goes on all the same
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


async def _could_not_start(node: NodeContext, live: Round, detail: str, outcome: Outcome) -> WorkRound | None:
    """Record that a round never ran; one that a shim has claimed all the same is taken over."""
    log.warning("round %s of `%s` could not start: %s", live.id, live.agent, detail)
    if RoundProcess(node.paths.round_dir(live.id)).claim_void():
        await record(node, live, RoundReport(outcome=outcome, detail=detail[:500]))
        return None
    return await adopt(node, live)


async def _prepare(work: WorkRound, bundle: Bundle, taken: float) -> None:
    """Write everything that the process needs: the prompt, files of the adapter, its words and environment."""
    node, live, directory = work.node, work.live, work.directory
    private_dir(node.paths.rounds_dir)
    directory.mkdir(mode=0o700, exist_ok=True)
    (directory / INSTANCE).write_text(node.instance)
    work.workspace, variables = await workspace_of(node, work.agent)
    work.head = await asyncio.to_thread(read_head, work.workspace)
    if gates_of(node, work.task):
        await look_before(work.workspace, directory)
    tt = find_tt()
    reports = work.adapter.can(Capability.RUNS_COMMANDS)
    prompt = build_prompt(bundle, town=node.config.name, tt=tt, round_dir=directory, reports=reports)
    for name, text in prompt.files.items():
        (directory / name).write_bytes(text.encode())
    raw = prompt.text.encode()
    (directory / PROMPT).write_bytes(raw)
    if prompt.places:
        work.shown = {"after_ms": int((time.monotonic() - taken) * 1000), "at": prompt.places}
    point("node.prompt_written")
    handed_over = read_agent_env(node.paths, work.agent.id)
    described = round_spec(work, len(raw), tt, frozenset(handed_over))
    work.adapter.prepare(work.spec, described)
    command = work.adapter.command(work.spec, described)
    options = work.options
    workdir = work.workspace / options.workdir if options and options.workdir else work.workspace
    env = round_environment(
        handed_over,
        {**command.env, **variables},
        town=node.root,
        tt=tt,
        agent_id=work.agent.id,
        agent_name=work.agent.name,
        round_id=live.id,
        task_id=live.task_id,
    )
    limit = (options.round_timeout_secs if options else None) or node.config.agent.round_timeout_secs
    spec = Spec(
        round_id=live.id,
        argv=list(command.argv),
        env=env,
        cwd=str(workdir),
        stdin=str(directory / PROMPT) if command.stdin is Stdin.PROMPT else None,
        log=str(directory / "log"),
        time_limit_secs=limit,
        max_log_bytes=node.config.logs.max_log_bytes,
        keep=list(node.config.keep),
        protect=[pid for pid in (os.getpid(), node.launcher.pid, node.server_pid) if pid],
    )
    write_json(directory / AGENT, _keep(work))
    prepare(directory, spec)


def _keep(work: WorkRound) -> dict[str, Any]:
    """What an adopting node cannot learn from the records any more."""
    return {
        "cli": work.agent.cli,
        "session": work.spec.session_id,
        "workspace": str(work.workspace),
        "head": work.head,
        "shown": work.shown,
    }


async def adopt(node: NodeContext, live: Round) -> WorkRound | None:
    """Take over a round that an earlier node left, or record what became of it.

    A folder that belongs to another copy of the town is not touched: its processes are the original's.

    Returns:
        The round if it goes on; it is to be finished like any other.
    """
    directory = node.paths.round_dir(live.id)
    if is_foreign(node, directory):
        await end_unfollowed(node, live, Outcome.NODE_LOST, "it belongs to a copy of this town")
        return None
    found = await recover(directory)
    point("node.recovered")
    if found.kind not in {"live", "ended"}:
        outcome, detail = LOST_OUTCOMES[found.kind]
        await end_unfollowed(node, live, outcome, detail)
        return None
    try:
        shown = await node.run(town.show(live.agent_id or "", "agent"))
        task = await _task(node, live)
        agent = cast("Agent", shown.record)
        adapter, spec = load_adapter(node, agent)
    except TinytownError as error:
        log.warning("round %s cannot be followed: %s", live.id, error)
        found.process.ask_end()
        await found.process.wait()
        await end_unfollowed(node, live, Outcome.NODE_LOST, str(error)[:500])
        return None
    work = WorkRound(
        node=node, agent=agent, live=live, task=task, adapter=adapter, spec=spec, reading=adapter.reading()
    )
    kept = kept_of(directory)
    work.workspace = Path(str(kept.get("workspace") or node.root))
    work.head = kept.get("head")
    work.shown = kept.get("shown")
    work.said = str((live.verdict or {}).get("verb", ""))
    follow(work)
    return work


async def _task(node: NodeContext, live: Round) -> Task | None:
    if live.task_id is None:
        return None
    return cast("Task", (await node.run(town.show(live.task_id, "task"))).record)

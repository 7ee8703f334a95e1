"""A work round: take, prompt, process, output, end. Each step can be repeated or recovered after a kill at any line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, cast

import attrs

from tinytown.config.agent_clis import AgentCliConfig
from tinytown.config.files import private_dir, write_private
from tinytown.domain.ids import IdKind, new_id
from tinytown.domain.outcomes import Outcome
from tinytown.domain.records import Agent, Round, Task
from tinytown.errors import NotFoundError, TinytownError
from tinytown.hookspecs.values import AgentSpec, Capability, EndReason, OutcomeReport, RoundSpec, Stdin
from tinytown.node.context import NodeContext, find_tt, log
from tinytown.node.crash import point
from tinytown.node.environment import read_agent_env, round_environment
from tinytown.node.follow import LOST_OUTCOMES, Followed, disk_was_full, process_end
from tinytown.node.git import GitError
from tinytown.node.launch.files import ExitRecord, Spec, prepare
from tinytown.node.launch.recovery import recover
from tinytown.node.launch.rounds import RoundProcess, RoundState
from tinytown.node.prompt import build_prompt
from tinytown.node.workspace import head_before, look_after, look_before, workspace_of
from tinytown.plugins.adapters import Adapter
from tinytown.plugins.reading import Reading, Usage
from tinytown.storage.calls import rounds, town
from tinytown.storage.calls.answers import Bundle
from tinytown.storage.calls.rounds import RoundReport

INSTANCE = "instance"
PROMPT = "prompt.md"


@attrs.define(kw_only=True)
class WorkRound:
    """One round of an agent.

    Attributes:
        node: The node.
        agent: The agent, as it was when the round began.
        live: The round's record.
        task: Its task, or None.
        adapter: What drives its agent CLI.
        spec: The agent as the adapter sees it.
        followed: Its process while it goes on.
    """

    node: NodeContext
    agent: Agent
    live: Round
    task: Task | None
    adapter: Adapter
    spec: AgentSpec
    reading: Reading
    followed: Followed | None = None
    workspace: Path | None = None

    @property
    def directory(self) -> Path:
        """The round's own folder."""
        return self.node.paths.round_dir(self.live.id)

    @property
    def options(self) -> AgentCliConfig | None:
        """The table of a command line of the user's own."""
        return self.node.config.agent_clis.get(self.agent.cli)


def load_adapter(node: NodeContext, agent: Agent) -> tuple[Adapter, AgentSpec]:
    """Load the adapter of an agent and describe the agent to it.

    Raises:
        PluginNotFoundError: There is none.
        PluginBrokenError: It cannot be used.
    """
    own = node.config.agent_clis
    adapter = Adapter.for_cli(agent.cli, own)
    options = attrs.asdict(own[agent.cli], recurse=False) if agent.cli in own else {}
    session = agent.session_id if adapter.can(Capability.RESUME) else None
    spec = AgentSpec(
        id=agent.id,
        name=agent.name,
        role=agent.role,
        cli=agent.cli,
        model=agent.model,
        session_id=session,
        options=options,
    )
    return adapter, spec


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
    )
    bundle = await node.run(call)
    point("node.taken")
    if bundle.nothing or bundle.round is None or bundle.agent is None:
        return None
    return await _start(node, bundle, bundle.round, bundle.agent)


async def _start(node: NodeContext, bundle: Bundle, live: Round, agent: Agent) -> WorkRound | None:
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
        await _prepare(work, bundle)
        await node.launcher.launch(work.directory)
        point("node.launched")
    except (TinytownError, GitError) as error:
        await _could_not_start(node, live, str(error))
        return None
    except OSError as error:
        full = error.errno in {28, 122}  # no space, quota
        await _could_not_start(node, live, str(error), Outcome.DISK_FULL if full else Outcome.START_FAILED)
        return None
    _follow(work)
    return work


async def _could_not_start(
    node: NodeContext, live: Round, detail: str, outcome: Outcome = Outcome.START_FAILED
) -> None:
    """Record that a round never ran; a shim that is still on its way finds the folder voided."""
    log.warning("round %s of `%s` could not start: %s", live.id, live.agent, detail)
    if RoundProcess(node.paths.round_dir(live.id)).claim_void():
        await record(node, live, RoundReport(outcome=outcome, detail=detail[:500]))
    else:
        await adopt(node, live)


async def _prepare(work: WorkRound, bundle: Bundle) -> None:
    """Write everything that the process needs: the prompt, files of the adapter, its words and environment."""
    node, live, directory = work.node, work.live, work.directory
    private_dir(node.paths.rounds_dir)
    directory.mkdir(mode=0o700, exist_ok=True)
    (directory / INSTANCE).write_text(node.instance)
    work.workspace = await workspace_of(node, work.agent)
    if gates_of(node, work.task):
        await look_before(work.workspace, directory)
    tt = find_tt()
    reports = work.adapter.can(Capability.RUNS_COMMANDS)
    prompt = build_prompt(bundle, town=node.config.name, tt=tt, round_dir=directory, reports=reports)
    for name, text in prompt.files.items():
        (directory / name).write_bytes(text.encode())
    raw = prompt.text.encode()
    (directory / PROMPT).write_bytes(raw)
    point("node.prompt_written")
    handed_over = read_agent_env(node.paths, work.agent.id)
    round_spec = _round_spec(work, len(raw), tt, frozenset(handed_over))
    work.adapter.prepare(work.spec, round_spec)
    command = work.adapter.command(work.spec, round_spec)
    options = work.options
    workdir = work.workspace / options.workdir if options and options.workdir else work.workspace
    env = round_environment(
        handed_over,
        command.env,
        town=node.root,
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
    write_private(directory / "agent.json", json.dumps(_keep(work)).encode())
    prepare(directory, spec)


def _keep(work: WorkRound) -> dict[str, Any]:
    """What an adopting node cannot learn from the records any more."""
    return {"version": 1, "cli": work.agent.cli, "session": work.spec.session_id, "workspace": str(work.workspace)}


def _round_spec(work: WorkRound, size: int, tt: str, names: frozenset[str]) -> RoundSpec:
    return RoundSpec(
        id=work.live.id,
        prompt_path=work.directory / PROMPT,
        prompt_bytes=size,
        workspace=work.workspace or work.node.root,
        round_dir=work.directory,
        tt_path=tt,
        task_id=work.live.task_id,
        env_names=names,
        as_root=os.geteuid() == 0,
    )


def gates_of(node: NodeContext, task: Task | None) -> tuple[Any, ...]:
    """Give the gates of a task: the town's, and its own after them."""
    if task is None:
        return ()
    own = {gate.name for gate in task.gates}
    return (*(gate for gate in node.config.gates if gate.name not in own), *task.gates)


def _follow(work: WorkRound) -> None:
    options = work.options
    stall = options.stall_timeout_secs if options and options.stall_timeout_secs else None
    stall_secs = work.node.config.agent.stall_timeout_secs if stall is None else stall
    work.followed = Followed(RoundProcess(work.directory), work.reading.feed, stall_secs=stall_secs)


async def adopt(node: NodeContext, live: Round) -> WorkRound | None:
    """Take over a round that an earlier node left, or record what became of it.

    A folder that belongs to another copy of the town is not touched: its processes are the original's.

    Returns:
        The round if it goes on; it is to be finished like any other.
    """
    directory = node.paths.round_dir(live.id)
    if _foreign(node, directory):
        await record(node, live, RoundReport(outcome=Outcome.NODE_LOST, detail="it belongs to a copy of this town"))
        return None
    found = await recover(directory)
    point("node.recovered")
    if found.kind not in {"live", "ended"}:
        outcome, detail = LOST_OUTCOMES[found.kind]
        await record(node, live, RoundReport(outcome=outcome, detail=detail, log=_log(directory)))
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
        await record(node, live, RoundReport(outcome=Outcome.NODE_LOST, detail=str(error), log=_log(directory)))
        return None
    work = WorkRound(
        node=node, agent=agent, live=live, task=task, adapter=adapter, spec=spec, reading=adapter.reading()
    )
    work.workspace = _kept_workspace(directory) or node.root
    _follow(work)
    return work


async def _task(node: NodeContext, live: Round) -> Task | None:
    if live.task_id is None:
        return None
    return cast("Task", (await node.run(town.show(live.task_id, "task"))).record)


def _foreign(node: NodeContext, directory: Path) -> bool:
    try:
        return (directory / INSTANCE).read_text() != node.instance
    except FileNotFoundError:
        return False


def _kept_workspace(directory: Path) -> Path | None:
    try:
        return Path(str(json.loads((directory / "agent.json").read_bytes())["workspace"]))
    except (FileNotFoundError, ValueError, KeyError):
        return None


def _log(directory: Path) -> str | None:
    return str(directory / "log") if (directory / "log").exists() else None


async def finish(work: WorkRound) -> None:
    """Wait for the end of a round and record what it meant."""
    followed = work.followed
    if followed is None:
        return
    state = await followed.wait()
    point("node.process_gone")
    if state is RoundState.VOID:
        outcome, detail = LOST_OUTCOMES["never_started"]
        await record(work.node, work.live, RoundReport(outcome=outcome, detail=detail))
        return
    await record(work.node, work.live, await _report(work, followed.process.exit))


async def _report(work: WorkRound, exit_record: ExitRecord | None) -> RoundReport:
    """Put together what the node found; the verdict itself is already on the round's record."""
    node, directory = work.node, work.directory
    live = cast("Round", (await node.run(town.show(work.live.id, "round"))).record)
    outcome = _outcome(work, live, exit_record)
    gates = gates_of(node, work.task)
    submitted = bool(live.verdict) and (live.verdict or {}).get("verb") == "submit"
    verdict: dict[str, Any] | None = None
    if not work.adapter.can(Capability.RUNS_COMMANDS) and work.task and outcome.outcome is Outcome.OK:
        verdict, submitted = {"verb": "submit", "result": work.reading.tail[-2000:] or "done"}, True
    commits = work.adapter.can(Capability.COMMITS) and (work.options is None or work.options.commits)
    workspace = work.workspace or node.root
    checked = bool(gates) and submitted
    after = await look_after(workspace, directory, live, work.task, checked=checked, commits=commits)
    point("node.snapshot_taken")
    before = _session_before(work)
    usage = work.reading.usage(before)
    totals = work.reading.session_totals
    return RoundReport(
        outcome=outcome.outcome,
        detail=outcome.detail[:1000] or None,
        exit_code=exit_record.code if exit_record else None,
        session_id=work.reading.session_id,
        head_before=head_before(directory),
        head_after=after.head,
        branch=after.branch if workspace != node.root else None,
        log=_log(directory),
        workspace=str(workspace),
        input_tokens=usage.input_tokens or None,
        output_tokens=usage.output_tokens or None,
        cost_micros=usage.cost_micros,
        session_usage=attrs.asdict(totals) if totals else None,
        verdict=verdict,
        retry_ms=_retry_ms(outcome, exit_record),
        uncommitted=after.uncommitted[:50],
        gates=gates,
    )


def _outcome(work: WorkRound, live: Round, exit_record: ExitRecord | None) -> OutcomeReport:
    """Say what the round ended as. What the agent said of its task goes before how its process ended."""
    asked = work.followed.asked if work.followed else None
    ended = process_end(exit_record, asked)
    if live.verdict and (asked in {None, "verdict"} or ended.why is EndReason.EXITED):
        return OutcomeReport(outcome=Outcome.OK)
    if exit_record is None:
        return OutcomeReport(outcome=Outcome.CRASHED, detail=ended.detail)
    spec = _round_spec(work, 0, "", frozenset())
    report = work.adapter.outcome(work.spec, spec, ended, work.reading)
    if disk_was_full(exit_record) and report.outcome is not Outcome.OK:
        return OutcomeReport(outcome=Outcome.DISK_FULL, detail="its output could not be written")
    return report


def _session_before(work: WorkRound) -> Usage | None:
    known = work.agent.session_usage
    if not known or work.reading.session_id != work.agent.session_id:
        return None
    cost = known.get("cost_micros")
    return Usage(
        input_tokens=int(str(known.get("input_tokens") or 0)),
        output_tokens=int(str(known.get("output_tokens") or 0)),
        cost_micros=None if cost is None else int(str(cost)),
    )


def _retry_ms(report: OutcomeReport, exit_record: ExitRecord | None) -> int | None:
    if report.retry_at_ms is not None and exit_record is not None:
        return max(1000, report.retry_at_ms - exit_record.ended_ms)
    if report.retry_after_s is not None:
        return max(1000, int(report.retry_after_s * 1000))
    return None


async def record(node: NodeContext, live: Round, report: RoundReport) -> None:
    """Record the end of a round; one that the server does not know any more is dropped."""
    point("node.before_end")
    try:
        ended = await node.run(rounds.end(live.id, report, node_id=node.node_id, nonce=node.nonce))
    except NotFoundError:
        log.warning("the server has forgotten round %s; its work is kept in the workspace", live.id)
        return
    point("node.end_recorded")
    state = ended.task.state if ended.task else "-"
    log.info("round %s of `%s` ended as %s; task %s", live.id, live.agent, report.outcome, state)

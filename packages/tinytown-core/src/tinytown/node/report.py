"""The end of a work round: what its process, its output and its workspace say, put into one report for the server."""

from __future__ import annotations

from typing import Any, cast

import attrs

from tinytown.crash import point
from tinytown.domain.outcomes import Outcome
from tinytown.domain.records import Gate, Round, Task
from tinytown.errors import NotFoundError, RefusedError
from tinytown.hookspecs.values import Capability, EndReason, OutcomeReport
from tinytown.node.context import NodeContext, clean, log
from tinytown.node.follow import disk_was_full, process_end
from tinytown.node.launch.files import ExitRecord, read_cli
from tinytown.node.launch.rounds import RoundState
from tinytown.node.work_round import WorkRound, gates_of, kept_of, log_of, round_spec
from tinytown.node.workspace import look_after
from tinytown.plugins.reading import Usage
from tinytown.storage.calls import rounds, town
from tinytown.storage.calls.rounds import RoundReport

LONGEST_LIMIT_MS = 31 * 86_400_000
"""An account's limit is reset at least once a month."""
UNHEARD = "unheard"
"""The refusal of an end whose report does not know what the round has said."""


async def finish(work: WorkRound) -> None:
    """Wait for the end of a round and record what it meant."""
    followed = work.followed
    if followed is None:
        return
    state = await followed.wait()
    point("node.process_gone")
    while True:
        said = work.said
        report = await _report(work, said, followed.process.exit, state)
        try:
            await record(work.node, work.live, report, heard=said)
        except RefusedError as error:
            if error.refusal != UNHEARD:
                raise
        else:
            return
        try:
            live = cast("Round", (await work.node.run(town.show(work.live.id, "round"))).record)
        except NotFoundError:
            log.warning("the server has forgotten round %s; its work is kept in the workspace", work.live.id)
            return
        work.said = str((live.verdict or {}).get("verb", ""))


async def end_unfollowed(node: NodeContext, live: Round, outcome: Outcome, detail: str) -> None:
    """Record the end of a round that nobody can follow any more; what it said of its task counts, and so do the gates.

    Args:
        node: The node.
        live: The round, as it was when somebody looked last.
        outcome: What it ends as.
        detail: Why.
    """
    while True:
        try:
            live = cast("Round", (await node.run(town.show(live.id, "round"))).record)
        except NotFoundError:
            log.warning("the server has forgotten round %s; its work is kept in the workspace", live.id)
            return
        said = str((live.verdict or {}).get("verb", ""))
        gates = await _gates(node, live) if said == "submit" else ()
        directory = node.paths.round_dir(live.id)
        ran = read_cli(directory) is not None
        shown = kept_of(directory).get("shown") if ran else None
        report = RoundReport(outcome=outcome, detail=detail, log=log_of(directory), gates=gates, shown=shown)
        try:
            await record(node, live, report, heard=said)
        except RefusedError as error:
            if error.refusal != UNHEARD:
                raise
        else:
            return


async def _gates(node: NodeContext, live: Round) -> tuple[Gate, ...]:
    try:
        return gates_of(node, cast("Task", (await node.run(town.show(live.task_id or "", "task"))).record))
    except NotFoundError:
        return ()


async def _report(work: WorkRound, said: str, exit_record: ExitRecord | None, state: RoundState) -> RoundReport:
    """Put together what the node found; the verdict itself is already on the round's record."""
    node, directory, live = work.node, work.directory, work.live
    outcome = _outcome(work, said, exit_record, state)
    gates = gates_of(node, work.task)
    submitted = said == "submit"
    verdict: dict[str, Any] | None = None
    if not work.adapter.can(Capability.RUNS_COMMANDS) and work.task and outcome.outcome is Outcome.OK:
        verdict, submitted = {"verb": "submit", "result": work.reading.tail[-2000:] or "done"}, True
    commits = work.adapter.can(Capability.COMMITS) and (work.options is None or work.options.commits)
    workspace = work.workspace or node.root
    after = await look_after(
        workspace, directory, live, work.task, gated=bool(gates), submitted=submitted, commits=commits
    )
    point("node.snapshot_taken")
    before = _session_before(work)
    usage = work.reading.usage(before)
    totals = work.reading.session_totals
    return RoundReport(
        outcome=outcome.outcome,
        detail=outcome.detail[:1000] or None,
        exit_code=exit_record.code if exit_record else None,
        session_id=work.reading.session_id,
        head_before=work.head,
        head_after=after.head,
        branch=after.branch if workspace != node.root else None,
        log=log_of(directory),
        workspace=str(workspace),
        input_tokens=usage.input_tokens or None,
        output_tokens=usage.output_tokens or None,
        cost_micros=usage.cost_micros,
        session_usage=attrs.asdict(totals) if totals else None,
        verdict=verdict,
        retry_ms=_retry_ms(outcome, exit_record),
        uncommitted=after.uncommitted[:50],
        gates=gates,
        shown=None if state is RoundState.VOID else work.shown,
    )


def _outcome(work: WorkRound, said: str, exit_record: ExitRecord | None, state: RoundState) -> OutcomeReport:
    """Say what the round ended as. What the agent said of its task goes before how its process ended."""
    asked = work.followed.asked if work.followed else None
    ended = process_end(exit_record, asked)
    if said and (asked in {None, "verdict"} or ended.why is EndReason.EXITED):
        return OutcomeReport(outcome=Outcome.OK)
    if work.followed and work.followed.vanished:
        return OutcomeReport(outcome=Outcome.CRASHED, detail="the round's own folder was deleted while it went on")
    if state is RoundState.VOID:
        return OutcomeReport(outcome=Outcome.NODE_LOST, detail="what was to start its process died before it did")
    if exit_record is None:
        return OutcomeReport(outcome=Outcome.CRASHED, detail=ended.detail)
    spec = round_spec(work, 0, "", frozenset())
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
    wait: float | None = None
    if report.retry_at_ms is not None and exit_record is not None:
        wait = report.retry_at_ms - exit_record.ended_ms
    elif report.retry_after_s is not None:
        wait = report.retry_after_s * 1000
    # No limit lasts for longer: a clock or what was said is wrong, so nobody knows when to try again.
    return int(max(1000, wait)) if wait is not None and wait <= LONGEST_LIMIT_MS else None


async def record(node: NodeContext, live: Round, report: RoundReport, *, heard: str | None = None) -> None:
    """Record the end of a round; one that the server does not know any more is dropped.

    Raises:
        RefusedError: The round has said something that the report does not know of; see `rounds.end`.
    """
    point("node.before_end")
    call = rounds.end(live.id, _storable(report), node_id=node.node_id, nonce=node.nonce, heard=heard)
    try:
        ended = await node.run(call)
    except NotFoundError:
        log.warning("the server has forgotten round %s; its work is kept in the workspace", live.id)
        return
    point("node.end_recorded")
    state = ended.task.state if ended.task else "-"
    log.info("round %s of `%s` ended as %s; task %s", live.id, live.agent, report.outcome, state)


def _storable(report: RoundReport) -> RoundReport:
    """Make every text one that the server takes: output and file names may hold what is no Unicode, or NUL."""
    fields = {name: _clean(getattr(report, name)) for name in attrs.fields_dict(RoundReport) if name != "gates"}
    return attrs.evolve(report, **fields)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_clean(item) for item in cast("list[Any]", value)]
    return value

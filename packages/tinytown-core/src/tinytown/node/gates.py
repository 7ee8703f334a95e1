"""Gate runs: each command of a task's gates as a round of its own, on a clean checkout of the submitted commit."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any, cast

import attrs

from tinytown.config.files import private_dir
from tinytown.crash import point
from tinytown.domain.ids import IdKind, new_id
from tinytown.domain.outcomes import Outcome
from tinytown.domain.records import Agent, Gate, Round, Task
from tinytown.errors import NotFoundError, TinytownError
from tinytown.node.context import NodeContext, clean, log
from tinytown.node.environment import gate_environment, read_agent_env
from tinytown.node.follow import Followed, disk_was_full
from tinytown.node.git import GitError, Repository
from tinytown.node.launch.files import ExitRecord, Spec, prepare
from tinytown.node.launch.recovery import end_process, recover
from tinytown.node.launch.rounds import RoundProcess
from tinytown.node.work_round import INSTANCE, is_foreign
from tinytown.storage.calls import rounds, town

NOT_RUN = frozenset({126, 127})
"""Exit codes by which a shell says that a command could not be run at all."""
FINDINGS_BYTES = 8 * 1024


@attrs.define(kw_only=True)
class GateRound:
    """One run of one gate."""

    node: NodeContext
    live: Round
    task: Task
    gate: Gate
    folder: Path
    repository: Repository | None
    followed: Followed | None = None
    shared_before: str | None = None

    @property
    def directory(self) -> Path:
        """The round's own folder."""
        return self.node.paths.round_dir(self.live.id)


async def begin(node: NodeContext, task_id: str) -> GateRound | None:
    """Start the next gate of a task; None when there is none, or it could not start."""
    try:
        task = cast("Task", (await node.run(town.show(task_id, "task"))).record)
    except NotFoundError:
        return None
    workspace = await _workspace(node, task)
    repository = await Repository.of(workspace)
    head = task.head or (await repository.head() if repository else None)
    round_id = new_id(IdKind.ROUND)
    call = rounds.gate_take(
        round_id, task_id, node_id=node.node_id, nonce=node.nonce, head=head, workspace=str(workspace)
    )
    bundle = await node.run(call)
    point("gate.taken")
    if bundle.nothing or bundle.round is None or bundle.task is None:
        return None
    live = bundle.round
    on_commit = head is not None and repository is not None
    folder = node.paths.checkouts / live.id if on_commit else workspace
    gate = bundle.task.gates_left[0]
    run = GateRound(node=node, live=live, task=bundle.task, gate=gate, folder=folder, repository=repository)
    try:
        await _prepare(run, head if on_commit else None)
        await node.launcher.launch(run.directory)
        point("gate.launched")
    except (TinytownError, GitError, OSError) as error:
        return await _could_not_run(run, str(error))
    run.followed = Followed(RoundProcess(run.directory), lambda _line: None, stall_secs=0)
    return run


async def _workspace(node: NodeContext, task: Task) -> Path:
    """Give the directory whose commit is to be checked: the author's."""
    if task.agent_id:
        try:
            agent = cast("Agent", (await node.run(town.show(task.agent_id, "agent"))).record)
        except NotFoundError:
            return node.root
        folder = node.paths.workspaces / agent.name
        if agent.workspace == "worktree" and folder.is_dir():
            return folder
    return node.root


async def _prepare(run: GateRound, commit: str | None) -> None:
    node, directory = run.node, run.directory
    private_dir(node.paths.rounds_dir)
    directory.mkdir(mode=0o700, exist_ok=True)
    (directory / INSTANCE).write_text(node.instance)
    if commit is not None and run.repository is not None:
        await run.repository.checkout(commit, run.folder)
        point("gate.checked_out")
    else:
        run.shared_before = await asyncio.to_thread(_look, run.folder)
        (directory / "shared").write_text(run.shared_before)
    handed_over = read_agent_env(node.paths, run.task.agent_id) if run.task.agent_id else dict(os.environ)
    spec = Spec(
        round_id=run.live.id,
        argv=["/bin/sh", "-c", run.gate.command],
        env=gate_environment(handed_over, run.live.id),
        cwd=str(run.folder),
        stdin=None,
        log=str(directory / "log"),
        time_limit_secs=run.gate.timeout_secs,
        max_log_bytes=node.config.logs.max_log_bytes,
        keep=list(node.config.keep),
        protect=[pid for pid in (os.getpid(), node.launcher.pid, node.server_pid) if pid],
    )
    prepare(directory, spec)


def _look(folder: Path) -> str:
    """Sum up a directory outside git by names, sizes and times, to notice that it moved."""
    digest = hashlib.sha256()
    for base, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in {".tt", ".git"})
        for name in sorted(names):
            try:
                found = (Path(base) / name).lstat()
            except FileNotFoundError:
                continue
            digest.update(f"{base}/{name} {found.st_size} {found.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


async def _could_not_run(run: GateRound, detail: str) -> GateRound | None:
    log.warning("gate %s of %s could not run: %s", run.gate.name, run.task.id, detail)
    if RoundProcess(run.directory).claim_void():
        await _record(run, "unavailable", Outcome.START_FAILED, None, detail=detail[:500])
        return None
    return await adopt(run.node, run.live)


async def adopt(node: NodeContext, live: Round) -> GateRound | None:
    """Take over a gate that an earlier node left, or have it run again."""
    directory = node.paths.round_dir(live.id)
    try:
        task = cast("Task", (await node.run(town.show(live.task_id or "", "task"))).record)
    except NotFoundError:
        task = None
    if task is None or not task.gates_left:
        log.warning("gate round %s has no task to check any more", live.id)
        await drop(node, live, "lost", Outcome.NODE_LOST, "its task is gone")
        return None
    workspace = Path(live.workspace) if live.workspace else node.root
    repository = await Repository.of(workspace) if workspace.is_dir() else None
    checkout = node.paths.checkouts / live.id
    folder = checkout if checkout.exists() else workspace
    run = GateRound(node=node, live=live, task=task, gate=task.gates_left[0], folder=folder, repository=repository)
    shared = directory / "shared"
    run.shared_before = shared.read_text() if shared.exists() else None
    if is_foreign(node, directory):
        await _record(run, "lost", Outcome.NODE_LOST, None)
        return None
    found = await recover(directory)
    point("gate.recovered")
    if found.kind not in {"live", "ended"}:
        await _record(run, "lost", Outcome.NODE_LOST, None)
        return None
    run.followed = Followed(RoundProcess(directory), lambda _line: None, stall_secs=0)
    return run


async def drop(node: NodeContext, live: Round, result: str, outcome: Outcome, detail: str) -> None:
    """End a gate round that cannot be followed, its process first if that is ours, and record that nothing was found.

    Args:
        node: The node.
        live: The round.
        result: ``lost`` to run it again at once, ``unavailable`` to count it as a try.
        outcome: What the round ends as.
        detail: Why.
    """
    directory = node.paths.round_dir(live.id)
    if not is_foreign(node, directory):
        await end_process(directory)
    point("gate.before_end")
    call = rounds.gate_end(live.id, result, node_id=node.node_id, nonce=node.nonce, outcome=outcome, detail=detail)
    try:
        await node.run(call)
    except NotFoundError:
        log.warning("the server has forgotten gate round %s", live.id)
    point("gate.end_recorded")


async def finish(run: GateRound) -> None:
    """Wait for the end of a gate and record what it found."""
    followed = run.followed
    if followed is None:
        return
    await followed.wait()
    point("gate.process_gone")
    exit_record = followed.process.exit
    if exit_record is None and followed.asked:
        await _record(run, "lost", Outcome.NODE_LOST, None)
    elif exit_record is None:
        # Perhaps the gate itself did this, so it counts: a run that is lost each time must not go on for ever.
        await _record(run, "unavailable", Outcome.NODE_LOST, None, detail="what ran it was killed")
    elif followed.asked and exit_record.reason == "asked":
        await _record(run, "lost", Outcome.INTERRUPTED, exit_record)
    elif exit_record.reason == "start_error" or exit_record.code in NOT_RUN or disk_was_full(exit_record):
        detail = exit_record.error or f"exit status {exit_record.code}"
        await _record(run, "unavailable", Outcome.START_FAILED, exit_record, detail=detail)
    elif run.shared_before and run.shared_before != await asyncio.to_thread(_look, run.folder):
        detail = "the shared workspace changed while the gate ran, so its result is no evidence"
        await _record(run, "unavailable", Outcome.OK, exit_record, detail=detail)
    elif exit_record.reason == "exited" and exit_record.code == 0:
        await _record(run, "pass", Outcome.OK, exit_record)
    else:
        late = exit_record.reason == "time_limit"
        await _record(run, "reject", Outcome.TIMED_OUT if late else Outcome.FAILED, exit_record)


async def _record(
    run: GateRound, result: str, outcome: Outcome, exit_record: ExitRecord | None, *, detail: str | None = None
) -> None:
    node, live = run.node, run.live
    evidence = await _evidence(run, exit_record) if result == "pass" and exit_record else None
    findings = _findings(run, exit_record) if result == "reject" else None
    point("gate.before_end")
    call = rounds.gate_end(
        live.id,
        result,
        node_id=node.node_id,
        nonce=node.nonce,
        outcome=outcome,
        exit_code=exit_record.code if exit_record else None,
        detail=detail,
        findings=findings,
        evidence=evidence,
        log=str(run.directory / "log"),
        workspace=str(run.folder),
    )
    try:
        await node.run(call)
    except NotFoundError:
        log.warning("the server has forgotten gate round %s", live.id)
    point("gate.end_recorded")
    log.info("gate `%s` of %s: %s", run.gate.name, run.task.id, result)
    if run.repository is not None and run.folder.parent == node.paths.checkouts:
        try:
            await run.repository.drop_checkout(run.folder)
        except GitError as error:
            log.warning("cannot remove the checkout `%s`: %s", run.folder, error)


async def drop_checkouts(node: NodeContext, live: Collection[str]) -> None:
    """Remove checkouts that gates of an earlier node left; they hold no work of anybody."""
    folder = node.paths.checkouts
    left = [path for path in folder.iterdir() if path.name not in live] if folder.is_dir() else []
    for path in left:
        try:
            await Repository(node.root).drop_checkout(path)
        except GitError as error:
            log.warning("cannot remove the checkout `%s`: %s", path, error)


async def _evidence(run: GateRound, exit_record: ExitRecord) -> dict[str, Any]:
    """What is kept of a gate that passed, bound to the commit it looked at."""
    found: dict[str, Any] = {
        "kind": "gate",
        "gate": run.gate.name,
        "command": run.gate.command,
        "exit_code": exit_record.code,
        "duration_ms": exit_record.ended_ms - exit_record.started_ms,
        "log_sha256": await asyncio.to_thread(_sha256, run.directory / "log"),
        "round_id": run.live.id,
        "head": run.live.head_before,
    }
    if run.shared_before is not None:
        return {**found, "shared": True, "tree_before": run.shared_before, "tree_after": run.shared_before}
    if run.repository is not None and run.live.head_before:
        base = await _base(run.repository, run.live.head_before)
        changed = await run.repository.files_between(base, run.live.head_before)
        found["files"] = [clean(path) for path in changed[:200]]
        found["shared"] = Path(run.live.workspace or "") == run.node.root
        try:
            tree = await run.repository.run("rev-parse", f"{run.live.head_before}^{{tree}}")
            found |= {"tree_before": tree, "tree_after": await Repository(run.folder).tree()}
        except GitError as error:
            found["tree_error"] = str(error)
    return found


def _sha256(log_file: Path) -> str:
    """Sum up a log, which may be long, piece by piece; a missing one counts as empty."""
    try:
        with log_file.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return hashlib.sha256().hexdigest()


async def _base(repository: Repository, head: str) -> str | None:
    try:
        return await repository.run("rev-parse", "--verify", "-q", f"{head}^")
    except GitError:
        return None


def _findings(run: GateRound, exit_record: ExitRecord | None) -> str:
    """Give the author the end of the gate's output."""
    try:
        with (run.directory / "log").open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - FINDINGS_BYTES))
            tail = file.read().decode("utf-8", "replace").replace("\0", "�")
    except FileNotFoundError:
        tail = ""
    code, number = (exit_record.code, exit_record.signal) if exit_record else (None, None)
    how = (
        "ran into its time limit"
        if exit_record and exit_record.reason == "time_limit"
        else f"ended with status {code}"
        if number is None
        else f"was ended by signal {number}"
    )
    return f"Gate `{run.gate.name}` ({run.gate.command}) {how}.\n{tail}".strip()

"""Run the set-up command of a new worktree as rounds and gates are run: in a shim, which outlives the node."""

from __future__ import annotations

import os
from pathlib import Path

import attrs

from tinytown.config.files import private_dir
from tinytown.crash import point
from tinytown.domain.ids import IdKind, new_id
from tinytown.domain.records import Agent
from tinytown.node.context import NodeContext, clean, log
from tinytown.node.environment import gate_environment, read_agent_env
from tinytown.node.follow import Followed, disk_was_full
from tinytown.node.git import GitError
from tinytown.node.launch.files import ExitRecord, Spec, prepare
from tinytown.node.launch.recovery import recover
from tinytown.node.launch.rounds import RoundProcess
from tinytown.node.work_round import INSTANCE, is_foreign
from tinytown.node.workspaces.note import Note, write_note

LINES = 3
TAIL_BYTES = 4096


class SetupInterruptedError(GitError):
    """The node is stopping, so the set-up was ended; the next node runs it again."""


async def set_up(node: NodeContext, agent: Agent, note: Note, place: Path) -> Note:
    """Run the set-up command of a worktree until it has succeeded once.

    Args:
        node: The node.
        agent: The agent of the worktree.
        note: Its note; names the run that an earlier node may have begun.
        place: Directory to run it in.

    Raises:
        GitError: It failed; with its last lines and where its output is.
        SetupInterruptedError: The node is stopping.
    """
    command = node.config.workspace.setup
    if command is None:
        return note
    followed = await _adopt(node, note)
    if followed is None:
        note = attrs.evolve(note, setup=new_id(IdKind.ROUND))
        write_note(node.paths.workspace_note(note.agent), note)
        point("workspace.setup_noted")
        followed = await _begin(node, agent, note, place, command)
    node.setups[note.setup] = followed
    try:
        await followed.wait()
    finally:
        del node.setups[note.setup]
    point("workspace.setup_ended")
    _judge(node, note, followed)
    log.info("the worktree of `%s` is set up", note.agent)
    return note


async def _adopt(node: NodeContext, note: Note) -> Followed | None:
    """Go on with the set-up that an earlier node began, if it still runs or has succeeded."""
    if not note.setup:
        return None
    directory = node.paths.round_dir(note.setup)
    if not directory.is_dir() or is_foreign(node, directory):
        return None
    found = await recover(directory)
    if found.kind == "live" or (found.kind == "ended" and _succeeded(found.exit)):
        return Followed(RoundProcess(directory), lambda _line: None, stall_secs=0)
    return None


async def _begin(node: NodeContext, agent: Agent, note: Note, place: Path, command: str) -> Followed:
    directory = node.paths.round_dir(note.setup)
    private_dir(node.paths.rounds_dir)
    directory.mkdir(mode=0o700, exist_ok=True)
    (directory / INSTANCE).write_text(node.instance)
    env = gate_environment(read_agent_env(node.paths, agent.id), note.setup)
    spec = Spec(
        round_id=note.setup,
        argv=["/bin/sh", "-c", command],
        env={**env, **note.variables, "TINYTOWN_TOWN": str(node.root), "TINYTOWN_AGENT_NAME": agent.name},
        cwd=str(place),
        stdin=None,
        log=str(directory / "log"),
        time_limit_secs=node.config.workspace.setup_timeout_secs,
        max_log_bytes=node.config.logs.max_log_bytes,
        keep=list(node.config.keep),
        protect=[pid for pid in (os.getpid(), node.launcher.pid, node.server_pid) if pid],
    )
    prepare(directory, spec)
    await node.launcher.launch(directory)
    point("workspace.setup_launched")
    return Followed(RoundProcess(directory), lambda _line: None, stall_secs=0)


def _succeeded(record: ExitRecord | None) -> bool:
    return record is not None and record.reason == "exited" and record.code == 0


def _judge(node: NodeContext, note: Note, followed: Followed) -> None:
    record = followed.process.exit
    if _succeeded(record):
        return
    if followed.asked:
        raise SetupInterruptedError("the node is stopping; the set-up of the worktree runs again after that")
    if disk_was_full(record):
        raise GitError(f"the set-up of the worktree failed: {os.strerror(28)}")
    output = node.paths.round_dir(note.setup) / "log"
    limit = node.config.workspace.setup_timeout_secs
    how = (
        "what ran it was killed"
        if record is None
        else f"it took longer than {limit:g} s"
        if record.reason == "time_limit"
        else record.error or f"it ended with status {record.code}"
        if record.signal is None
        else f"it was ended by signal {record.signal}"
    )
    said = _last_lines(output)
    raise GitError(f"the set-up of the worktree failed: {how}{f': {said}' if said else ''} (see `{output}`)")


def _last_lines(output: Path) -> str:
    try:
        with output.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    lines = [clean(line).strip() for line in text.splitlines()]
    return " | ".join([line for line in lines if line][-LINES:])[-300:]

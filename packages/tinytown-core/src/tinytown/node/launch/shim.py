"""The shim: one process per round that starts the CLI once, keeps its limits, and writes how it ended.

It is forked by the launcher, which has already taken the round's lock and opened its life line, so that both exist
from the moment the node hears of the shim. It needs neither the launcher nor the node afterwards.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from tinytown.node import processes
from tinytown.node.crash import point
from tinytown.node.launch import files
from tinytown.node.launch.capped_log import CappedLog
from tinytown.node.launch.ending import Ending, Step, full_steps, sweep_steps
from tinytown.node.launch.files import ExitRecord, Spec
from tinytown.node.launch.gate import Gated, fork_cli, release
from tinytown.node.launch.pump import Asked, Pump, ring
from tinytown.node.processes import Identity

_LAST_OUTPUT_SECS = 0.2
"""How long output is awaited that somebody may still write after the CLI and its leftovers are gone."""


class _StartError(Exception):
    """The CLI could not be started; the text goes into the exit record."""


def run_round(directory: Path, spec: Spec, lock: int, life: int) -> None:
    """Run one round from claim to exit.

    Args:
        directory: The round's folder.
        spec: Its spec.
        lock: The descriptor that holds the round's lock.
        life: The life line, open for reading and writing, non-blocking.
    """
    point("shim.forked")
    os.setsid()
    asked = Asked()
    me = processes.identity(os.getpid())
    if me is None or not files.claim(directory, owner=me, boot_id=processes.boot_id(), void=False):
        return
    Shim(directory, spec, me, asked, held=(lock, life)).run()


class Shim:
    """One round from after its claim."""

    def __init__(self, directory: Path, spec: Spec, me: Identity, asked: Asked, *, held: tuple[int, int]) -> None:
        """Take what the round needs; ``held`` are lock and life line, see :func:`run_round`."""
        self._directory = directory
        self._spec = spec
        self._me = me
        self._asked = asked
        self._lock, self._life = held
        self._started_ms = _now_ms()

    def run(self) -> None:
        """Start the CLI, watch it to its end, end what it left, and write the exit."""
        try:
            log = CappedLog(Path(self._spec.log), self._spec.max_log_bytes)
        except OSError as error:
            self._write_exit("log_error", None, None, str(error))
            return
        try:
            gated, cli = self._start()
        except (_StartError, OSError) as error:
            log.finish()
            self._write_exit("start_error", None, log, str(error))
            return
        point("shim.running")
        pump = Pump(gated.output, log, self._life, self._asked)
        ending = Ending(self._spec, cli=cli, since=self._me.ticks)
        reason = self._watch(cli, pump)
        if reason != "exited":
            self._end(ending, full_steps(self._spec), pump)
        point("shim.cli_exited")
        self._end(ending, sweep_steps(self._spec), pump)
        _drain(pump)
        point("shim.swept")
        report = ending.report()
        if any(report.values()):
            files.write_json(self._directory / files.LEFTOVERS, report)
        log.finish()
        point("shim.joined")
        status = os.waitpid(cli.pid, os.WNOHANG)[1] if processes.exited(cli.pid) else None
        self._write_exit(reason, status, log, "")

    def _start(self) -> tuple[Gated, Identity]:
        gated = fork_cli(self._spec, self._close_in_child)
        point("shim.cli_forked")
        cli = processes.identity(gated.pid)
        if cli is None:
            os.waitpid(gated.pid, 0)
            raise _StartError("its process ended before it could execute")
        try:
            files.write_cli(self._directory, cli)
        except OSError:
            os.close(gated.gate)
            os.waitpid(gated.pid, 0)
            raise
        point("shim.cli_recorded")
        trouble = release(gated)
        point("shim.released")
        if trouble:
            os.waitpid(gated.pid, 0)
            raise _StartError(trouble)
        return gated, cli

    def _watch(self, cli: Identity, pump: Pump) -> str:
        """Pump until the CLI is gone or must go; returns why."""
        limit = self._spec.time_limit_secs
        deadline = processes.boot_clock() + limit if limit > 0 else None
        while not processes.exited(cli.pid):
            if self._asked.times:
                return "asked"
            remaining = float("inf") if deadline is None else deadline - processes.boot_clock()
            if remaining <= 0:
                return "time_limit"
            pump.turn(remaining)
        return "exited"

    def _end(self, ending: Ending, steps: list[Step], pump: Pump) -> None:
        """Go down the rungs; output is pumped meanwhile, so nothing dies of a full pipe."""
        before = self._asked.times
        for pause in ending.run(steps):
            until = processes.boot_clock() + pause
            while (left := until - processes.boot_clock()) > 0:
                pump.turn(left)
            ending.hurry = self._asked.times > before

    def _close_in_child(self) -> None:
        os.close(self._lock)
        os.close(self._life)

    def _write_exit(self, reason: str, status: int | None, log: CappedLog | None, error: str) -> None:
        code = os.waitstatus_to_exitcode(status) if status is not None else None
        record = ExitRecord(
            reason=reason,
            code=code if code is not None and code >= 0 else None,
            signal=-code if code is not None and code < 0 else None,
            error=error,
            started_ms=self._started_ms,
            ended_ms=_now_ms(),
            log_bytes=log.total if log else 0,
            log_dropped=log.dropped if log else 0,
            log_lost=log.lost if log else 0,
        )
        files.write_exit(self._directory, record)
        ring(self._life)


def _drain(pump: Pump) -> None:
    """Take the output that is there; whoever still holds the pipe is not waited for."""
    deadline = processes.boot_clock() + _LAST_OUTPUT_SECS
    while not pump.drained and (left := deadline - processes.boot_clock()) > 0:
        pump.turn(left)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

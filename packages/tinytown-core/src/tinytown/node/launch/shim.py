"""The shim: one process per round that starts the CLI once, keeps its limits, and writes how it ended.

The launcher keeps one spare shim, with the process of its CLI behind the gate, so that a round waits for no fork. The
launcher takes the round's lock and opens its life line and hands both over with the name of the folder, so that both
exist from the moment the node hears of the shim. From then on the shim needs neither the launcher nor the node.
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

from tinytown.crash import point
from tinytown.node import processes
from tinytown.node.launch import files
from tinytown.node.launch.capped_log import CappedLog
from tinytown.node.launch.ending import Ending, Step, full_steps, sweep_steps
from tinytown.node.launch.files import ExitRecord
from tinytown.node.launch.gate import Gated, dismiss, fork_cli, release
from tinytown.node.launch.pump import Asked, Pump, ring
from tinytown.node.processes import Identity

_LAST_OUTPUT_SECS = 0.2
"""How long output is awaited that somebody may still write after the CLI and its leftovers are gone."""


def wait_for_round(link: socket.socket) -> None:
    """Be the spare shim, then run the round that comes.

    Args:
        link: Brings the folder's name with two descriptors, its lock and its life line; ends when the launcher does.
    """
    point("spare.forked")
    os.setsid()
    asked = Asked()
    gated = fork_cli()
    point("spare.gated")
    me, cli = processes.identity(os.getpid()), processes.identity(gated.pid)
    files.rehearse()
    name, descriptors, _, _ = socket.recv_fds(link, 65536, 2)
    link.close()
    if not name or me is None:
        return
    point("shim.handed")
    while cli is None or not processes.alive(cli):  # it may have been killed while it waited
        dismiss(gated)
        gated = fork_cli()
        cli = processes.identity(gated.pid)
    asked.times = 0  # what came before was meant for no round
    since = processes.now_ticks()
    directory = Path(os.fsdecode(name))
    if files.claim(directory, owner=me, since=since, boot_id=processes.boot_id(), void=False):
        lock, life = descriptors
        Shim(directory, gated, cli, asked, since=since, life=life).run()
        os.close(lock)  # before the life line ends with this process


class Shim:
    """One round from after its claim."""

    def __init__(self, directory: Path, gated: Gated, cli: Identity, asked: Asked, *, since: int, life: int) -> None:
        """Take what the round needs; see :func:`wait_for_round`."""
        self._directory = directory
        self._spec = files.read_spec(directory)
        self._gated = gated
        self._cli = cli
        self._asked = asked
        self._since = since
        self._life = life
        self._started = processes.boot_clock()

    def run(self) -> None:
        """Start the CLI, watch it to its end, end what it left, and write the exit."""
        cli = self._cli
        try:
            log = CappedLog(Path(self._spec.log), self._spec.max_log_bytes)
        except OSError as error:
            dismiss(self._gated)
            self._write_exit("log_error", None, None, str(error))
            return
        if trouble := self._start():
            log.finish()
            self._write_exit("start_error", None, log, trouble)
            return
        point("shim.running")
        pump = Pump(self._gated.output, log, self._life, self._asked)
        ending = Ending(self._spec, cli=cli, since=self._since)
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

    def _start(self) -> str:
        """Put the CLI's process on record and open its gate; returns why it could not execute, or nothing."""
        try:
            files.write_cli(self._directory, self._cli)
        except OSError as error:
            dismiss(self._gated)
            return str(error)
        point("shim.cli_recorded")
        trouble = release(self._gated, self._directory)
        point("shim.released")
        if trouble:
            os.waitpid(self._gated.pid, 0)
        return trouble

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

    def _write_exit(self, reason: str, status: int | None, log: CappedLog | None, error: str) -> None:
        # What it took is measured; the wall clock may have been set meanwhile.
        ended_ms, took_ms = _now_ms(), int((processes.boot_clock() - self._started) * 1000)
        code = os.waitstatus_to_exitcode(status) if status is not None else None
        record = ExitRecord(
            reason=reason,
            code=code if code is not None and code >= 0 else None,
            signal=-code if code is not None and code < 0 else None,
            error=error,
            started_ms=ended_ms - took_ms,
            ended_ms=ended_ms,
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

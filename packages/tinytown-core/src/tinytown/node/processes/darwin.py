"""Processes on macOS, through psutil and sysctl."""

from __future__ import annotations

import functools
import os
import subprocess
import time

from tinytown.node.processes.model import Identity, ProcessInfo


def _ticks(created: float) -> int:
    """Microseconds are finer than the kernel's own unit, so equal means the same process."""
    return round(created * 1_000_000)


@functools.cache
def boot_id() -> str:
    """Name of this boot of the machine."""
    return subprocess.run(
        ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"], check=True, capture_output=True, text=True
    ).stdout.strip()


def boot_clock() -> float:
    """Seconds on a clock that also runs while the machine sleeps (macOS counts sleep in CLOCK_MONOTONIC)."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def now_ticks() -> int:
    """The current moment as start ticks: a process that starts from now on has at least as many."""
    return time.time_ns() // 1000


def secs_since(ticks: int) -> float:
    """How long ago a moment was that `now_ticks` gave; here the kernel dates processes by the wall clock."""
    return (now_ticks() - ticks) / 1_000_000


def start_ticks(pid: int) -> int | None:
    """When the process started; None when it is gone or a zombie."""
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else _ticks(process.create_time())
    except psutil.Error:
        return None


def table() -> dict[int, ProcessInfo]:
    """All living processes that this user may see, by pid; zombies are left out."""
    import psutil

    rows: dict[int, ProcessInfo] = {}
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            rows[process.pid] = ProcessInfo(
                pid=process.pid,
                parent=process.ppid(),
                group=os.getpgid(process.pid),
                session=os.getsid(process.pid),
                ticks=_ticks(process.create_time()),
                name=process.name(),
            )
        except (psutil.Error, OSError):  # gone while we looked, or hidden from this user
            continue
    return rows


def carries(pid: int, mark: str) -> bool:
    """Whether the process was started with the environment entry ``mark`` (``NAME=value``)."""
    import psutil

    name, _, value = mark.partition("=")
    try:
        return psutil.Process(pid).environ().get(name) == value
    except (psutil.Error, OSError):
        return False


def command(pid: int) -> list[str]:
    """The command line, word by word; empty when the process is gone."""
    import psutil

    try:
        return list(psutil.Process(pid).cmdline())
    except (psutil.Error, OSError):
        return []


def send(process: Identity, number: int) -> bool:
    """Signal this process after a look at its start; macOS has no handle that would close the last gap.

    Returns:
        False when it is gone, or not ours to signal.
    """
    if start_ticks(process.pid) != process.ticks:
        return False
    try:
        os.kill(process.pid, number)
    except OSError:
        return False
    return True


def exited(pid: int) -> bool:
    """Whether our child has ended; it stays unreaped: a zombie or gone has no start ticks."""
    return start_ticks(pid) is None

"""Processes as ``/proc`` shows them. Source: proc(5), pidfd_open(2)."""

from __future__ import annotations

import functools
import os
import signal
import sys
import time
from pathlib import Path

from tinytown.node.processes.model import Identity, ProcessInfo

_GONE_STATES = frozenset({"Z", "X", "x"})


@functools.cache
def boot_id() -> str:
    """Name of this boot of the machine; start ticks and pids of another boot mean nothing."""
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()


def boot_clock() -> float:
    """Seconds on a clock that also runs while the machine sleeps."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def _stat(pid: int) -> ProcessInfo | None:
    """Read one row; None when the process is gone or a zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - a Path per process is a third of the cost
            text = file.read().decode("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name stands in parentheses and may itself hold spaces and parentheses.
    opening, closing = text.index("("), text.rindex(")")
    fields = text[closing + 2 :].split()
    if fields[0] in _GONE_STATES:
        return None
    return ProcessInfo(
        pid=pid,
        parent=int(fields[1]),
        group=int(fields[2]),
        session=int(fields[3]),
        ticks=int(fields[19]),
        name=text[opening + 1 : closing],
    )


def now_ticks() -> int:
    """The current moment as start ticks: a process that starts from now on has at least as many."""
    # A tick less: the kernel rounds a start down, and so the same tick may hold both.
    return int(boot_clock() * os.sysconf("SC_CLK_TCK")) - 1


def secs_since(ticks: int) -> float:
    """How long ago a moment was that `now_ticks` gave in this boot; wall clocks that were set make no difference."""
    return boot_clock() - ticks / os.sysconf("SC_CLK_TCK")


def start_ticks(pid: int) -> int | None:
    """When the process started, in clock ticks since boot; None when it is gone or a zombie."""
    info = _stat(pid)
    return None if info is None else info.ticks


def table() -> dict[int, ProcessInfo]:
    """All living processes that this user may see, by pid; zombies are left out."""
    rows: dict[int, ProcessInfo] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - names are all that is wanted
        if name.isdigit() and (info := _stat(int(name))) is not None:
            rows[info.pid] = info
    return rows


def carries(pid: int, mark: str) -> bool:
    """Whether the process was started with the environment entry ``mark`` (``NAME=value``)."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
            return mark.encode() in file.read().split(b"\0")
    except OSError:  # gone, or another user's
        return False


def command(pid: int) -> list[str]:
    """The command line, word by word; empty when the process is gone."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return raw.decode("utf-8", "replace").split("\0")[:-1]


def send(process: Identity, number: int) -> bool:
    """Signal exactly this process, never one that got its pid later.

    Returns:
        False when it is gone, or not ours to signal.
    """
    if sys.platform != "linux":
        return False
    try:
        handle = os.pidfd_open(process.pid)
    except OSError:  # gone
        return False
    try:
        # The handle holds one process fast; looking after opening it proves which one.
        if start_ticks(process.pid) != process.ticks:
            return False
        signal.pidfd_send_signal(handle, number)
    except OSError:  # gone in between, or another user's
        return False
    finally:
        os.close(handle)
    return True


def exited(pid: int) -> bool:
    """Whether our child has ended. It stays unreaped, so its pid, group and session cannot be used again."""
    if sys.platform != "linux":
        return False
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None

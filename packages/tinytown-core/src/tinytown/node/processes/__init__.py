"""What the node must know of the machine's processes, the same on each platform.

One module per platform answers; this facade chooses. A process is named by pid *and* start time, because pids are
used again. Standard library only on Linux, since the shims import it; macOS goes through psutil.
"""

from __future__ import annotations

import sys

from tinytown.node.processes.model import Identity, ProcessInfo

if sys.platform == "darwin":
    from tinytown.node.processes import darwin as _platform
else:
    from tinytown.node.processes import linux as _platform

boot_id = _platform.boot_id
boot_clock = _platform.boot_clock
now_ticks = _platform.now_ticks
secs_since = _platform.secs_since
start_ticks = _platform.start_ticks
table = _platform.table
carries = _platform.carries
command = _platform.command
send = _platform.send
exited = _platform.exited


def identity(pid: int) -> Identity | None:
    """Name the process that has this pid now, or None when there is none (or only a zombie)."""
    ticks = start_ticks(pid)
    return None if ticks is None else Identity(pid, ticks)


def alive(process: Identity) -> bool:
    """Whether exactly this process still runs. A zombie is gone."""
    return start_ticks(process.pid) == process.ticks


__all__ = [
    "Identity",
    "ProcessInfo",
    "alive",
    "boot_clock",
    "boot_id",
    "carries",
    "command",
    "exited",
    "identity",
    "now_ticks",
    "secs_since",
    "send",
    "start_ticks",
    "table",
]

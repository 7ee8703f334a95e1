"""Run a command, and end every process that it leaves behind.

``python3 tools/reap.py --limit SECS -- COMMAND …`` gives the command's exit code, or 1 when it left processes or ran
longer than the limit. On Linux this process adopts orphans of the command, however they were started, so nothing is
looked for by name; elsewhere only the time limit is kept. The standard library alone, since it runs before anything
is installed.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

GRACE_SECS = 10.0
"""How long what is left may take to end by itself, and then after each signal."""

_PR_SET_CHILD_SUBREAPER = 36
_PAUSE_SECS = 0.05


def main() -> int:
    """Run the command of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=float, default=0.0, help="seconds; 0 for none")
    parser.add_argument("--grace", type=float, default=GRACE_SECS, help="seconds for leftovers to end")
    parser.add_argument("command", nargs="+")
    given = parser.parse_args()
    adopts = _adopt_orphans()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background: tests press Ctrl-C all the same
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    child = subprocess.Popen(given.command, stdin=subprocess.DEVNULL, process_group=0)

    def pass_on(number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, pass_on)
    code = _wait(child, given.limit)
    left = _end_descendants(given.grace) if adopts else []
    for line in left:
        print(f"left running, and ended now: {line}", file=sys.stderr)
    return code or (1 if left else 0)


def _wait(child: subprocess.Popen[bytes], limit: float) -> int:
    try:
        code = child.wait(limit or None)
    except subprocess.TimeoutExpired:
        print(f"not done after {limit:g} s; ending it", file=sys.stderr)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(GRACE_SECS)
                break
        return 1
    return 128 - code if code < 0 else code


def _adopt_orphans() -> bool:
    if sys.platform != "linux":
        return False
    return ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def _end_descendants(grace: float) -> list[str]:
    """End what is left, politely first; gives a line about each that did not end by itself."""
    if _gone_within(grace):
        return []
    left = {pid: _describe(pid) for pid in _descendants()}
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in _descendants():
            left.setdefault(pid, _describe(pid))
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        if _gone_within(grace):
            break
    return [left[pid] for pid in sorted(left)]


def _gone_within(seconds: float) -> bool:
    return _until(lambda: not _descendants(), seconds)


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    ends = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > ends:
            return False
        time.sleep(_PAUSE_SECS)
    return True


def _descendants() -> list[int]:
    """List descendants of this process, after collecting those that are dead."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                if state not in {"Z", "X"} or int(parent) == os.getpid():  # our own dead are collected next time
                    children.setdefault(int(parent), []).append(int(entry.name))
    found: list[int] = []
    rest = [os.getpid()]
    while rest:
        below = children.get(rest.pop(), [])
        found += below
        rest += below
    return found


def _describe(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        words = ""
    return f"{pid} {words[:200]}"


if __name__ == "__main__":
    sys.exit(main())

"""Runs a long program as a child with its output in a log, and ends its whole group when it may go on no longer."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tinytown.services.bootstrap.model import Say

_LOOK_SECS = 5.0
_GRACE_SECS = 5.0


def run_logged(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    log: Path,
    say: Say,
    seconds: float,
    stdin: Path | None = None,
) -> int | None:
    """Run a program to its end.

    Args:
        argv: Its words; never a shell's string.
        cwd: Where it runs.
        env: Its whole environment.
        log: Where its output goes; written anew.
        say: Told now and then how far it is.
        seconds: How long it may take.
        stdin: What it reads; nothing when None.

    Returns:
        Its exit code, or None when it took too long and was ended.

    Raises:
        OSError: It cannot be started.
    """
    ends = time.monotonic() + seconds
    with log.open("wb") as out, (stdin or Path(os.devnull)).open("rb") as given:
        process = subprocess.Popen(
            list(argv), cwd=cwd, env=dict(env), stdin=given, stdout=out, stderr=out, start_new_session=True
        )
        try:
            while time.monotonic() < ends:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return process.wait(min(_LOOK_SECS, max(0.0, ends - time.monotonic())))
                say(f"still at it: {log.stat().st_size // 1024} KiB of output in {log}")
            return None
        finally:
            _end_group(process)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End what is left of a child's group. The child is not reaped before, so the number is still its own."""
    if process.returncode is not None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECS)
            return

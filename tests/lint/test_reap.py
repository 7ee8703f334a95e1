"""The wrapper of the checks: it gives the exit code on, keeps the time, and ends what was left, by descent alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

REAP = Path(__file__).parents[2] / "tools" / "reap.py"
DAEMON = """
import os, subprocess, sys
child = subprocess.Popen(
    [sys.executable, "-c", "import time; time.sleep(300)"],
    start_new_session=True, env={}, stdin=-3, stdout=-3, stderr=-3,
)
open(sys.argv[1], "w").write(str(child.pid))
"""

linux = pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted on Linux only")


def reap(*words: object) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, str(REAP), *map(str, words)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=50, check=False)


@pytest.mark.parametrize("code", [0, 3])
def test_the_exit_code_of_the_command_is_given_on(code):
    ran = reap("--", sys.executable, "-c", f"raise SystemExit({code})")

    assert (ran.returncode, ran.stderr) == (code, "")


@linux
def test_a_daemon_that_was_left_is_ended_named_and_fails_the_run(tmp_path):
    ran = reap("--grace", 0.3, "--", sys.executable, "-c", DAEMON, tmp_path / "pid")
    pid = int((tmp_path / "pid").read_text())

    assert ran.returncode == 1
    assert f"left running, and ended now: {pid} " in ran.stderr
    assert not psutil.pid_exists(pid)


@linux
def test_processes_of_others_are_left_alone(tmp_path):
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        reap("--grace", 0.1, "--", sys.executable, "-c", DAEMON, tmp_path / "pid")
        assert other.poll() is None
    finally:
        other.communicate(b"\n")


@linux
def test_a_command_that_takes_too_long_is_ended(tmp_path):
    waits = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(300)"
    ran = reap("--limit", 2, "--grace", 0.3, "--", sys.executable, "-c", waits)

    assert ran.returncode == 1
    assert "not done after 2 s" in ran.stderr
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_the_wrapper_needs_nothing_installed():
    ran = subprocess.run(
        [sys.executable, "-I", "-S", str(REAP), "--", "true"], env=dict(os.environ), timeout=50, check=False
    )

    assert ran.returncode == 0

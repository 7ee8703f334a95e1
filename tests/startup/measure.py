"""Prints how long commands take, as ratios to an empty interpreter: ``python tests/startup/measure.py [ROUNDS]``.

The runs are interleaved, so that a busy machine slows all of them alike; bytecode is cached as in an installation.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TARGETS = {
    "--version": 2.5,
    "--help": 16.0,
    "send conductor hello --info": 12.0,
    "task list": 12.0,
    "inbox": 12.0,
    "status": 12.0,
}


def main() -> None:
    """Measure and print a table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as base:
        env = {"PATH": os.environ["PATH"], "HOME": base, "XDG_RUNTIME_DIR": base, "PYTHONPYCACHEPREFIX": f"{base}/pyc"}
        town = Path(base, "town")
        town.mkdir()

        def run(*words: str) -> float:
            began = time.perf_counter()
            done = subprocess.run(words, env=env, cwd=town, capture_output=True, check=False)
            took = time.perf_counter() - began
            if done.returncode:
                raise SystemExit(done.stderr.decode())
            return took

        tt = (str(Path(sys.executable).with_name("tt")),)
        run(*tt, "init")
        cases = [(sys.executable, "-c", "pass"), *((*tt, *line.split()) for line in TARGETS)]
        for case in cases:
            run(*case)
        times: list[list[float]] = [[] for _ in cases]
        for _ in range(rounds):
            for found, case in zip(times, cases, strict=True):
                found.append(run(*case))
        run(*tt, "stop", "--now")
    base_time = statistics.median(times[0])
    print(f"{'':<32}{'p50 ms':>9}{'min ms':>9}{'ratio':>8}{'target':>8}   n={rounds}, server on a Unix socket")
    for name, found in zip(["python -c pass", *TARGETS], times, strict=True):
        middle = statistics.median(found)
        target = TARGETS.get(name)
        print(f"{name:<32}{middle * 1000:9.1f}{min(found) * 1000:9.1f}{middle / base_time:8.1f}{target or '':>8}")


if __name__ == "__main__":
    main()

"""The command: chooses rows, runs them one after the other, shows and keeps the results."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
import time
from pathlib import Path

from benchmarks import machine, report
from benchmarks.result import Line

ROWS = {
    "assign": "from an accepted task to the agent's running process",
    "idle": "a node with 1,000 idle agents",
    "trips": "requests to the server per verb, per task's life, and for status",
    "startup": "wall time of commands against an empty Python program",
    "mail": "from a sent message to a node that has taken it",
    "verbs": "a verb against an empty script with the same arguments",
    "lives": "whole task lives per second through one node",
}


def main() -> int:
    """Run the benchmarks that the command line names; 1 when a row gave no result."""
    listed = "\n".join(f"  {name:9}{about}" for name, about in ROWS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure the speed budgets.",
        epilog=f"rows:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("rows", nargs="*", choices=[[], *ROWS], metavar="ROW", help="which rows; all when left out")
    parser.add_argument("--quick", action="store_true", help="fewer samples and smaller towns; figures are rough")
    parser.add_argument("--out", type=Path, help="folder for results.json, plot.svg and README.md")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, _leave)
    environment = machine.environment() | {"quick": chosen.quick}
    lines: list[Line] = []
    failed: dict[str, str] = {}
    for name in chosen.rows or ROWS:
        began = time.monotonic()
        try:
            lines += importlib.import_module(f"benchmarks.rows.{name}").measure(quick=chosen.quick)
        except Exception as error:  # noqa: BLE001 - one row that cannot be measured must not hide the others
            failed[name] = f"{type(error).__name__}: {error}"
            print(f"{name}: no result: {failed[name]}", file=sys.stderr)
        print(f"{name}: {time.monotonic() - began:.1f} s", file=sys.stderr)
    print(report.table(lines))
    print("\n".join(f"{name}: {value}" for name, value in environment.items()))
    if chosen.out:
        report.write(chosen.out, lines, environment, failed)
    return 1 if failed else 0


def _leave(number: int, _frame: object) -> None:
    """Leave through all blocks, so that every town is ended."""
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())

"""Shows results: a table for people, JSON for programs, and Markdown for the documentation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.plot import plot
from benchmarks.result import Line

_HEAD = ("row", "what", "fsync", "n", "p50", "p99", "ratio", "budget", "")


def cells(line: Line) -> tuple[str, ...]:
    """Give one line of the table."""
    figures = line.figures
    unit = f" {line.unit}" if line.unit else ""

    def show(name: str) -> str:
        return f"{figures[name]:.3g}{unit}" if name in figures and figures[name] < 1000 else _large(figures, name, unit)  # noqa: PLR2004

    ratio = f"{figures['ratio']:.3g} × {line.against}" if "ratio" in figures else ""
    middle = show("p50") if line.samples else show("value")
    mark = "" if not line.budgets else "OVER" if line.broken else "ok"
    budget = ", ".join(map(str, line.budgets))
    return (line.row, line.what, line.fsync, str(len(line.samples) or 1), middle, show("p99"), ratio, budget, mark)


def _large(figures: Mapping[str, float], name: str, unit: str) -> str:
    return f"{figures[name]:,.0f}{unit}" if name in figures else ""


def table(lines: Sequence[Line]) -> str:
    """Give the table as aligned text."""
    rows = [_HEAD, *map(cells, lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


_INTRO = """# Speed

What the speed budgets of the project came to on one machine. To repeat it:

    uv run python -m benchmarks                        # all rows, some minutes
    uv run python -m benchmarks --quick assign mail    # some rows, fewer samples
    uv run python -m benchmarks --out docs/benchmarks  # write these files anew

Every row makes towns of its own in temporary folders, with real servers on Unix sockets or the loopback interface, and
ends all it started. A ratio is one of medians: both things were measured in turns in the same run, so that the mood of
the machine meets both. `fsync` names when the server's file reached the disk: `always` before each answer (the default
of a town), `everysec` once a second, `off` never. A budget that was not kept is marked `OVER`; a row of which the work
was not done gives no figure at all. [Notes](notes.md) say how the rows measure and what is known about those that are
over. A machine that does other work at the same time spoils absolute times first; `load at start` tells.

![Part of each budget that is used](plot.svg)

"""


def markdown(lines: Sequence[Line], environment: Mapping[str, object]) -> str:
    """Give the table and the environment as a page."""
    rows = [_HEAD, ("---",) * len(_HEAD), *map(cells, lines)]
    shown = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    about = "\n".join(f"- {name.replace('_', ' ')}: {value}" for name, value in environment.items())
    checks = "\n".join(f"- **{line.row}**, {line.what}: {line.done}" for line in lines)
    return f"{_INTRO}{shown}\n\n## Where it ran\n\n{about}\n\n## How it is known that the work was done\n\n{checks}\n"


def write(folder: Path, lines: Sequence[Line], environment: Mapping[str, object], failed: Mapping[str, str]) -> None:
    """Write `results.json`, `plot.svg` and `README.md` into a folder.

    Args:
        folder: Made when missing.
        lines: The results.
        environment: Where they were measured.
        failed: Rows that gave no result, with the reason.
    """
    folder.mkdir(parents=True, exist_ok=True)
    results = {
        "version": 1,
        "environment": dict(environment),
        "lines": [line.as_json() for line in lines],
        "failed": dict(failed),
    }
    (folder / "results.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    (folder / "plot.svg").write_text(plot(lines))
    (folder / "README.md").write_text(markdown(lines, environment))

"""`tt doctor`: prints what the checks found, and with `--fix` carries out the repairs that are safe."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinytown_cli.exits import DONE, REFUSED

if TYPE_CHECKING:
    from tinytown.services.checkup.model import Row

    from tinytown_cli.context import Context
    from tinytown_cli.output import Output

_MARKS = {"ok": ("ok", "green"), "warn": ("note", "yellow"), "bad": ("bad", "red"), "unknown": ("?", "yellow")}


def doctor(context: Context, *, fix: bool, dry_run: bool) -> int:
    """Check everything; 1 when something is wrong, after repairs if these were asked for."""
    from tinytown.errors import UsageError
    from tinytown.services.checkup.examine import is_well, repair

    if dry_run and not fix:
        raise UsageError(detail="--dry-run goes with --fix", hint="without --fix nothing is changed anyway")
    rows = _look(context)
    repaired: list[dict[str, Any]] = []
    if fix:
        for row, trouble in repair(rows, dry_run=dry_run):
            text = row.repair.text if row.repair else ""
            done = {"check": row.check, "text": text, "done": not dry_run and trouble is None, "trouble": trouble}
            repaired.append(done)
        if repaired and not dry_run:
            rows = _look(context)
    good = is_well(rows)

    def document() -> dict[str, Any]:
        return {
            "ok": good,
            "items": [
                {
                    "check": row.check,
                    "level": row.level.value,
                    "text": row.text,
                    "remedy": row.remedy,
                    "fix": row.repair.text if row.repair else None,
                }
                for row in rows
            ],
            "repaired": repaired,
            "next": None,
        }

    def human(out: Output) -> None:
        for each in repaired:
            word = "would" if dry_run else "done:" if each["done"] else f"not done ({each['trouble']}):"
            out.line(f"fix {word} {each['text']}")
        for row in rows:
            mark, colour = _MARKS[row.level.value]
            out.line(f"{mark:<5}{row.check}: {row.text}", None if mark == "ok" else colour)
            if row.remedy and mark != "ok":
                out.line(f"     -> {row.remedy}")
        if not fix and any(row.repair for row in rows):
            out.note("`tt doctor --fix` does what is safe of it; add --dry-run to see it first")

    context.out.either(document, human)
    return DONE if good else REFUSED


def _look(context: Context) -> list[Row]:
    from tinytown.services.checkup.examine import examine

    from tinytown_cli import service

    place = service.launchd_file if sys.platform == "darwin" else service.systemd_file
    return examine(context.flags.town, env=os.environ, tt=_own(), service_file=lambda name: place(Path.home(), name))


def _own() -> Path:
    """Give the `tt` that runs; for `python -m tinytown_cli` the one beside the interpreter."""
    path = Path(sys.argv[0]).absolute()
    return Path(sys.executable).absolute().with_name("tt") if path.name != "tt" else path

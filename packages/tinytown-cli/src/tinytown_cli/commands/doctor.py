"""`tt doctor`: looks at everything a town needs; starts nothing, changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinytown_cli.checkup import examine
from tinytown_cli.commands.adapters import MARKS
from tinytown_cli.exits import DONE, REFUSED

if TYPE_CHECKING:
    from tinytown_cli.context import Context
    from tinytown_cli.output import Output


def doctor(context: Context) -> int:
    """Check everything; 1 when something is wrong."""
    findings = examine(context.flags.town)
    good = all(finding.ok is not False for finding in findings)

    def human(out: Output) -> None:
        for finding in findings:
            mark, colour = MARKS[finding.ok]
            out.line(f"{mark:<4}{finding.what}: {finding.text}", None if finding.ok else colour)
            if finding.hint and not finding.ok:
                out.line(f"    -> {finding.hint}")

    context.out.either(lambda: {"ok": good, "items": [finding._asdict() for finding in findings], "next": None}, human)
    return DONE if good else REFUSED

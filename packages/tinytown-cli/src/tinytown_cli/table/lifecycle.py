"""Commands that clean up and bring back: what has ended, what it left, and the whole town."""

from __future__ import annotations

from tinytown_cli.table.model import Command, Param, dry_run, force, refs

COMMANDS: tuple[Command, ...] = (
    Command(
        ("prune",),
        "lifecycle:prune",
        "Agents",
        "Remove agents that have ended and hold nothing",
        ("tt prune --dry-run", "tt prune w1 w2 --force"),
        (
            refs("Agents; all that have ended otherwise", name="agents"),
            Param("all", "Stop living agents first", kind="bool"),
            dry_run(),
            force(),
        ),
    ),
)

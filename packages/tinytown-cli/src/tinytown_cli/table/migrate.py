"""The command that brings a town of the Rust program over."""

from __future__ import annotations

from tinytown_cli.table.model import Command, Param

COMMANDS: tuple[Command, ...] = (
    Command(
        ("migrate",),
        "migrate:migrate",
        "Town",
        "Bring a town of the Rust program into this one",
        ("tt migrate --dry-run", "tt migrate --from shop --url redis://127.0.0.1:16379"),
        (
            Param("from_", "Name that the town has there; that of this town's file otherwise"),
            Param("url", "Server that holds it; the one in a file of the Rust program otherwise"),
            Param("dry_run", "Only say what would be done", kind="bool"),
            Param("force", "Go on although its agents may still be running", kind="bool"),
            Param("legacy", "Bring keys of before towns had names too; say it for one town only", kind="bool"),
        ),
        doing="reading the town that is there",
    ),
)

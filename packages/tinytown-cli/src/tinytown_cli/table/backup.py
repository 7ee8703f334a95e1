"""The commands that keep a whole town in a file and make it anew."""

from __future__ import annotations

from tinytown_cli.table.model import Command, Param, dry_run

_GROUP = "Town"

COMMANDS: tuple[Command, ...] = (
    Command(
        ("save",),
        "backup:save",
        _GROUP,
        "Save the whole town in one text file that diffs well",
        ("tt save", "tt save town.save"),
        (
            Param("file", "Where to (`.tt/town.save`); `-` is standard output", positional=True),
            Param("force", "Write over a file that is no save of this town", kind="bool"),
        ),
        doing="saving the town",
    ),
    Command(
        ("restore",),
        "backup:restore",
        _GROUP,
        "Make the town what a save says, here or on another server",
        ("tt restore town.save --dry-run", "tt restore --to redis://10.0.0.5:6379"),
        (
            Param("file", "What `tt save` wrote (`.tt/town.save`); `-` is standard input", positional=True),
            Param("force", "Even if the town is not empty; what is there is kept in `.tt/trash` first", kind="bool"),
            dry_run(),
            Param("to", "Move the town to this server (a URL, or `embedded:`)"),
        ),
        doing="restoring the town",
    ),
)

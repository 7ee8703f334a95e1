"""Commands that clean up and bring back: what has ended, what it left, and the whole town."""

from __future__ import annotations

from tinytown_cli.table.model import Command, Param, dry_run, force, refs

COMMANDS: tuple[Command, ...] = (
    Command(
        ("recover",),
        "lifecycle:recover",
        "Agents",
        "Start the node if it does not run, and agents that failed",
        ("tt recover --dry-run", "tt recover w1"),
        (refs("Agents; all otherwise", name="agents"), dry_run()),
        doing="looking at the node and the agents",
    ),
    Command(
        ("reset",),
        "reset:reset",
        "Town",
        "Take everything in the town away, after a save of it",
        ("tt reset --dry-run", "tt reset --agents-only --force"),
        (
            Param("agents_only", "Only remove the agents; open tasks go to the backlog", kind="bool"),
            dry_run(),
            force(),
        ),
        doing="saving the town and emptying it",
    ),
    Command(
        ("reclaim",),
        "reclaim:reclaim",
        "Work",
        "List what ended agents hold, or hand it on",
        ("tt reclaim", "tt reclaim --from w1 --to-backlog"),
        (
            Param("from_", "Only what this agent holds"),
            Param("to", "Give tasks and mail to this agent"),
            Param(
                "to_backlog",
                "Put tasks and mail that asks for work into the backlog; other mail goes to the conductor",
                kind="bool",
            ),
            Param("orphan_tasks", "Only tasks, also those whose agent is not on record", kind="bool"),
            Param("cancel", "Cancel the orphan tasks", kind="bool"),
            Param("delete", "Delete the orphan tasks, with a copy in `.tt/trash`", kind="bool"),
            dry_run(),
            force(),
        ),
        doing="going through what ended agents hold",
    ),
    Command(
        ("prune",),
        "lifecycle:prune",
        "Agents",
        "Remove agents that have ended and hold nothing, and their worktrees",
        ("tt prune --dry-run", "tt prune w1 w2 --force"),
        (
            refs("Agents; all that have ended otherwise", name="agents"),
            Param("all", "Stop living agents first", kind="bool"),
            Param("trash", "Delete all worktrees in the trash; what git saw of them stays as snapshots", kind="bool"),
            Param("undo", "Bring the worktree of an agent back, or the last one that went", kind="bool"),
            Param("refs", "Delete the snapshots of worktrees that are deleted", kind="bool"),
            dry_run(),
            force(),
        ),
        doing="going through the agents",
    ),
)

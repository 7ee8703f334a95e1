"""Commands about what tasks say, and about the plan that is kept in a file."""

from __future__ import annotations

from tinytown_cli.table.model import Command, Param, ref

_GROUP = "Work"

COMMANDS: tuple[Command, ...] = (
    Command(
        ("task", "edit"),
        "plan:edit",
        _GROUP,
        "Change what an open task says",
        (
            'tt task edit t-9k3fq2xa7m --description "Fix the parser and its tests"',
            "tt task edit t-9k3 --tags docs,later --clear role",
        ),
        (
            ref("Task", name="task"),
            Param("description", "What is to be done; `-` or `@file` for long text", text=True),
            Param("role", "Role that should do it"),
            Param("tags", "Words to find it by, all of them", kind="list", aliases=("--tag",)),
            Param("depends_on", "Tasks that must be completed first, all of them", kind="list"),
            Param("parent", "Task that it is a part of"),
            Param("clear", "Take away `role`, `tags`, `depends-on` or `parent`", kind="list"),
        ),
    ),
    Command(
        ("plan",),
        "plan:plan",
        _GROUP,
        "List the entries of `tasks.toml` with their state in the town",
        ("tt plan", "tt plan --init"),
        (
            Param("init", "Write an example", kind="bool", aliases=("-i",)),
            Param("force", "Write it even over a plan that is there", kind="bool"),
        ),
        doing="comparing the plan with the town",
    ),
    Command(
        ("sync",),
        "plan:sync",
        _GROUP,
        "Bring `tasks.toml` into the town (push) or back (pull)",
        ("tt sync push --dry-run", "tt sync pull"),
        (
            Param("direction", "`push` when left out", positional=True, choices=("push", "pull")),
            Param("prefer", "Whose word counts where both changed a field", choices=("file", "town")),
            Param("prune", "Push: cancel open tasks of entries that were taken out", kind="bool"),
            Param("no_gates", "Push: complete tasks without gates; kept in the evidence", kind="bool"),
            Param("all_", "Pull: add closed tasks too", kind="bool", aliases=("-a",)),
            Param("dry_run", "Only say what would be done", kind="bool"),
        ),
        doing="comparing the plan with the town",
    ),
)

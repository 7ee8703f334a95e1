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
)

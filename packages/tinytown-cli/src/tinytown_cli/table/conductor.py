"""The command that makes this terminal the conductor's conversation."""

from __future__ import annotations

from tinytown_cli.table.model import Command, Param

COMMANDS: tuple[Command, ...] = (
    Command(
        ("conductor",),
        "conductor:conductor",
        "People",
        "Talk to the agent that plans and delegates, in this terminal",
        ("tt conductor --cli claude", "tt conductor --print"),
        (
            Param("cli", "Its agent CLI; else `conductor_cli` of the settings", aliases=("-c",)),
            Param("model", "Model that its agent CLI shall use", aliases=("-m",)),
            Param("print_", "Only show what it would be told: the town's state and the handbook", kind="bool"),
        ),
    ),
)

"""Commands about the town as a whole."""

from __future__ import annotations

from tinytown_cli.table.model import Command, Param

_GROUP = "Town"

COMMANDS: tuple[Command, ...] = (
    Command(
        ("init",),
        "town:init",
        _GROUP,
        "Make this folder a town",
        ("tt init", "tt init --name shop --cli claude"),
        (
            Param("name", "Name of the town; made from the folder's name otherwise", aliases=("-n",)),
            Param("cli", "Agent CLI of spawns that name none", aliases=("-c",)),
            Param("redis_url", "Server to keep the town on, instead of one of its own"),
        ),
        doing="making the town and starting its server",
    ),
    Command(
        ("start",),
        "town:start",
        _GROUP,
        "Start the node, which runs the agents of this machine",
        ("tt start", "tt start --foreground"),
        (
            Param("foreground", "Run it in front, until Ctrl-C", kind="bool"),
            Param("install", "Write a user service that starts it with the machine", kind="bool"),
        ),
        doing="starting the node",
    ),
    Command(
        ("stop",),
        "town:stop",
        _GROUP,
        "End the node and its rounds; their work is handed back",
        ("tt stop", "tt stop --timeout 60"),
        (
            Param("timeout", "Seconds that running rounds are given (10)", kind="float", low=0),
            Param("now", "Give them no time", kind="bool"),
        ),
    ),
    Command(
        ("status",),
        "town:status",
        _GROUP,
        "Show the town: node, agents, tasks, what needs attention",
        ("tt status", "tt status --tasks"),
        (
            Param("deep", "Also show each agent's rounds, mail, spending and last output", kind="bool"),
            Param("tasks", "Also list the open tasks", kind="bool"),
        ),
    ),
    Command(
        ("demo",),
        "demo:demo",
        _GROUP,
        "Watch three scripted agents repair a repository offline",
        ("tt demo", "tt demo --keep"),
        (Param("keep", "Leave the repository and its stopped town to look at", kind="bool"),),
    ),
)

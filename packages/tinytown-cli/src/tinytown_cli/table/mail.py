"""Commands about mail and about what has happened."""

from __future__ import annotations

from tinytown_cli.table.model import Command, Param, page_after, page_limit, ref

_GROUP = "Mail"

_FILTERS = (
    Param("agent", "Only of this agent", aliases=("-a",)),
    Param("task", "Only of this task"),
    Param("type_", "Only of this type, such as `task.completed` or `round`"),
)

COMMANDS: tuple[Command, ...] = (
    Command(
        ("send",),
        "mail:send",
        _GROUP,
        "Send mail to an agent or to the conductor",
        ('tt send w1 "Please also update the docs"', 'tt send m-9k3fq2xa7m "Yes, do" --info'),
        (
            ref("Receiver, `conductor`, or the message to answer", name="to"),
            Param("message", "The text; `-` or `@file` for long text", positional=True, required=True, text=True),
            Param("query", "It asks for an answer", kind="bool"),
            Param("info", "It is only news; it starts no round", kind="bool"),
            Param("ack", "It only confirms; it starts no round", kind="bool"),
            Param("urgent", "It goes before other mail", kind="bool"),
            Param("reply_to", "Message that it answers"),
            Param("ttl", "It expires if it was not read after so many seconds", kind="float", low=0),
        ),
    ),
    Command(
        ("inbox",),
        "mail:inbox",
        _GROUP,
        "Show mail; inside a round it counts as read, else it is only looked at",
        ("tt inbox", "tt inbox --all"),
        (
            ref("Agent, `conductor`, or one message; inside a round its own", required=False),
            Param("all_", "Look at what waits for everyone; nothing counts as read", kind="bool", aliases=("-a",)),
            Param("done", "Say that this message is dealt with"),
            page_limit(),
            page_after(),
        ),
    ),
    Command(
        ("trace",),
        "mail:trace",
        _GROUP,
        "Show what has happened to a message, task, agent or round",
        ("tt trace m-9k3fq2xa7m", "tt trace w1 --json"),
        (ref("Any record", name="ref"),),
    ),
    Command(
        ("history",),
        "events:history",
        _GROUP,
        "Tell what has happened lately, the newest last",
        ("tt history", "tt history -n 100 --agent w1"),
        (
            Param("limit", "So many (30) of what is asked for", kind="int", low=1, high=1000, aliases=("-n",)),
            *_FILTERS,
        ),
    ),
    Command(
        ("events",),
        "events:events",
        _GROUP,
        "List events as they are on record, the newest last",
        ("tt events --count 50 --agent w1", "tt events -f --after 1763800000000-0"),
        (
            Param("count", "So many (20)", kind="int", low=1, high=1000, aliases=("-c",)),
            Param("follow", "Go on as things happen", kind="bool", aliases=("-f",)),
            *_FILTERS,
            Param("after", "Go on after this event: what came later, the oldest first"),
            Param("since", "Begin with this event, or at a time such as `2026-11-22T08:30:00Z`"),
        ),
    ),
)

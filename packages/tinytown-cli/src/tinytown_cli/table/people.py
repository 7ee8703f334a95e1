"""Commands about what needs a person."""

from __future__ import annotations

from tinytown_cli.table.model import Command, Param, page_after, page_limit, ref

_GROUP = "People"
_ITEM = ref("Item of the list", name="item")

COMMANDS: tuple[Command, ...] = (
    Command(
        ("why",),
        "people:why",
        _GROUP,
        "Say what something waits for, and what moves it",
        ("tt why t-9k3fq2xa7m", "tt why w1"),
        (ref("Any record, or nothing for the whole town", name="ref", required=False),),
    ),
    Command(
        ("attention", "list"),
        "people:list_attention",
        _GROUP,
        "List what needs a person",
        ("tt attention list", "tt attention list --json"),
        (page_limit(), page_after()),
        aliases=("ls",),
    ),
    Command(
        ("attention", "answer"),
        "people:answer",
        _GROUP,
        "Answer an item; what waited for it goes on",
        ('tt attention answer q-9k3fq2xa7m "Use the second form"', "tt attention answer q-9k3fq2xa7m @answer.md"),
        (
            _ITEM,
            Param("text", "The answer; `-` or `@file` for long text", positional=True, required=True, text=True),
        ),
    ),
    Command(
        ("attention", "dismiss"),
        "people:dismiss",
        _GROUP,
        "Close an item without an answer",
        ("tt attention dismiss q-9k3fq2xa7m", "tt attention dismiss q-9k3 --json"),
        (_ITEM,),
    ),
)

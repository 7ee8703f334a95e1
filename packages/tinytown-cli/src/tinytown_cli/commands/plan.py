"""`tt task edit`, `tt plan` and `tt sync`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinytown_cli.commands.tasks import optional_text, several, show_task

if TYPE_CHECKING:
    from tinytown_cli.context import Context

_CLEARED = ("role", "tags", "depends-on", "parent")


def edit(
    context: Context,
    *,
    task: str,
    description: str | None,
    role: str | None,
    tags: tuple[str, ...],
    depends_on: tuple[str, ...],
    parent: str | None,
    clear: tuple[str, ...],
) -> None:
    """Change what a task says."""
    from tinytown.services import checks

    gone = {checks.word(word, _CLEARED, what="`--clear`") for word in several(clear)}
    changed = context.town.edit(
        task,
        text=optional_text(description, "description"),
        role="" if "role" in gone else None if role is None else checks.plain_name(role, what="role"),
        tags=() if "tags" in gone else several(tags) if tags else None,
        depends_on=() if "depends-on" in gone else several(depends_on) if depends_on else None,
        parent="" if "parent" in gone else None if parent is None else checks.ref(parent, what="parent"),
    )
    show_task(context, changed)

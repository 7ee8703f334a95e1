"""`tt completion`: scripts made by cyclopts from the command table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from tinytown_cli.reference_parser import application

if TYPE_CHECKING:
    from tinytown_cli.context import Context


def completion(context: Context, *, shell: str) -> None:
    """Print the completion script of a shell."""
    kind = cast("Literal['bash', 'zsh', 'fish']", shell)
    script = application().generate_completion(prog_name="tt", shell=kind)
    context.out.either(lambda: {"shell": shell, "script": script}, lambda _: print(script))

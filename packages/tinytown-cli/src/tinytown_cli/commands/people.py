"""`tt why` and the commands of `tt attention`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinytown_cli import views
from tinytown_cli.texts import read_text

if TYPE_CHECKING:
    from tinytown.domain.records import Attention

    from tinytown_cli.context import Context
    from tinytown_cli.output import Output


def why(context: Context, *, ref: str | None) -> None:
    """Say what something waits for."""
    found = context.town.why(ref)

    def document() -> dict[str, object]:
        causes = [
            {"code": cause.code, "text": cause.text, "ref": cause.ref, "command": cause.command}
            for cause in found.causes
        ]
        return {"ref": found.ref, "kind": found.kind, "state": str(found.state), "causes": causes}

    def human(out: Output) -> None:
        if found.kind == "town":
            out.line(f"town {context.town.name}")
        else:
            out.line(f"{found.kind} {found.ref} is {found.state}")
        for depth, cause in enumerate(found.causes):
            out.line(f"{'  ' * depth}because: {cause.text} [{cause.code}]")
            if cause.command:
                out.line(f"{'  ' * depth}  do: {cause.command}", "bold")

    context.out.either(document, human)


def list_attention(context: Context, *, limit: int | None, after: int | None) -> None:
    """List what needs a person."""
    page = context.town.attention(after=after, limit=100 if limit is None else limit)
    context.out.items(
        page.items, lambda out: views.attention(out, page.items, empty="nothing needs you"), next_=page.next
    )


def answer(context: Context, *, item: str, text: str) -> None:
    """Answer an item."""
    _closed(context, context.town.answer(item, read_text(text, what="answer")))


def dismiss(context: Context, *, item: str) -> None:
    """Close an item without an answer."""
    _closed(context, context.town.dismiss(item))


def _closed(context: Context, item: Attention) -> None:
    context.out.record(item, lambda out: out.line(f"{item.id}  {item.state}"))

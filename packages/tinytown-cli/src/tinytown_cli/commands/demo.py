"""`tt demo`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinytown_cli.context import Context
    from tinytown_cli.output import Output


def demo(context: Context, *, keep: bool) -> int:
    """Play the demo with progress on standard error and a summary on standard output."""
    from tinytown_cli.demo.play import play, summary

    played = play(context.out.note, keep=keep)

    def document() -> dict[str, Any]:
        from tinytown.storage.codec import as_json

        return {
            "tasks": [as_json(task) for task in played.tasks],
            "commits": list(played.commits),
            "rejections": played.rejections,
            "seconds": round(played.seconds, 2),
            "kept": str(played.root) if played.kept else None,
        }

    def human(out: Output) -> None:
        for line in summary(played):
            out.line(line)

    context.out.either(document, human)
    return 0 if all(task.state == "completed" for task in played.tasks) else 1

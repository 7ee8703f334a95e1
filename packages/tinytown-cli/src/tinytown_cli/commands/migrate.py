"""`tt migrate`: brings a town of the Rust program over; the old keys are only read."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinytown.services.migrating import Migrated
    from tinytown.services.migration_plan import Entry

    from tinytown_cli.context import Context
    from tinytown_cli.output import Output


def migrate(context: Context, *, from_: str | None, url: str | None, dry_run: bool, force: bool, legacy: bool) -> None:
    """Bring a town over, or say what that would do."""
    done = context.town.migrate(town=from_, url=url, dry_run=dry_run, force=force, legacy=legacy)
    context.out.either(lambda: _document(done), lambda out: _human(out, done))


def _document(done: Migrated) -> dict[str, Any]:
    return {
        "dry_run": done.dry_run,
        "town": done.town,
        "url": done.url,
        "items": [
            *({**_entry(entry), "new": True} for entry in done.new),
            *({**_entry(entry), "new": False} for entry in done.there),
        ],
        "next": None,
        "skipped": [{"key": item.key, "reason": item.reason} for item in done.skipped],
        "notes": list(done.notes),
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {"kind": entry.kind, "old": entry.old, "id": entry.id, "text": entry.text}


def _human(out: Output, done: Migrated) -> None:
    if done.new:
        rows = [(entry.kind, entry.old[:8], entry.id, entry.text) for entry in done.new]
        out.table(("KIND", "THERE", "HERE", "WHAT"), rows)
        out.line()
    for item in done.skipped:
        out.line(f"skipped {item.key}: {item.reason}", "yellow")
    for text in done.notes:
        out.line(f"note: {text}")
    counts = Counter(entry.kind for entry in done.new)
    what = ", ".join(f"{count} {kind}{'s' if count != 1 else ''}" for kind, count in counts.items()) or "nothing new"
    word = "would be brought over" if done.dry_run else "brought over"
    out.line(f"{what} {word} from `{done.town}` at {done.url}; {len(done.there)} were here already")
    if done.dry_run:
        out.note("nothing was changed; `tt migrate` without `--dry-run` does it")
    elif counts["agent"]:
        out.note("the agents are stopped: `tt restart NAME` starts one")

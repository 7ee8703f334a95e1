"""`tt save` and `tt restore`."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from tinytown.errors import RefusedError, UsageError

from tinytown_cli.asking import agree, can_ask

if TYPE_CHECKING:
    from tinytown.services.restoring import Restored

    from tinytown_cli.context import Context
    from tinytown_cli.output import Output

STREAM = "-"


def save(context: Context, *, file: str | None, force: bool) -> None:
    """Write the town into a file."""
    if file == STREAM:
        if context.out.json:
            raise UsageError(detail="`-` prints the save itself, not a document", hint="leave `--json` or `-` out")
        if sys.stdout.isatty():
            context.out.end()
        context.town.save(sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    saved = context.town.save(None if file is None else Path(file), force=force)
    document = {"file": str(saved.file), "bytes": saved.size, "counts": saved.counts}
    context.out.either(lambda: document, lambda out: out.line(f"saved {_words(saved.counts)} in {saved.file}"))


def restore(context: Context, *, file: str | None, force: bool, dry_run: bool, to: str | None) -> None:
    """Make the town what a file says."""
    source = _source(file)

    def once(*, sure: bool) -> Restored:
        if to is None:
            return context.open(unfinished=True).restore(_again(source), force=sure, dry_run=dry_run)
        from tinytown.services.moving import move_town

        return move_town(context.flags.town, to, _again(source), force=sure, dry_run=dry_run)

    try:
        done = once(sure=force)
    except RefusedError as error:
        if error.refusal != "town_not_empty" or not can_ask(context.out):
            raise
        agree(context.out, f"{error.message}. Replace all of it?", force=False)
        done = once(sure=True)
    context.out.either(lambda: _document(done, to), lambda out: _show(out, done, to))


def _source(file: str | None) -> bytes | Path | None:
    if file == STREAM:
        if sys.stdin is None or sys.stdin.isatty():
            raise UsageError(detail="`-` reads a save that is piped in", hint="write `tt restore - < FILE`")
        return sys.stdin.buffer.read()
    return None if file is None else Path(file)


def _again(source: bytes | Path | None) -> IO[bytes] | Path | None:
    """Give what was piped in from its beginning."""
    return io.BytesIO(source) if isinstance(source, bytes) else source


def _document(done: Restored, to: str | None) -> dict[str, Any]:
    from tinytown.config.urls import split_url

    return {
        "dry_run": done.dry_run,
        "counts": done.counts,
        "replaced": {kind: done.replaced.get(kind, 0) for kind in done.counts},
        "kept": str(done.kept) if done.kept else None,
        "ended_rounds": list(done.ended),
        "moved_agents": list(done.moved),
        "server": split_url(to, what="--to").url if to else None,
    }


def _show(out: Output, done: Restored, to: str | None) -> None:
    place = f" on {_document(done, to)['server']}" if to else ""
    out.line(f"{'would restore' if done.dry_run else 'restored'} {_words(done.counts)}{place}")
    if done.replaced:
        kept = f", kept in {done.kept}" if done.kept else ""
        out.line(f"{'in place of' if done.dry_run else 'it replaced'} {_words(done.replaced)}{kept}")
    if done.ended:
        out.line(f"{len(done.ended)} rounds that went on were ended; their tasks and mail went back")
    if done.moved:
        out.line(f"{len(done.moved)} agents of other machines belong to this one from now on")
    if not done.dry_run:
        out.note("next: tt start")


def _words(counts: dict[str, int]) -> str:
    shown = [(counts.get(kind, 0), kind) for kind in ("agent", "task", "message", "event")]
    return ", ".join(f"{count} {kind}{'' if count == 1 else 's'}" for count, kind in shown)

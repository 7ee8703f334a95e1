"""`tt logs`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tinytown.errors import NotFoundError

from tinytown_cli.round_log import RoundLog, grown, last_lines, shown

if TYPE_CHECKING:
    from tinytown_cli.context import Context


def logs(context: Context, *, ref: str | None, follow: bool, lines: int | None, raw: bool) -> None:
    """Show the output of a round; without a reference the log of the node."""
    if ref is None:
        _node_log(context, follow=follow, lines=lines, raw=raw)
        return
    file = context.town.log_file(ref)
    log = RoundLog(file.parent)
    if not log.begun:
        raise NotFoundError(
            kind="output of", ref=ref, hint="it has not begun, was on another machine, or is old and was deleted"
        )
    past = log.chunks(follow=follow and lines is None)
    _print(context, past, file, lines=lines, raw=raw)


def _node_log(context: Context, *, follow: bool, lines: int | None, raw: bool) -> None:
    from tinytown.config.discover import find_town
    from tinytown.config.paths import TownPaths

    file = TownPaths(find_town(context.flags.town)).node_log
    if not file.exists():
        raise NotFoundError(kind="log of", ref="the node", hint="no node has run here yet: `tt start`")
    past = grown(file) if follow and lines is None else iter([file.read_text("utf-8", "replace")])
    _print(context, past, file, lines=lines, raw=raw)


def _print(context: Context, chunks: Iterator[str], file: Path, *, lines: int | None, raw: bool) -> None:
    context.out.end()
    if lines is not None:
        chunks = iter([last_lines(chunks, lines)])
    if context.flags.json:
        context.out.document({"log": str(file), "text": "".join(chunks)})
        return
    for piece in shown(chunks, raw=raw):
        context.out.raw(piece)

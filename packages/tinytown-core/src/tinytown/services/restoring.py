"""Restoring a town from a file: all of it is checked first, then written in parts under a mark that says so."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING

import attrs

from tinytown.errors import RefusedError, StorageCorruptError
from tinytown.services import saving
from tinytown.services.clearing import claim_anew, instance_of, new_token
from tinytown.services.keeping import is_empty, keep_and_clear, trash_file, what_is_there
from tinytown.services.quiet import demand_quiet
from tinytown.services.rehoming import move_here, settle_restored
from tinytown.services.steps import Steps, ask, local
from tinytown.storage.calls import nodes as node_calls
from tinytown.storage.calls import saves
from tinytown.storage.saves import rebuild

if TYPE_CHECKING:
    from tinytown.services.context import TownContext
    from tinytown.storage.saves.town import SavedTown


@attrs.frozen(kw_only=True)
class Restored:
    """What was restored, or would be.

    Attributes:
        counts: How many records of each kind, and events.
        replaced: How many records of each kind were there before; empty for an empty town.
        kept: Where those were saved, if there were any.
        ended: Live rounds of the file that were ended; their tasks and mail went back.
        moved: Agents that belong to the node of this machine from now on.
        dry_run: Nothing was done.
    """

    counts: dict[str, int]
    replaced: dict[str, int]
    kept: Path | None = None
    ended: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    dry_run: bool = False


def restore(
    context: TownContext, file: str | Path | IO[bytes] | None = None, *, force: bool = False, dry_run: bool = False
) -> Steps[Restored]:
    """Make the town what a file says that a town was. No node may run.

    What was there before is kept as a save in ``.tt/trash``. An interrupted restore is told to whoever opens the
    town; repeated, it begins anew.

    Args:
        context: The town.
        file: What `save` wrote; ``.tt/town.save`` when left out. Or a stream of bytes.
        force: Even if the town holds something.
        dry_run: Check everything and say what would be done.

    Raises:
        SaveFileError: The file cannot be restored; nothing was changed.
        RefusedError: The town is not empty, or a node works on it.
    """
    return (yield from restore_settled(context, file, lambda: None, force=force, dry_run=dry_run))


def restore_settled(
    context: TownContext,
    file: str | Path | IO[bytes] | None,
    settle: Callable[[], None],
    *,
    force: bool = False,
    dry_run: bool = False,
) -> Steps[Restored]:
    """Restore a town, and do one more thing while it still counts as unfinished; else as `restore`."""
    source = saving.default_file(context) if file is None else file
    town = yield from local(lambda: saving.load(source))
    lock = yield from demand_quiet(context)
    try:
        return (yield from _restore(context, town, settle, force=force, dry_run=dry_run))
    finally:
        os.close(lock)


def _restore(
    context: TownContext, town: SavedTown, settle: Callable[[], None], *, force: bool, dry_run: bool
) -> Steps[Restored]:
    counts, replaced = town.counts(), dict[str, int]()

    def look() -> Steps[SavedTown | None]:
        before = yield from what_is_there(context)
        replaced.update(before.counts() if before is not None and not is_empty(before) else {})
        if replaced and not force and not dry_run:
            raise RefusedError(
                refusal="town_not_empty",
                detail=f"the town `{context.name}` is not empty: {sentence(replaced)}",
                hint="repeat with `--force`: what is there is kept in `.tt/trash` first",
            )
        return before

    if dry_run:
        yield from look()
        return Restored(counts=counts, replaced=replaced, dry_run=True)
    token = new_token()
    known = {node.id for node in (yield from ask(node_calls.listing())).items}
    town.name = context.name
    moved = yield from move_here(context, town, known)
    instance = yield from instance_of(context)
    kept = yield from keep_and_clear(context, "restore", token, trash_file(context, context.name), look)
    yield from claim_anew(context, instance, unfinished=True)
    ended = yield from _write(context, town, token, moved)
    yield from local(settle)
    yield from ask(saves.finish(token))
    return Restored(counts=counts, replaced=replaced, kept=kept, ended=ended, moved=moved)


def _write(context: TownContext, town: SavedTown, token: str, moved: tuple[str, ...]) -> Steps[tuple[str, ...]]:
    """Write a town where nothing is, and compare; gives the rounds that were ended."""
    for batch in rebuild.batches(town, token):
        yield from ask(saves.write(token, batch, trimmed=town.trimmed))
    if (yield from saving.collect(context, token)) != town:
        raise StorageCorruptError(key="*", hint="another program wrote into this town; end it, then restore again")
    return (yield from settle_restored(context, town, token, moved))


def sentence(counts: dict[str, int]) -> str:
    """Say in words how many records of each kind there are."""
    named = [(kind, count) for kind, count in counts.items() if count and kind in {"agent", "task", "message"}]
    shown = [f"{count} {kind}{'' if count == 1 else 's'}" for kind, count in named]
    return ", ".join(shown) or f"{counts.get('event', 0)} events"

"""Nothing of a town goes before it was saved, and what somebody said meanwhile is in the save or refused."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tinytown.config.files import private_dir
from tinytown.domain.ids import CONDUCTOR_ID
from tinytown.errors import RefusedError
from tinytown.services import saving
from tinytown.services.clearing import clear_for
from tinytown.services.quiet import demand_nobody
from tinytown.services.steps import Steps, ask, local
from tinytown.storage.calls import saves

if TYPE_CHECKING:
    from tinytown.services.context import TownContext
    from tinytown.storage.saves.town import SavedTown


def what_is_there(context: TownContext) -> Steps[SavedTown | None]:
    """Read the town; None if a restore or a reset of it was cut off, which has kept what was there before."""
    said = (yield from ask(saves.export(limit=1))).town
    if "unfinished" in said or "schema" not in said:  # without one a reset was killed before it claimed the town anew
        return None
    return (yield from saving.collect(context))


def is_empty(town: SavedTown) -> bool:
    """Say whether a town holds nothing but its conductor and nodes."""
    counts = town.counts()
    there = sum(counts[kind] for kind in ("task", "message", "round", "attention", "parked"))
    return there == 0 and set(town.records["agent"]) <= {CONDUCTOR_ID}


def trash_file(context: TownContext, what: str) -> Path:
    """Name a file for what is taken away now."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    return context.paths.trash / f"{what}-{stamp}-{os.urandom(2).hex()}.save"


def keep(context: TownContext, town: SavedTown | None, path: Path) -> Steps[Path | None]:
    """Save what is there; None where there is nothing to keep."""
    if town is None or is_empty(town):
        return None
    yield from local(lambda: (private_dir(context.paths.trash), saving.put(town, path)))
    return path


def keep_and_clear(
    context: TownContext, what: str, token: str, path: Path, look: Callable[[], Steps[SavedTown | None]]
) -> Steps[Path | None]:
    """Save all that is there, then take it away; what somebody added in between is saved too.

    Args:
        context: The town.
        what: ``reset`` or ``restore``, as of `clear_for`.
        token: Of this attempt.
        path: Where to save.
        look: Gives what is there, or refuses that it goes.

    Returns:
        The file; None where there was nothing to keep.

    Raises:
        RefusedError: The town changes faster than it can be saved.
    """
    for _ in range(saving.TRIES):
        town = yield from look()
        kept = yield from keep(context, town, path)
        try:
            yield from clear_for(context, what, token, None if town is None else saving.newest_of(town))
        except RefusedError as error:
            if error.refusal != "changed":
                raise
            yield from demand_nobody(context)
        else:
            return kept
    raise saving.busy()

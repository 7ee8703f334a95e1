"""Whose town it is on a server: said to the server once, and noted in the folder, so that it costs nothing later."""

from __future__ import annotations

import json

import attrs

from tinytown.config.files import private_dir, read_bytes, write_private
from tinytown.config.paths import TownPaths
from tinytown.config.town import TownConfig
from tinytown.crash import point
from tinytown.errors import TownConflictError
from tinytown.services.steps import Steps, ask, local
from tinytown.storage.calls import town as town_calls

_NOTE = "claimed.json"


@attrs.frozen
class Claim:
    """A town on a server, as this folder claims it."""

    server: str
    name: str
    instance: str


def is_claimed(paths: TownPaths, claim: Claim) -> bool:
    """Say whether this folder has already claimed the town on that server."""
    try:
        noted = json.loads(read_bytes(paths.dot / _NOTE) or b"{}")
    except ValueError:
        return False
    return noted == attrs.asdict(claim)


def forget_claim(paths: TownPaths) -> None:
    """Have every command ask the server again whose town it is, and whether it is whole."""
    (paths.dot / _NOTE).unlink(missing_ok=True)


def claim_town(
    paths: TownPaths, config: TownConfig, claim: Claim, *, own_server: bool, copied: bool, unfinished: bool = False
) -> Steps[bool]:
    """Claim the town on its server and note that it was done.

    Args:
        paths: Files of the town.
        config: Its settings.
        claim: What is claimed.
        own_server: The server is this folder's alone, so what a copy brought along is taken over.
        copied: The folder is a copy of another town's; for the hint.
        unfinished: Open it though a restore or a reset of it was interrupted.

    Returns:
        Whether the town is new there.

    Raises:
        TownConflictError: The server holds a town of this name that belongs to another folder.
        TownUnfinishedError: A restore or a reset of it was interrupted.
    """
    kept = config.events.max_events
    call = town_calls.claim(claim.name, claim.instance, max_events=kept, replace=own_server, unfinished=unfinished)
    try:
        created = yield from ask(call)
    except TownConflictError as error:
        if copied:
            hint = f"this folder is a copy of that town's; give it a name of its own with `name` in `{paths.config}`"
            raise TownConflictError(name=error.name, hint=hint) from None
        raise
    point("verb.town_claimed")
    if not unfinished:
        yield from local(lambda: _note(paths, claim))
    return created


def _note(paths: TownPaths, claim: Claim) -> None:
    private_dir(paths.dot)
    write_private(paths.dot / _NOTE, json.dumps(attrs.asdict(claim)).encode())
    point("verb.claim_noted")

"""Taking everything away that a town's server holds of it, in parts, so that nobody on that server waits for it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tinytown.services.claiming import forget_claim
from tinytown.services.steps import Steps, ask, local
from tinytown.storage.calls import nodes as node_calls
from tinytown.storage.calls import saves
from tinytown.storage.calls import town as town_calls

if TYPE_CHECKING:
    from tinytown.services.context import TownContext


def clear(context: TownContext, newest: str | None = None) -> Steps[int]:
    """Take all agents, tasks, mail and history away; what is left is a town as `tt init` makes it.

    The caller sees to it that no node runs. One that is interrupted is said so by whoever opens the town, and begins
    anew when it is repeated.

    Args:
        context: The town.
        newest: The newest event that was saved; nothing is done if there is a newer one.

    Returns:
        How many records were taken away.

    Raises:
        RefusedError: ``changed``: there is a newer event.
    """
    instance = yield from instance_of(context)
    removed = yield from clear_for(context, "reset", new_token(), newest)
    yield from claim_anew(context, instance)
    return removed


def new_token() -> str:
    """Name one attempt; a later one takes over from it."""
    return os.urandom(8).hex()


def clear_for(context: TownContext, what: str, token: str, newest: str | None = None) -> Steps[int]:
    """Take all records away; ``restore`` leaves the mark of the attempt, under which the next ones are written.

    From the first part on nobody else can change the town, so what was accepted is in the save up to ``newest``.

    Every command looks before the first part whether the town is whole, because the note that it need not is gone.
    """
    yield from local(lambda: forget_claim(context.paths))
    removed, done, begin = 0, False, True
    while not done:
        cleared = yield from ask(saves.clear(what, token, begin=begin, newest=newest if begin else None))
        if begin:  # a command may have noted the claim anew before the mark was there
            yield from local(lambda: forget_claim(context.paths))
        removed, done, begin = removed + cleared.removed, cleared.done, False
    return removed


def instance_of(context: TownContext) -> Steps[str]:
    """Give the id of the folder whose town it is, as the server has it."""
    from tinytown.storage.embedded.instance import ensure_instance

    known = (yield from ask(saves.export(limit=1))).town.get("instance")
    return known or (yield from local(lambda: ensure_instance(context.paths))).id


def claim_anew(context: TownContext, instance: str, *, unfinished: bool = False) -> Steps[None]:
    """Say to the server again whose town it is, and how many events it keeps."""
    kept = context.config.events.max_events
    yield from ask(town_calls.claim(context.name, instance, max_events=kept, unfinished=unfinished))


def living_nodes(context: TownContext, *, lost_ms: int = 45_000) -> Steps[list[str]]:
    """Name the nodes of other machines that the server has heard of lately."""
    own = yield from local(lambda: context.node_control.node_identity(context.paths))
    now = (yield from ask(node_calls.pull(own))).now
    listed = yield from ask(node_calls.listing())
    return [
        node.name or node.id
        for node in listed.items
        if node.id != own and node.state != "down" and now - node.beat_at < lost_ms
    ]

"""Seeing to it that nobody works in a town while all of it is replaced or taken away."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tinytown.errors import RefusedError
from tinytown.services.clearing import living_nodes
from tinytown.services.steps import Steps, local

if TYPE_CHECKING:
    from tinytown.config.paths import TownPaths
    from tinytown.services.context import TownContext


def demand_quiet(context: TownContext) -> Steps[int]:
    """Hold the lock of this machine's node, so that none starts here, and see that no other one works.

    Returns:
        The descriptor that holds the lock; whoever asked closes it.

    Raises:
        RefusedError: A node runs, here or elsewhere, a round's process lives, or a round asks.
    """
    if context.in_round:
        raise RefusedError(
            refusal="people_only", detail="a round may not replace its town", hint="ask a person: `tt send conductor`"
        )
    descriptor = yield from local(lambda: _hold(context.paths))
    try:
        yield from demand_nobody(context)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def demand_nobody(context: TownContext) -> Steps[None]:
    """See that no node of another machine works, and no round of a node that died.

    Raises:
        RefusedError: One does.
    """
    if living := (yield from living_nodes(context)):
        raise RefusedError(
            refusal="node_runs",
            detail=f"another machine works in this town: {', '.join(living[:5])}",
            hint="run `tt stop` there, then repeat the command",
        )
    if goes_on := (yield from local(lambda: _living_rounds(context.paths))):
        raise RefusedError(
            refusal="rounds_live",
            detail=f"agents of a node that died still work here: {', '.join(goes_on[:5])}",
            hint="run `tt start`, which takes them over, then `tt stop`",
        )


def _hold(paths: TownPaths) -> int:
    from tinytown.node.control import hold_lock

    if (descriptor := hold_lock(paths)) is not None:
        return descriptor
    raise RefusedError(
        refusal="node_runs", detail="the node of this town runs", hint="run `tt stop`, then repeat the command"
    )


def _living_rounds(paths: TownPaths) -> list[str]:
    """Name the rounds in this folder whose processes live."""
    if not paths.rounds_dir.is_dir():
        return []
    from tinytown.node.launch.rounds import RoundProcess, RoundState

    return sorted(
        folder.name for folder in paths.rounds_dir.iterdir() if RoundProcess(folder).state() is RoundState.LIVE
    )

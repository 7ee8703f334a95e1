"""What a node that has just started decides about a round it finds on record."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, NamedTuple

from tinytown.node.launch.files import ExitRecord
from tinytown.node.launch.rounds import RoundProcess, RoundState

RecoveredKind = Literal["never_started", "live", "ended", "lost", "reboot"]


class Recovered(NamedTuple):
    """A decision that no later event can overturn, but for ``live``, which ends by itself.

    Attributes:
        kind: ``never_started``: the CLI never executed and never will. ``live``: adopt it. ``ended``: see ``exit``.
            ``lost``: its shim died; what was left of it has been ended. ``reboot``: the machine restarted under it.
        exit: The exit record of an ended round.
        leftovers: What :meth:`RoundProcess.end_leftovers` reported for a lost round.
        process: The round, to attach to when it is live.
    """

    kind: RecoveredKind
    exit: ExitRecord | None
    leftovers: dict[str, Any]
    process: RoundProcess


async def recover(directory: Path) -> Recovered:
    """Decide what became of a round, and make the decision true.

    It may be repeated, by several nodes at once and after a kill at any moment: a free round is voided first, so that
    a shim which is still on its way leaves without starting anything.

    Args:
        directory: The round's folder; it need not exist.

    Returns:
        The decision. For ``lost`` the remaining processes of the round are gone, as far as they could be found.
    """
    process = RoundProcess(directory)
    if process.claim_void():
        return Recovered("never_started", None, {}, process)
    state = process.state()
    if state is RoundState.LIVE:
        return Recovered("live", None, {}, process)
    if state is RoundState.ENDED:
        process.join_log()
        return Recovered("ended", process.exit, {}, process)
    if state is RoundState.LOST:
        return Recovered("lost", None, await process.end_leftovers(), process)
    if state is RoundState.REBOOT:
        process.join_log()
        return Recovered("reboot", None, {}, process)
    return Recovered("never_started", None, {}, process)


async def end_process(directory: Path) -> None:
    """End whatever a round still runs, and make sure that it never starts.

    Args:
        directory: The round's folder; it need not exist.
    """
    process = RoundProcess(directory)
    if process.claim_void():
        return
    async with process:
        process.ask_end(hurry=True)
        if await process.wait() is RoundState.LOST:
            await process.end_leftovers()

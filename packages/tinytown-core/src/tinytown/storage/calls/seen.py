"""Verbs on a task that start only from the state in which somebody saw it."""

from __future__ import annotations

import attrs

from tinytown.storage.calls.answers import Changed
from tinytown.storage.protocol import Call


def starting_from(call: Call[Changed], verb: str | None, state: str) -> Call[Changed]:
    """Let a verb start from the one state that was seen: what has changed since is refused, not overwritten.

    Args:
        call: The call of a verb on a task.
        verb: Its row in the table of states.
        state: The one state.

    Returns:
        The same call with that state alone in its row.
    """
    allowed = {**call.args["from"], f"task.{verb}": [state]}
    return attrs.evolve(call, args={**call.args, "from": allowed})

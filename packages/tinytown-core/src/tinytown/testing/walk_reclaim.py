"""Random steps that remove ended agents or take back what they hold; a part of the walk."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tinytown.storage.calls import agents, reclaim
from tinytown.storage.protocol import Call

Records = Callable[..., Sequence[Mapping[str, Any]]]
"""Gives the latest records of a kind whose fields are as wanted."""


def _ended(dice: random.Random, records: Records) -> str:
    """Give the id of an agent that has ended, mostly."""
    return str(
        dice.choice([*records("agent", state="stopped"), *records("agent", state="error")] or records("agent"))["id"]
    )


def cleaning(dice: random.Random, records: Records, takers: Sequence[str], who: Mapping[str, Any]) -> Call[Any]:
    """Remove an agent that has ended, mostly, or take something from it, mostly what it holds.

    Args:
        dice: Decides.
        records: Looks into the town.
        takers: Who may get it.
        who: Who asks.
    """
    holder = _ended(dice, records)
    if dice.random() < 0.4:  # noqa: PLR2004 - how often it is removed
        return agents.remove(holder, **who)
    nothing = {"id": "t-zzzzzzzz"}
    left = dice.choice(records("task", agent_id=holder) or records("task") or [nothing])
    closed = dice.choice(records("task", state="cancelled") or [left])
    waiting = records("message", state="queued", to_id=holder) or records("message")
    letters = [letter["id"] for letter in waiting] or ["m-zzzzzzzz"]
    to, verb = dice.choice(takers), dice.choice(("assign", "requeue", "cancel"))
    return dice.choice(
        (
            lambda: reclaim.move_mail(holder, to, dice.sample(letters, min(3, len(letters))), **who),
            lambda: reclaim.message_to_task(letters[-1], holder, **who),
            lambda: reclaim.reclaim_task(left["id"], holder, verb, agent=to, **who),
            lambda: reclaim.delete_task(left["id"], left.get("updated_at", 0), holder=holder, **who),
            lambda: reclaim.delete_task(closed["id"], closed.get("updated_at", 0), **who),
        )
    )()

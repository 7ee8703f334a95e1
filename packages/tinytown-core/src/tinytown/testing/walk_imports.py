"""The steps of the random walk that take over records from elsewhere."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from tinytown.domain.ids import IdKind
from tinytown.storage.calls import imports
from tinytown.storage.protocol import Call

_STATES = ("pending", "pending", "pending", "blocked", "completed", "failed", "cancelled")
_HOUR_MS = 3_600_000


def imported(
    rng: random.Random,
    pick: Callable[[str], str],
    new: Callable[[IdKind], str],
    names: Sequence[str],
    nodes: Sequence[str],
) -> Call[Any]:
    """Choose an agent, a task or a message to import; now and then one whose id is taken.

    Args:
        rng: Decides everything.
        pick: Gives the id of a record of a kind, which may not be there.
        new: Gives a new id.
        names: Names of agents, which may be taken.
        nodes: Nodes of agents.
    """

    def ref(kind: IdKind, word: str) -> str:
        return pick(word) if rng.random() < 0.15 else new(kind)  # noqa: PLR2004 - how often it is taken

    if rng.random() < 0.2:  # noqa: PLR2004
        return imports.known([pick("task"), pick("message"), new(IdKind.AGENT)])
    moment: dict[str, Any] = {"created_at": rng.randrange(1, _HOUR_MS)}
    what = rng.choices((IdKind.AGENT, IdKind.MESSAGE, IdKind.TASK), (2, 3, 5))[0]
    if what is IdKind.AGENT:
        given: dict[str, Any] = {
            "cli": "script",
            "role": "worker",
            "node": rng.choice(nodes),
            "last_active_at": 7,
            **moment,
        }
        return imports.agent(ref(what, "agent"), rng.choice(names), parent=pick("agent"), **given)
    if what is IdKind.MESSAGE:
        kind, urgent = rng.choice(("task", "info")), rng.choice((True, False, False))
        return imports.message(
            ref(what, "message"), pick("agent"), "old", sender="ann", kind=kind, urgent=urgent, **moment
        )
    return imports.task(
        ref(what, "task"),
        "old work",
        state=rng.choice(_STATES),
        agent=rng.choice((pick("agent"), None)),
        role=rng.choice((None, "mason")),
        depends_on=rng.choice(([pick("task")], [], [])),
        parent=rng.choice((pick("task"), None, None, None)),
        result="was done",
        reason="question: was asked",
        updated_at=moment["created_at"] + 5,
        closed_at=moment["created_at"] + 5,
        **moment,
    )

"""One function for each verb and query, by the name of its script."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinytown.storage.memory.tx import Tx
from tinytown.storage.memory.verbs import (
    agents,
    attention,
    edits,
    gates,
    imports,
    mail,
    nodes,
    people,
    queries,
    reclaim,
    removal,
    round_end,
    saves,
    take,
    tasks,
    town,
    waiting,
)

Verb = Callable[[Tx, dict[str, Any]], dict[str, Any]]

VERBS: dict[str, Verb] = {
    **tasks.VERBS,
    **edits.VERBS,
    **agents.VERBS,
    **mail.VERBS,
    **take.VERBS,
    **round_end.VERBS,
    **gates.VERBS,
    **nodes.VERBS,
    **people.VERBS,
    **attention.VERBS,
    **town.VERBS,
    **saves.VERBS,
    **queries.VERBS,
    **removal.VERBS,
    **imports.VERBS,
    **reclaim.VERBS,
    **waiting.VERBS,
}

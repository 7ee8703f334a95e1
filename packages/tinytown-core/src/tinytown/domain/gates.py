"""Which gates a task has to pass: one rule for people who submit and for rounds that end."""

from __future__ import annotations

from collections.abc import Sequence

from tinytown.domain.records import Gate


def gates_for(town: Sequence[Gate], own: Sequence[Gate]) -> tuple[Gate, ...]:
    """Give the gates of a task in the order in which they run.

    Args:
        town: Those of the town.
        own: Those of the task.

    Returns:
        The town's, and the task's own after them; one of its own stands for the town's of the same name.
    """
    replaced = {gate.name for gate in own}
    return (*(gate for gate in town if gate.name not in replaced), *own)

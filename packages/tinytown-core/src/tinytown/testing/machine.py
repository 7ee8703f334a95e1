"""The stateful property test: thousands of random steps by two clients, on a storage and on memory side by side.

After each step both must have answered the same; every so often all their keys must be equal, and sound by
`tinytown.testing.invariants`. A failure names its seed and is made small before it is reported.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from tinytown.errors import TinytownError
from tinytown.testing import invariants
from tinytown.testing.dumps import Dump
from tinytown.testing.subjects import MemorySubject, Subject, memory_subject
from tinytown.testing.walk import Walk
from tinytown.testing.walk_step import Step

Open = Callable[[], AbstractContextManager[Subject]]
"""Opens an empty town of the storage under test."""

SHRINK_SECS = 20.0
FIRST_STEPS = 3
"""The town is claimed and its nodes join, whatever else is left out."""


class DifferenceFoundError(AssertionError):
    """The storage under test does not do what memory does, or breaks an invariant."""


def run(steps: int, seed: int, open_subject: Open | None = None, *, every: int = 20, smaller: bool = True) -> int:
    """Walk through a town at random.

    Args:
        steps: How many.
        seed: Decides all of them.
        open_subject: The storage under test; without it memory alone is checked for its invariants.
        every: After how many steps all keys are compared and checked.
        smaller: Look for fewer steps that show a difference, which takes up to twenty seconds.

    Returns:
        How many steps were done and not refused.

    Raises:
        DifferenceFoundError: With the seed, and the fewest steps found that show the difference.
    """
    taken: list[Step] = []
    problem, accepted = _walk(steps, seed, open_subject, every, taken)
    if problem is None:
        return accepted
    kept = _shrink(taken, open_subject) if smaller else taken[-3:]
    story = "\n".join(f"  {number}. {step}" for number, step in enumerate(kept, 1))
    again = (_replay(kept, open_subject) if smaller else None) or problem
    raise DifferenceFoundError(f"seed {seed}, step {len(taken)}: {problem}\nsmaller:\n{story}\n  {again}")


def _walk(steps: int, seed: int, open_subject: Open | None, every: int, taken: list[Step]) -> tuple[str | None, int]:
    memory = memory_subject()
    walk = Walk(seed, memory.first.town.data)
    accepted = 0
    with _opened(open_subject) as subject:
        for number in range(1, steps + 1):
            step = walk.step()
            taken.append(step)
            problem, done = _step(step, memory, subject)
            accepted += done
            if problem is None and (number % every == 0 or number == steps):
                problem = _compare(memory.dump(), subject)
            if problem is not None:
                return problem, accepted
    return None, accepted


def _opened(open_subject: Open | None) -> AbstractContextManager[Subject | None]:
    return open_subject() if open_subject else nullcontext()


def _step(step: Step, memory: MemorySubject, subject: Subject | None) -> tuple[str | None, bool]:
    expected, done = _answer(step, memory)
    if subject is not None:
        found, _done = _answer(step, subject)
        if found != expected:
            return f"{step}\n  memory: {expected}\n  tested: {found}", done
    return None, done


def _answer(step: Step, subject: Subject) -> tuple[Any, bool]:
    subject.clock.advance(step.ticks)
    client = (subject.first, subject.second)[step.client]
    try:
        return client.run(step.call, operation=step.operation), True
    except TinytownError as error:
        return (error.code, str(error), error.hint), False


def _compare(expected: Dump, subject: Subject | None) -> str | None:
    broken = invariants.check(expected)
    if broken:
        return "memory is not sound: " + "; ".join(broken)
    if subject is None:
        return None
    return difference(expected, subject.dump())


def difference(expected: Dump, found: Dump) -> str | None:
    """Name the first keys in which two dumps differ, or None."""
    names = [name for name in sorted({*expected, *found}) if expected.get(name) != found.get(name)]
    shown = [f"{name}:\n    memory {expected.get(name)}\n    tested {found.get(name)}" for name in names[:4]]
    return f"{len(names)} keys differ: " + "\n  ".join(shown) if names else None


def _replay(steps: Sequence[Step], open_subject: Open | None) -> str | None:
    memory = memory_subject()
    with _opened(open_subject) as subject:
        for step in steps:
            problem, _done = _step(step, memory, subject)
            if problem is not None:
                return problem
        return _compare(memory.dump(), subject)


def _shrink(steps: Sequence[Step], open_subject: Open | None) -> list[Step]:
    """Leave out steps, first many at a time, while the rest still fails. Source: Zeller's delta debugging."""
    kept, size, deadline = list(steps), max(1, len(steps) // 2), time.monotonic() + SHRINK_SECS
    while size and time.monotonic() < deadline:
        start = FIRST_STEPS
        while start < len(kept) and time.monotonic() < deadline:
            fewer = kept[:start] + kept[start + size :]
            if _replay(fewer, open_subject) is None:
                start += size
            else:
                kept = fewer
        size //= 2
    return kept

"""Lists that come in pages: all of one, or the records of it that are wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tinytown.domain.records import Agent, Task
from tinytown.services.steps import Steps, ask
from tinytown.storage.calls.answers import Page
from tinytown.storage.protocol import Call

R = TypeVar("R", Task, Agent)
T = TypeVar("T")

READ_AT_ONCE = 500
PAGES_READ = 20
"""So many pages are looked through for one that is asked for; where those do not fill it, its cursor goes on."""


def every(listing: Callable[[int | None, int], Call[Page[T]]], *, at_once: int = READ_AT_ONCE) -> Steps[list[T]]:
    """Read a whole list, in its order.

    Args:
        listing: Makes the call for a page behind a cursor, of at most so many items.
        at_once: How many are read in one step.
    """
    found: list[T] = []
    after: int | None = None
    while True:
        page = yield from ask(listing(after, at_once))
        found += page.items
        after = page.next
        if after is None:
            return found


def matching(
    listing: Callable[[int | None, int], Call[Page[R]]],
    wants: Callable[[R], bool] | None,
    *,
    after: int | None,
    limit: int,
) -> Steps[Page[R]]:
    """Read one page of the records that are wanted, in the order of the list.

    Args:
        listing: Makes the call for a page behind a cursor, of at most so many records.
        wants: Says whether a record is wanted; None wants all of them.
        after: The cursor, ``next`` of the page before.
        limit: How many at most.

    Returns:
        The page. It may be short, or empty, and yet have a ``next``: not all of the list has been looked at then.
    """
    if wants is None:
        return (yield from ask(listing(after, limit)))
    found: list[R] = []
    for _ in range(PAGES_READ):
        page = yield from ask(listing(after, READ_AT_ONCE))
        for place, record in enumerate(page.items):
            if wants(record):
                found.append(record)
            if len(found) == limit:
                ends = page.next is None and place == len(page.items) - 1
                return Page(tuple(found), None if ends else record.seq)
        after = page.next
        if after is None:
            break
    return Page(tuple(found), after)

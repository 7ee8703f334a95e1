"""Names beside ids: events and histories are written with ids alone, and people read names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

from tinytown.domain.ids import CONDUCTOR_ID
from tinytown.domain.records import Agent
from tinytown.errors import NotFoundError
from tinytown.services.looking import show_as
from tinytown.services.steps import Steps, ask
from tinytown.storage.calls import agents

if TYPE_CHECKING:
    from tinytown.domain.records import Event

ONE_BY_ONE = 3
"""From so many unknown agents on they are looked up in the list instead of one by one."""
LIST_AT_ONCE = 1000


class Names:
    """The names of agents that were asked for so far; for one reader, who asks for the same few again and again."""

    def __init__(self) -> None:
        self._known: dict[str, str | None] = {CONDUCTOR_ID: "conductor"}

    def of(self, ref: str | None) -> str | None:
        """Give the name of an agent that was learned; None for one that does not exist any more."""
        return self._known.get(ref) if ref is not None else None

    def learn(self, refs: Iterable[str | None]) -> Steps[None]:
        """Look up the names of agents by their ids; in one call where they are many."""
        missing = {ref for ref in refs if ref is not None and ref not in self._known}
        if len(missing) > ONE_BY_ONE:
            after: int | None = None
            while missing:
                page = yield from ask(agents.listing(after=after, limit=LIST_AT_ONCE))
                self._known.update((agent.id, agent.name) for agent in page.items)
                missing.difference_update(agent.id for agent in page.items)
                after = page.next
                if after is None:
                    break
            self._known.update(dict.fromkeys(missing))
            return
        for ref in missing:
            try:
                self._known[ref] = (yield from show_as(Agent, "agent", ref)).name
            except NotFoundError:
                self._known[ref] = None

    def beside(self, found: list[Event]) -> Steps[list[Event]]:
        """Put the names of their agents into events."""
        yield from self.learn(event.agent_id for event in found)
        return [attrs.evolve(event, agent=self.of(event.agent_id)) if event.agent_id else event for event in found]

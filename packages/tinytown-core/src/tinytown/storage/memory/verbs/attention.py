"""The query of the queue of what needs a person: in the order of how much open work each item holds up.

Everything is bounded: items beyond the oldest thousand come behind those, by age, and what is counted for all of them
together ends after some thousand records, so that a count is then the least that it can be.
"""

from __future__ import annotations

from tinytown.domain.states import CLOSED_TASKS
from tinytown.storage.memory.rules import Args
from tinytown.storage.memory.tx import Fields, Tx

RANKED = 1000
FOLLOWED = 5000
"""Records that one query reads at most to count what waits."""
MOST = 999
"""Highest count, so that a place in the order is a number that every JSON reader keeps."""
SPAN = 10_000_000_000
AGENTS_LOOKED_AT = 1000
OF_AGENTS = {"auth_required", "start_failed", "agent_error", "disk_full"}
"""Kinds that hold up all the work of their agent."""


def list_attention(tx: Tx, a: Args) -> Fields:
    """List the open items, one page: those first that hold up the most, then the oldest."""
    count, after, limit = _Counting(tx), a.get("after") or 0, a["limit"]
    oldest = tx.zrange("attention", RANKED)
    found = sorted((_place(item), item["id"], item) for item in map(count.held, oldest) if item is not None)
    page = [row for row in found if row[0] > after][: limit + 1]
    if len(page) <= limit and len(oldest) == RANKED:
        behind = max(tx.zscore("attention", oldest[-1]) or 0, after - MOST * SPAN)
        rest = [count.held(ref) for ref in tx.zrange("attention", limit + 1 - len(page), after=behind)]
        page += [(MOST * SPAN + item["seq"], item["id"], item) for item in rest if item is not None]
    more = len(page) > limit
    return {"items": [item for _at, _ref, item in page[:limit]], "next": page[limit - 1][0] if more else None}


def _place(item: Fields) -> int:
    return (MOST - item["blocks"]) * SPAN + item["seq"]


class _Counting:
    """Counts what waits for items, with one allowance for all of them."""

    def __init__(self, tx: Tx) -> None:
        self.tx = tx
        self.left = FOLLOWED
        self.agents: list[Fields] | None = None

    def held(self, ref: str) -> Fields | None:
        """Give an item with the number of open tasks and messages that cannot go on before it is settled."""
        item = self.tx.load("attention", ref)
        return None if item is None else {**item, "blocks": min(MOST, self._count(item))}

    def _count(self, item: Fields) -> int:
        tx, kind, ref = self.tx, item["kind"], item["ref"]
        if kind == "budget_spent":
            return tx.zcard("tasks:assigned") + tx.zcard("tasks:pending") + tx.zcard("tasks:waiting")
        if kind == "mail_loop":
            return tx.zcard(f"lane:{ref}:urgent") + tx.zcard(f"lane:{ref}:normal")
        if kind in OF_AGENTS:
            return sum(self._of_agent(each) for each in self._sharing(kind, ref))
        task = tx.load("task", ref)
        if task is None:
            return 0
        return self._with_dependents([ref]) - (1 if task["state"] in CLOSED_TASKS else 0)

    def _sharing(self, kind: str, ref: str) -> list[str]:
        """The agent and, where a log-in is missing, all that use the same account."""
        agent = self.tx.load("agent", ref)
        account = agent.get("account") if agent is not None and kind == "auth_required" else None
        if not account:
            return [ref]
        if self.agents is None:
            found = [self.tx.load("agent", each) for each in self.tx.zrange("agents", AGENTS_LOOKED_AT)]
            self.agents = [each for each in found if each is not None]
        return [each["id"] for each in self.agents if each.get("account") == account]

    def _of_agent(self, ref: str) -> int:
        """The mail that would start a round of an agent, its tasks but for blocked ones, and what depends on those."""
        mine: list[str] = []
        for each in self.tx.zrange(f"mine:{ref}", max(self.left, 0)):
            self.left -= 1
            task = self.tx.load("task", each)
            if task is not None and task["state"] != "blocked":
                mine.append(each)
        return self.tx.scard(f"waking:{ref}") + self._with_dependents(mine)

    def _with_dependents(self, refs: list[str]) -> int:
        """Count tasks together with all open ones that depend on them, directly or not."""
        seen, todo = set(refs), list(refs)
        while todo and self.left > 0 and len(seen) <= MOST:
            for each in self.tx.zrange(f"dependents:{todo.pop(0)}", self.left):
                self.left -= 1
                task = self.tx.load("task", each)
                if task is not None and task["state"] not in CLOSED_TASKS and each not in seen:
                    seen.add(each)
                    todo.append(each)
        return len(seen)


VERBS = {"list_attention": list_attention}

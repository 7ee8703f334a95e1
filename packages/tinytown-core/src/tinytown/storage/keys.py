"""The only place that spells a key. Every key of a town begins with the same hash tag, so a town is one slot.

The scripts build the keys that they find by reading from the same prefix; `lua/_prelude.lua` and this page say the
same thing, and a test compares the keys that both leave behind.

| key | type | what |
|---|---|---|
| `town` | hash | name, instance id, schema, counter `seq`; what was spent and is kept back; mark `unfinished` |
| `task:<id>` `agent:<id>` `message:<id>` `round:<id>` `attention:<id>` `node:<id>` | hash | the records |
| `ids` | sorted set, all scores 0 | every id, for unique prefixes |
| `names` | hash | name or nickname of an agent → its id |
| `tasks` / `tasks:<state>` | sorted set by creation | all tasks / those in a state |
| `backlog:<role>` | sorted set by creation | pending tasks of a role (`` for none) |
| `queue:<agent>` | sorted set by creation | tasks assigned to an agent |
| `mine:<agent>` | sorted set by creation | open tasks that name an agent |
| `done:<agent>:<state>` | sorted set by creation | closed tasks that name an agent, by how they closed |
| `blockers:<task>` | set | tasks that it still waits for |
| `dependents:<task>` | sorted set by creation | tasks that wait for it |
| `plan` | hash | id of an entry of a plan → its task |
| `freed` | sorted set | dependents of completed tasks beyond the first hundred |
| `lane:<agent>:urgent` / `lane:<agent>:normal` | sorted set by arrival | queued mail |
| `waking:<agent>` | set | queued mail that starts a round |
| `expiring` | sorted set by time | queued mail that expires |
| `agents` | sorted set by creation | all agents that were not removed |
| `hosted:<node>` | sorted set by creation | those of them that the node hosts |
| `rounds:<agent>` | sorted set by number | the rounds of an agent (the last hundred) |
| `history:<id>` | list | the last fifty lines of a task's or message's history |
| `live` | set | rounds that go on |
| `due:<node>` | sorted set by time | agents of the node that have something to do |
| `idle:<node>` | sorted set by last activity | agents of the node that could take work from the backlog |
| `verify:<node>` | sorted set by time | tasks whose next gate the node runs |
| `ends:<node>` | set | live rounds that the node shall end |
| `bell:<node>` | stream | wakes the node |
| `nodes` | set | nodes that ever joined |
| `attention` | sorted set by creation | open items |
| `attention_by` | hash | kind and reference → the open item |
| `events` | stream | everything that happened |
| `parked:<account>` | hash | an account that waits for its limit to reset |
| `op:<id>` | string | an answer that is repeated for ten minutes |
"""

from __future__ import annotations


def prefix(town: str) -> str:
    """Give the common beginning of a town's keys, with the hash tag that keeps them in one slot."""
    return f"tt:{{{town}}}:"


def stream(town: str, name: str) -> str:
    """Give the key of the stream ``events`` or ``bell:<node id>``."""
    return prefix(town) + name

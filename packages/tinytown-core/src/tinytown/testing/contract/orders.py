"""The order of every list: by when the records were made, whatever their ids; nodes by their names."""

from __future__ import annotations

from tinytown.domain.records import Agent, Message, Task
from tinytown.storage.calls import agents, mail, nodes, tasks
from tinytown.storage.calls import town as towns
from tinytown.storage.calls.answers import Page
from tinytown.testing.contract.base import ContractPart
from tinytown.testing.hands import NODE, NONCE, Hands

ENDINGS = ("00000005", "00000002", "00000009", "00000003")
"""Of the ids in the order in which their records are made: neither rising nor falling."""


def _refs(letter: str) -> list[str]:
    return [f"{letter}-{ending}" for ending in ENDINGS]


def _ids(page: Page[Agent] | Page[Task] | Page[Message]) -> list[str]:
    return [item.id for item in page.items]


class Orders(ContractPart):
    """Lists of records that were made in another order than that of their ids."""

    def test_agents_and_tasks_are_listed_oldest_first_whatever_their_ids(self, town: Hands) -> None:
        before = _ids(town.run(agents.listing()))
        for ref, name in zip(_refs("a"), ("zoe", "adam", "mia", "bob"), strict=True):
            town.run(agents.spawn(ref, name, cli="script", node=NODE))
        for ref in _refs("t"):
            town.run(tasks.add(ref, "mend the roof"))
        assert _ids(town.run(agents.listing())) == [*before, *_refs("a")]
        assert _ids(town.run(tasks.listing())) == _refs("t")
        for place in (3, 0):  # what happens to a task later leaves it where it is
            town.run(tasks.assign(_refs("t")[place], "zoe"))
        assert _ids(town.run(tasks.listing())) == _refs("t")

    def test_mail_is_listed_urgent_first_and_then_oldest_first(self, town: Hands) -> None:
        town.spawn("w1")
        for place, ref in enumerate(_refs("m")):
            town.run(mail.send(ref, "w1", "hello", urgent=place in {1, 2}))
        first, *_ = refs = _refs("m")
        assert _ids(town.run(mail.peek(town.agent("w1").id))) == [refs[1], refs[2], first, refs[3]]

    def test_rounds_are_listed_newest_last_by_their_numbers(self, town: Hands) -> None:
        town.spawn("w1")
        for ref in _refs("r"):
            town.add(agent="w1")
            live = town.begin("w1", round_id=ref)
            town.run(tasks.cancel(live.task_id or ""))
            town.end(live)
        found = town.run(agents.rounds("w1")).items
        assert [each.number for each in found] == sorted(each.number for each in found)
        assert [each.id for each in found] == _refs("r")

    def test_nodes_are_listed_by_their_names_and_then_by_their_ids(self, town: Hands) -> None:
        for ref, name in zip(_refs("n"), ("west", "east", "east", "East-2"), strict=True):
            town.run(nodes.join(ref, name=name, pid=1, host="there", nonce=NONCE, capacity=1))
        found = [(node.name, node.id) for node in town.run(nodes.listing()).items if node.id != NODE]
        wanted = ["East-2", "east", "east", "west"], ["n-00000003", "n-00000002", "n-00000009", "n-00000005"]
        assert found == list(zip(*wanted, strict=True))
        assert [(node.name, node.id) for node in town.run(towns.status()).nodes if node.id != NODE] == found

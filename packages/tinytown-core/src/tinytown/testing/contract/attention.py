"""The queue of what needs a person: one item for each cause, in the order of how much open work it holds up."""

from __future__ import annotations

from tinytown.domain.records import Attention
from tinytown.storage.calls import agents, tasks
from tinytown.storage.calls import town as towns
from tinytown.testing.contract.base import ContractPart
from tinytown.testing.hands import NODE, NONCE, Hands


def _asked(town: Hands, ref: str) -> None:
    town.run(tasks.block(ref, "needs_input: which one?"))


def _order(town: Hands, limit: int = 100) -> list[tuple[str, int | None]]:
    """Give what the items concern and how much they hold up, page after page."""
    found: list[Attention] = []
    after = None
    while True:
        page = town.run(towns.attention(after=after, limit=limit))
        found += page.items
        after = page.next
        if after is None:
            return [(item.ref, item.blocks) for item in found]


class Queue(ContractPart):
    """Order and counts of open items."""

    def test_what_holds_up_the_most_comes_first_and_then_the_oldest(self, town: Hands) -> None:
        lone, other, root = town.add().id, town.add().id, town.add().id
        middle = town.add(depends_on=[root]).id
        for _ in range(3):
            town.add(depends_on=[middle])
        town.add(depends_on=[other])
        for ref in (lone, other, root):
            _asked(town, ref)
        assert _order(town) == [(root, 5), (other, 2), (lone, 1)]
        assert _order(town, limit=1) == _order(town, limit=2) == _order(town)

    def test_a_task_that_waits_in_two_ways_counts_once(self, town: Hands) -> None:
        root = town.add().id
        left, right = town.add(depends_on=[root]).id, town.add(depends_on=[root]).id
        town.add(depends_on=[left, right])
        _asked(town, root)
        assert _order(town) == [(root, 4)]

    def test_an_agent_that_cannot_work_holds_up_its_tasks_their_dependents_and_its_mail(self, town: Hands) -> None:
        town.spawn("w1", ready=False)
        first = town.add(agent="w1").id
        town.add(depends_on=[first])
        blocked = town.add(agent="w1").id
        _asked(town, blocked)
        town.send("w1", "please", kind="query")
        town.send("w1", "news", kind="info")
        town.run(agents.error(town.agent("w1").id, 1, "no such program", node_id=NODE, nonce=NONCE))
        assert _order(town) == [(town.agent("w1").id, 3), (blocked, 1)]

    def test_a_page_goes_on_where_the_last_ended_though_items_were_settled_meanwhile(self, town: Hands) -> None:
        refs = [town.add().id for _ in range(6)]
        for ref in refs:
            _asked(town, ref)
        page = town.run(towns.attention(limit=3))
        for item in page.items:
            town.run(towns.close_attention(item.id, "dismiss"))
        rest = town.run(towns.attention(limit=3, after=page.next))
        assert [item.ref for item in (*page.items, *rest.items)] == refs
        assert rest.next is None

    def test_the_count_ends_at_a_highest_number(self, town: Hands) -> None:
        root, lone = town.add().id, town.add().id
        for _ in range(1010):
            town.add(depends_on=[root])
        _asked(town, lone)
        _asked(town, root)
        assert _order(town) == [(root, 999), (lone, 1)]

    def test_more_items_than_are_put_in_order_are_all_listed_once(self, town: Hands) -> None:
        refs = [town.add().id for _ in range(1005)]
        late = town.add().id
        town.add(depends_on=[refs[7]])
        town.add(depends_on=[late])
        for ref in (*refs, late):
            _asked(town, ref)
        found = [ref for ref, _blocks in _order(town, limit=400)]
        assert found == [refs[7], *refs[:7], *refs[8:], late]


class Answers(ContractPart):
    """One item for each cause, and what an answer does."""

    def test_all_that_one_failure_holds_up_is_one_item_until_none_of_it_is_left(self, town: Hands) -> None:
        cause = town.add().id
        first, second, third = (town.add(depends_on=[cause]).id for _ in range(3))
        town.run(tasks.fail(cause, "no way"))
        assert _order(town) == [(cause, 3)]
        town.run(tasks.cancel(first))
        town.run(tasks.block(second, "on_hold: later"))
        assert [(item.kind, item.ref) for item in town.open_items()] == [
            ("dependency_failed", cause),
            ("on_hold", second),
        ]
        town.run(tasks.cancel(third))
        assert [item.kind for item in town.open_items()] == ["on_hold"]

    def test_an_answer_about_a_failure_takes_the_task_up_again_with_the_answer(self, town: Hands) -> None:
        cause = town.add().id
        waits = [town.add(depends_on=[cause]).id for _ in range(3)]
        town.run(tasks.fail(cause, "no way"))
        town.run(towns.close_attention(town.open_items()[0].id, "answer", answer="by boat"))
        assert (town.task(cause).state, town.task(cause).answer) == ("pending", "by boat")
        assert {town.task(ref).state for ref in waits} == {"waiting"}
        assert town.open_items() == []

    def test_a_lost_log_in_is_one_item_of_the_account_until_a_round_works(self, town: Hands) -> None:
        for name in ("w1", "w2"):
            town.spawn(name, ready=False)
            town.ready(name, account="shared")
            town.add(agent=name)
        lives = [town.begin(name) for name in ("w1", "w2")]
        for live in lives:
            town.end(live, "auth_required", detail="log in again")
        (item,) = town.open_items()
        assert (item.kind, item.ref) == ("auth_required", town.agent("w1").id)
        assert _order(town) == [(item.ref, 2)]
        town.want("w2", "restart")
        town.ready("w2", account="shared")
        assert len(town.open_items()) == 1
        live = town.begin("w2")
        town.submit(live.task_id or "", live)
        town.end(live)
        assert town.open_items() == []

    def test_an_answer_about_an_agent_that_could_not_start_begins_a_new_life(self, town: Hands) -> None:
        agent = town.spawn("w1", ready=False)
        town.add(agent="w1")
        town.run(agents.error(agent.id, 1, "no such program", node_id=NODE, nonce=NONCE))
        town.run(towns.close_attention(town.open_items()[0].id, "answer", answer="installed"))
        now = town.agent("w1")
        assert (now.state, now.incarnation, town.due()) == ("cold", agent.incarnation + 1, ["w1"])
        town.ready("w1")
        bundle = town.take("w1")
        assert bundle.round is not None
        assert [message.kind for message in bundle.messages] == ["info"]
        assert bundle.messages[0].body.endswith("The answer: installed")

    def test_an_answer_about_talk_reaches_the_agent_with_the_mail_that_waited(self, town: Hands) -> None:
        for name in ("w1", "w2"):
            town.spawn(name)
        town.send("w1")
        live, last = town.begin("w1"), ""
        for _ in range(2):
            last = town.send("w2", reply_to=last or None, round_id=live.id, kind="query", max_hops=0).id
        town.end(live)
        assert town.open_items("mail_loop")[0].ref == town.agent("w2").id
        town.run(towns.close_attention(town.open_items("mail_loop")[0].id, "answer", answer="agree on the first"))
        assert town.agent("w2").waking_mail == 2
        bundle = town.take("w2")
        assert [message.kind for message in bundle.messages] == ["query", "query", "info"]
        assert "agree on the first" in bundle.messages[-1].body

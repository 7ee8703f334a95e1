"""What the town may spend: kept back when a round begins, counted when it ends, and never passed by rounds together."""

from __future__ import annotations

from typing import Any

import pytest

from tinytown.storage.calls import town as towns
from tinytown.testing.contract.base import ContractPart, unchanged
from tinytown.testing.hands import Hands

LOOK_AGAIN_MS = 60_000


def _round(town: Hands, name: str = "w1", **usage: Any) -> None:
    """An agent has one round that used something."""
    town.add(agent=name)
    live = town.begin(name)
    town.submit(live.task_id or "", live)
    town.end(live, **usage)


class Budgets(ContractPart):
    """Limits of tokens and money."""

    @pytest.mark.parametrize("limits", [{"max_tokens": 100}, {"max_micros": 2_000_000}])
    def test_no_round_begins_when_the_budget_is_spent(self, town: Hands, limits: dict[str, Any]) -> None:
        town.spawn()
        _round(town, input_tokens=60, output_tokens=40, cost_micros=2_000_000)
        ref = town.add(agent="w1").id
        assert town.take("w1", **limits).nothing == "budget"
        (item,) = town.open_items("budget_spent")
        assert item.ref == "town"
        assert ("100 of 100 tokens" in item.text) or ("2.00 of 2.00 USD" in item.text)
        assert (town.task(ref).state, town.agent("w1").state) == ("assigned", "idle")
        assert town.take("w1", **limits).nothing == "budget"
        assert len(town.open_items("budget_spent")) == len(town.events("budget.spent")) == 1

    def test_an_agent_without_money_is_looked_at_again_and_goes_on_under_a_higher_limit(self, town: Hands) -> None:
        town.spawn()
        _round(town, input_tokens=100)
        town.add(agent="w1")
        assert town.take("w1", max_tokens=100).nothing == "budget"
        assert (town.due(), town.pull().next_at) == ([], town.clock.now_ms() + LOOK_AGAIN_MS)
        town.clock.advance(LOOK_AGAIN_MS)
        assert town.due() == ["w1"]
        assert town.begin("w1", max_tokens=1_000).reserve_tokens == 100
        assert town.open_items() == []

    @pytest.mark.parametrize("verb", ["answer", "dismiss"])
    def test_an_answer_has_everybody_looked_at_at_once(self, town: Hands, verb: str) -> None:
        for name in ("w1", "w2"):
            town.spawn(name)
        _round(town, input_tokens=100)
        for name in ("w1", "w2"):
            town.add(agent=name)
            assert town.take(name, max_tokens=100).nothing == "budget"
        town.run(towns.close_attention(town.open_items()[0].id, verb))
        assert set(town.due()) == {"w1", "w2"}
        assert town.take("w1", max_tokens=100).nothing == "budget"
        assert len(town.open_items("budget_spent")) == 1

    def test_rounds_that_begin_side_by_side_cannot_pass_the_limit_together(self, town: Hands) -> None:
        for name in ("w1", "w2", "w3"):
            town.spawn(name)
        _round(town, input_tokens=30, output_tokens=10)
        for name in ("w1", "w2", "w3"):
            town.add(agent=name)
        first = town.begin("w1", max_tokens=120)
        second = town.begin("w2", max_tokens=120)
        assert (first.reserve_tokens, second.reserve_tokens) == (40, 40)
        assert town.take("w3", max_tokens=120).nothing == "budget"
        assert "40 of 120 tokens are spent and 80 are kept" in town.open_items()[0].text
        town.end(first, input_tokens=1)
        assert town.begin("w3", max_tokens=120).reserve_tokens == 21
        assert town.open_items() == []

    def test_the_same_end_again_counts_nothing_twice(self, town: Hands) -> None:
        town.spawn()
        _round(town, input_tokens=10, cost_micros=500)
        town.add(agent="w1")
        live = town.begin("w1", max_tokens=100, max_micros=10_000)
        assert (live.reserve_tokens, live.reserve_micros) == (10, 500)
        town.end(live, "failed", input_tokens=30, cost_micros=1_500)
        with unchanged(town):
            town.end(live, "failed", input_tokens=30, cost_micros=1_500)
        assert _spent(town) == {"spent_tokens": 40, "spent_micros": 2_000, "rounds_counted": 2}

    def test_where_the_price_is_unknown_tokens_count_alone(self, town: Hands) -> None:
        town.spawn()
        _round(town, input_tokens=10)
        _round(town)
        assert _spent(town) == {"spent_tokens": 10, "spent_micros": 0, "rounds_counted": 1}
        town.add(agent="w1")
        assert town.begin("w1", max_tokens=100, max_micros=1).reserve_micros == 0

    def test_nothing_may_be_spent_under_a_limit_of_nothing(self, town: Hands) -> None:
        town.spawn()
        assert town.take("w1", max_tokens=0).nothing == "idle"
        town.send("w1")
        assert town.take("w1", max_tokens=0).nothing == "budget"
        assert town.agent("w1").mail_rounds == ()


def _spent(town: Hands) -> dict[str, int]:
    fields = town.subject.dump()["town"].value
    return {name: int(fields[name]) for name in ("spent_tokens", "spent_micros", "rounds_counted")}

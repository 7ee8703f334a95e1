"""A node begins no round that the budget of its town file does not allow, and a person is asked."""

from __future__ import annotations

from tinytown.storage.calls import town as town_calls


def test_a_spent_budget_lets_no_round_begin_and_asks_a_person_once(running_town):
    town = running_town({"w1": "None"}, config="[budget]\nmax_tokens = 0")
    town.spawn("w1")
    town.send("w1", "hello", kind="query")

    def asked():
        return [item for item in town.run(town_calls.attention()).items if item.kind == "budget_spent"]

    town.facts(asked, "a person is asked")
    (item,) = asked()
    assert (item.ref, item.suggestions) == ("town", ("tt config budget.max_tokens",))
    assert not town.rounds("w1")


def test_a_budget_that_is_not_spent_holds_nobody_up(running_town):
    town = running_town({"w1": "None"}, config="[budget]\nmax_tokens = 1000\nmax_cost_usd = 1.5")
    town.spawn("w1")
    ref = town.send("w1", "hello", kind="query")
    town.facts(lambda: town.message(ref).state == "handled", "the round has ended")
    assert town.run(town_calls.attention()).items == ()

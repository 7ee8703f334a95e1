"""What the node learns from its bell, and the two ways in which it hears what a round said."""

from __future__ import annotations

import pytest
from tinytown.node.bells import BELLS_KEPT, heard

TRIES = 10


class Spoken:
    """A work round as far as bells go."""

    def __init__(self):
        self.said = ""
        self.followed = self
        self.grace = None

    def end_after(self, seconds, why):
        self.grace = (seconds, why)


def test_a_bell_that_names_a_live_round_is_answered_without_a_question():
    work = Spoken()
    assert heard([("1-0", {"at": "1", "said": "r-1", "verb": "submit"})], {"r-1": work}, 60)
    assert (work.said, work.grace) == ("submit", (60, "verdict"))


@pytest.mark.parametrize(
    "bells",
    [
        [("1-0", {"at": "1"})],
        [("1-0", {"at": "1", "said": "r-1", "verb": "submit"}), ("2-0", {"at": "2"})],
        [("1-0", {"at": "1", "said": "r-9", "verb": "submit"})],
        [(f"{n}-0", {"at": "1", "said": "r-1", "verb": "submit"}) for n in range(BELLS_KEPT)],
    ],
    ids=["plain", "plain among others", "of an unknown round", "so many that some may be gone"],
)
def test_any_other_bell_makes_the_node_ask_what_there_is_to_do(bells):
    assert not heard(bells, {"r-1": Spoken()}, 60)


def test_a_life_of_a_task_asks_the_server_five_times(running_town):
    town = running_town({"w1": "complete('done')"})
    town.spawn("w1")
    town.until(town.add(agent="w1"), "completed")
    five = ["task_add", "node_pull", "round_take", "task_submit", "round_end"]
    for _ in range(TRIES):  # on a busy machine the look that ends the life before may fall into this one
        verbs = _verbs_during(town, lambda: town.until(town.add(agent="w1"), "completed"))
        if verbs[: verbs.index("round_end") + 1] == five:
            return
    raise AssertionError(verbs)


def _verbs_during(town, act):
    """List the verbs that reached the server, in order, without looks that this test takes itself."""
    import socket

    from tinytown.storage.redis.scripts import Scripts

    scripts = Scripts()
    names = {scripts.get(verb).sha: verb for verb in scripts.verbs()}
    with socket.socket(socket.AF_UNIX) as monitor:
        monitor.settimeout(10)
        monitor.connect(str(town.serve().socket))
        monitor.sendall(b"MONITOR\r\n")
        assert monitor.recv(64).startswith(b"+OK")
        act()
        end = "that is all"
        town.command("ECHO", end)
        said = ""
        while end not in said:
            said += monitor.recv(1 << 20).decode("utf-8", "replace")
    calls = [line for line in said.splitlines() if '"EVALSHA"' in line and " lua]" not in line]
    verbs = [names[line.split('"')[3]] for line in calls]
    return [verb for verb in verbs if verb not in {"show", "node_beat", "node_reconcile"}]

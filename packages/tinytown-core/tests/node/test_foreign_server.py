"""A node on a server that is not its own: it may go away for long, and nothing of it can be started."""

from __future__ import annotations

import pytest
from tinytown.node import processes
from tinytown.testing import servers
from tinytown.testing.pytest_plugin import DURABLE, required


@pytest.fixture
def foreign():
    with required("valkey"), servers.server("valkey", settings=DURABLE) as running:
        yield running


def test_rounds_go_on_while_the_server_is_away_and_are_recorded_when_it_is_back(foreign, make_town):
    town = make_town({"w1": "reach('there')\nhold('go')\ncomplete('x') if run > 1 else None"}, socket=foreign.socket)
    town.start()
    town.spawn("w1")
    task = town.add(agent="w1")
    town.reached("there")
    shim = town.owner(town.rounds("w1")[0].id)
    foreign.kill()
    town.release("go")
    town.wait(lambda: not processes.alive(shim), "the round ends without its server")
    town.wait(lambda: "away" in town.log() or "cannot hear" in town.log(), "the node notices")
    foreign.start()
    town.reached("there")
    town.release("go")
    assert town.until(task, "completed").reminders == 1


def test_a_node_stops_although_its_server_is_away_and_the_next_one_records_what_was(foreign, make_town):
    town = make_town(
        {"w1": "(reach('there'), hold('never')) if run == 1 else None\ncomplete('x')"}, socket=foreign.socket
    )
    town.start()
    town.spawn("w1")
    task = town.add(agent="w1")
    town.reached("there")
    process = town.cli(town.rounds("w1")[0].id)
    foreign.kill()
    assert town.stop() == 0
    assert not processes.alive(process)
    foreign.start()
    assert town.task(task).state == "running"
    town.start()
    done = town.until(task, "completed")
    assert (done.crashes, done.attempt) == (0, 2)


def test_two_towns_of_one_name_do_not_share_a_server(foreign, make_town):
    first = make_town({"w1": "complete()"}, socket=foreign.socket)
    first.start()
    second = make_town({"w1": "complete()"}, socket=foreign.socket, sound=False)
    assert second.start(wait=False).wait(20) == 1
    assert "belongs to another folder" in second.log()
    first.spawn("w1")
    first.until(first.add(agent="w1"), "completed")


def test_a_server_that_refuses_for_good_ends_the_node_and_the_next_one_takes_its_rounds_over(foreign, make_town):
    town = make_town({"w1": "reach('there')\nhold('go')\ncomplete('x')"}, socket=foreign.socket)
    process = town.start()
    town.spawn("w1")
    task = town.add(agent="w1")
    town.reached("there")
    shim = town.owner(town.rounds("w1")[0].id)
    town.command("ACL", "SETUSER", "default", "-evalsha", "-eval")
    try:
        assert process.wait(20) == 1
    finally:
        town.command("ACL", "SETUSER", "default", "+evalsha", "+eval")
    assert processes.alive(shim)
    said = town.log().strip().splitlines()[-1]
    assert "this user may not do what Tinytown needs" in said
    assert "hint: grant the user" in said
    assert "Traceback" not in town.log()
    town.start()
    town.release("go")
    assert town.until(task, "completed").attempt == 1


def test_a_server_whose_memory_is_full_is_waited_for(foreign, make_town):
    town = make_town({"w1": "reach('there')\nhold('go')\ncomplete('x') if run > 1 else None"}, socket=foreign.socket)
    town.start()
    town.spawn("w1")
    task = town.add(agent="w1")
    town.reached("there")
    town.command("CONFIG", "SET", "maxmemory", "1")
    town.release("go")
    town.wait(lambda: "its memory is full" in town.log(), "the node notices")
    town.command("CONFIG", "SET", "maxmemory", "0")
    town.reached("there")
    town.release("go")
    assert town.until(task, "completed").reminders == 1

"""What every script has from the prelude: kept answers, refusals that change nothing, the server's own time."""

import json

import pytest
import redis
from tinytown.storage.calls import agents, mail, nodes, tasks, town

TASK, LONG = "t-00000001", 'fix "this" / and thät\n' * 5_000


@pytest.fixture
def started(twins):
    for call in (
        town.claim("t", "i1"),
        nodes.join("n-one00000", name="box", pid=7, host="h", nonce="x1", capacity=3),
        agents.spawn("a-abcdefgh", "w1", cli="script", node="n-one00000"),
        tasks.add(TASK, LONG, agent="w1"),
    ):
        assert "error" not in say(twins, call)
    return twins


def say(twins, call, operation="", now=None):
    return twins.on_server(call.verb, call.args, operation, now)


def events(twins):
    return twins.client.xlen(twins.prefix + "events")


def test_the_same_operation_answers_the_same_and_does_nothing_again(started):
    first = say(started, tasks.assign(TASK, "w1"), "o-1")
    count = events(started)
    started.client.hset(f"{started.prefix}task:{TASK}", "state", "failed")
    assert say(started, tasks.assign(TASK, "w1"), "o-1") == first
    assert first["task"]["description"] == LONG
    assert events(started) == count
    assert say(started, tasks.assign(TASK, "w1"), "o-2")["error"]["code"] == "wrong_state"


def test_a_kept_answer_does_not_hold_long_texts_and_goes_after_ten_minutes(started):
    answer = say(started, mail.send("m-00000001", "w1", LONG), "o-1")
    assert answer["message"]["body"] == LONG
    assert started.client.strlen(started.prefix + "op:o-1") < 1_000
    assert 590_000 < started.client.pttl(started.prefix + "op:o-1") <= 600_000
    assert say(started, mail.send("m-00000001", "w1", "other"), "o-1") == answer


def test_a_refusal_is_not_kept_and_changes_nothing(started):
    count = events(started)
    assert say(started, tasks.reopen(TASK), "o-1")["error"]["code"] == "wrong_state"
    assert not started.client.exists(started.prefix + "op:o-1")
    assert events(started) == count


@pytest.mark.parametrize("key", ["op:o-1", f"task:{TASK}", f"history:{TASK}", "events", "tasks:assigned", "town"])
def test_a_key_of_another_type_is_a_refusal_before_the_first_write(started, key):
    started.client.delete(started.prefix + key)
    started.client.sadd(started.prefix + key, "planted")
    before = kept(started)
    answer = say(started, tasks.cancel(TASK), "o-1")
    assert answer == {"error": {"code": "storage_corrupt", "key": key}}
    assert kept(started) == before


def kept(twins):
    """Every key of the town with its value."""
    names = sorted(twins.client.scan_iter(match=twins.prefix + "*", count=10_000))
    return {name: twins.client.dump(name) for name in names}


def test_a_mistake_of_ours_is_an_error_that_names_the_verb_and_changes_nothing(started):
    before = kept(started)
    with pytest.raises(redis.exceptions.ResponseError, match="BUG in task_cancel"):
        started.on_server("task_cancel", {"task": TASK}, "o-1")
    assert kept(started) == before


def test_without_a_time_the_server_gives_its_own(started):
    seconds, micros = started.client.time()
    answer = say(started, tasks.add("t-00000002", "x"), now="")
    assert 0 <= answer["task"]["created_at"] - (seconds * 1000 + micros // 1000) < 60_000


def test_times_and_counts_are_kept_as_plain_decimal_text(started):
    stored = started.client.hgetall(f"{started.prefix}task:{TASK}")
    assert stored["created_at"] == str(started.now)
    assert stored["seq"].isdigit()
    assert json.loads(started.client.lindex(f"{started.prefix}history:{TASK}", 0))["at"] == started.now

"""What every face answers on every server; one test for all of them."""

import time

import pytest
from tinytown import errors
from tinytown.plugins.storages import open_storage
from tinytown.storage import keys
from tinytown.storage.protocol import Call
from tinytown.storage.redis import streams
from tinytown.testing.pytest_plugin import PASSWORD


def make(verb, **flags):
    return Call(verb, {"text": "ü 漢字 \n"}, dict, **flags)


@pytest.fixture
def storage(face, server, town_name):
    return face.open(server.url, town_name)


def test_a_script_gets_prefix_operation_time_and_arguments(storage, town_name):
    answer = storage.run(make("echo"), operation="o-aaaaaaaaaa")
    assert answer["prefix"] == keys.prefix(town_name)
    assert answer["operation"] == "o-aaaaaaaaaa"
    assert answer["now"] == ""
    assert answer["args"] == {"text": "ü 漢字 \n"}


def test_a_changing_call_makes_its_own_operation_id_and_a_query_has_none(storage):
    assert storage.run(make("echo"))["operation"].startswith("o-")
    assert storage.run(make("echo", changes=False))["operation"] == ""
    assert storage.run(make("echo", natural=True), operation="o-aaaaaaaaaa")["operation"] == ""


def test_a_large_text_arrives_whole(storage):
    text = "漢" * (256 * 1024 // 3)
    assert storage.run(Call("echo", {"text": text}, dict))["args"]["text"] == text


def test_a_refusal_becomes_the_typed_error(storage):
    with pytest.raises(errors.NotFoundError, match="no task `t-1`"):
        storage.run(make("refuse"))


def test_a_script_that_the_server_forgot_is_sent_whole_with_the_same_operation(storage, server):
    storage.run(make("echo"))
    server.command("SCRIPT", "FLUSH")
    assert storage.run(make("echo"), operation="o-bbbbbbbbbb")["operation"] == "o-bbbbbbbbbb"


def test_a_key_of_another_type_names_the_town_and_not_a_library(storage):
    with pytest.raises(errors.StorageCorruptError) as caught:
        storage.run(make("stumble"))
    assert "tt:{town" in caught.value.key


def test_an_unreadable_answer_is_refused(storage):
    with pytest.raises(errors.StorageRefusedError, match="cannot be read"):
        storage.run(make("garbage"))


def test_half_a_character_is_refused_before_anything_is_sent(storage):
    with pytest.raises(errors.InvalidValueError, match="not UTF-8"):
        storage.run(Call("echo", {"text": "\ud800"}, dict))


def test_entries_come_in_order_after_an_id_and_up_to_a_limit(storage, server, town_name):
    key = keys.stream(town_name, "events")
    for number in range(1, 6):
        server.command("XADD", key, f"{number}-0", "n", number)
    assert storage.read_stream("events", after="0", limit=10)[0] == ("1-0", {"n": "1"})
    assert [entry for entry, _ in storage.read_stream("events", after="2-0", limit=2)] == ["3-0", "4-0"]
    assert storage.read_stream("events", after="5-0", limit=2) == []


def test_a_missing_stream_is_empty(storage):
    assert storage.read_stream("events", after="7-0", limit=5) == []
    assert storage.read_stream("bell:n-1", after="0", limit=5) == []
    assert storage.newest_id("events") == "0-0"


def test_a_wait_for_entries_ends_when_its_time_is_up(storage):
    began = time.monotonic()
    assert storage.read_stream("events", after="$", limit=5, block_ms=80) == []
    assert 0.07 <= time.monotonic() - began < 1.5


def test_reading_before_the_oldest_event_is_told_and_can_go_on_from_there(storage, server, town_name):
    key = keys.stream(town_name, "events")
    for number in range(1, 11):
        server.command("XADD", key, "MAXLEN", "4", f"{number}-0", "n", number)
    with pytest.raises(errors.EventsTrimmedError) as caught:
        storage.read_stream("events", after="2-0", limit=10, block_ms=50)
    assert caught.value.oldest == "7-0"
    rest = storage.read_stream("events", after=streams.before(caught.value.oldest), limit=10)
    assert [entry for entry, _ in rest] == ["7-0", "8-0", "9-0", "10-0"]
    assert [entry for entry, _ in storage.read_stream("events", after="8-0", limit=10)] == ["9-0", "10-0"]


def test_an_event_stream_that_was_emptied_still_tells_of_the_gap(storage, server, town_name):
    key = keys.stream(town_name, "events")
    server.command("XADD", key, "1-0", "n", 1)
    server.command("XADD", key, "2-0", "n", 2)
    server.command("XTRIM", key, "MAXLEN", 0)
    with pytest.raises(errors.EventsTrimmedError):
        storage.read_stream("events", after="1-0", limit=10)
    assert storage.read_stream("events", after="2-0", limit=10) == []


def test_a_bell_never_tells_of_gaps(storage, server, town_name):
    key = keys.stream(town_name, "bell:n-1")
    for number in range(1, 6):
        server.command("XADD", key, "MAXLEN", "1", f"{number}-0", "n", number)
    assert [entry for entry, _ in storage.read_stream("bell:n-1", after="1-0", limit=9, block_ms=50)] == ["5-0"]


def test_a_malformed_event_id_is_refused(storage):
    with pytest.raises(errors.InvalidValueError, match="the event id"):
        storage.read_stream("events", after="yesterday", limit=5)


def test_a_password_with_every_special_character_signs_in(face, locked_server):
    for url in (locked_server.url, locked_server.tcp_url):
        storage = face.open(url, "lock")
        assert storage.run(make("echo"))["prefix"] == "tt:{lock}:"
        assert PASSWORD not in storage.url


def test_a_password_that_is_kept_apart_reaches_the_server_through_the_plugin_too(locked_server):
    options = {"password": PASSWORD, "embedded": False, "unknown": 1}
    storage = open_storage(f"redis://127.0.0.1:{locked_server.port}", "lock", options=options)
    assert storage.newest_id("events") == "0-0"
    assert PASSWORD not in storage.url
    storage.close()


@pytest.mark.parametrize(("secret", "word"), [("wrong", "password is wrong"), ("", "wants a password")])
def test_a_wrong_or_missing_password_is_said_without_showing_it(face, locked_server, secret, word):
    begin = f":{secret}@" if secret else ""
    storage = face.open(f"redis://{begin}127.0.0.1:{locked_server.port}", "lock")
    with pytest.raises(errors.StorageRefusedError, match=word) as caught:
        storage.run(make("echo"))
    assert "secret" not in f"{caught.value} {caught.value.hint}"
    assert ":wrong@" not in str(caught.value)


def test_a_password_for_a_server_that_has_none_is_said(face, server):
    storage = face.open(f"unix://:hunter2@{server.socket}", "lock")
    with pytest.raises(errors.StorageRefusedError, match="no password") as caught:
        storage.run(make("echo"))
    assert "hunter2" not in str(caught.value)


def test_another_database_is_used_and_one_that_does_not_exist_is_said(face, own_server):
    storage = face.open(own_server.tcp_url + "/3", "t")
    storage.run(make("count"))
    assert "db3:keys=" in str(own_server.command("INFO", "keyspace"))
    with pytest.raises(errors.StorageRefusedError, match="no database"):
        face.open(own_server.tcp_url + "/99", "t").run(make("echo"))


def test_the_run_id_changes_with_the_servers_life(face, own_server):
    storage = face.open(own_server.url, "t")
    first = storage.server_run_id()
    assert len(first) == 40
    assert storage.server_run_id() == first
    own_server.kill()
    own_server.start()
    assert storage.server_run_id() != first

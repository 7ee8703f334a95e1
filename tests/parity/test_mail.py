"""Mail means what its sender said, to the last word."""

from __future__ import annotations

import threading

import pytest


@pytest.mark.parametrize("kind", ["task", "query", "info", "ack"])
def test_every_kind_of_message_keeps_every_word(place, kind):
    body = "received: I start at nine,\nonce the schema is merged \U0001f680"
    sent = place.town.send("conductor", body, kind=kind).message
    (found,) = place.town.inbox("conductor").items
    assert (found.id, found.kind, found.body) == (sent.id, kind, body)


@pytest.mark.parametrize("words", ["rollback of the package", "status update", "thanks, fyi", "a question about acks"])
def test_words_in_a_message_do_not_change_its_kind(place, words):
    assert place.town.send("conductor", words).message.kind == "task"
    assert place.town.send("conductor", words, kind="query").message.kind == "query"


def test_settling_mail_while_more_arrives_loses_none(place):
    town = place.town
    first = [town.send("conductor", f"early {number}").message.id for number in range(20)]
    sent: list[str] = []

    def send_more():
        with town.open(town.root, env=place.env, start=False) as other:
            sent.extend(other.send("conductor", f"late {number}").message.id for number in range(20))

    thread = threading.Thread(target=send_more)
    thread.start()
    for ref in first:
        town.done(ref)
    thread.join()
    assert [message.id for message in town.inbox("conductor").items] == sent

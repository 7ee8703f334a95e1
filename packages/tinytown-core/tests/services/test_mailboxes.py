"""Mail as people use it: mailboxes in pages, answers to whatever id was shown, and the story of each message."""

from __future__ import annotations

import attrs
import pytest
from tinytown.domain.ids import CONDUCTOR_ID
from tinytown.errors import InvalidValueError, NotFoundError, RefusedError, UsageError
from tinytown.services.context import Actor
from tinytown.services.town import Town


def in_conversation(bench) -> Town:
    """The same town as the conductor's conversation sees it."""
    actor = Actor(agent_id=CONDUCTOR_ID, by="conductor")
    return Town(attrs.evolve(bench.context, actor=actor, notices=[]), bench.storage)


@pytest.mark.parametrize("conversation", [False, True])
def test_the_newest_and_the_urgent_mail_of_the_conductor_is_reached_behind_any_number(bench, conversation):
    sent = [bench.town.send("conductor", f"{n}", urgent=n == 249).message.id for n in range(250)]
    town = in_conversation(bench) if conversation else bench.town
    found, after = [], None
    while True:
        page = town.inbox("conductor" if not conversation else None, after=after)
        found += [item.id for item in page.items]
        after = page.next
        if after is None:
            break
    assert found == [sent[-1], *sent[:-1]]
    assert {bench.town.trace(ref).record.state for ref in sent} == {"shown" if conversation else "queued"}
    handled = town.done(found[100])
    assert handled.state == "handled"
    assert town.inbox(limit=1).items[0].id == sent[-1]


def test_what_waits_for_everyone_is_shown_with_a_way_to_the_rest(bench):
    bench.agent()
    for number in range(5):
        bench.town.send("w1", str(number))
        bench.town.send("conductor", str(number))
    page = bench.town.inbox(all=True, limit=3)
    assert [(item.to, item.body) for item in page.items] == [
        (name, str(number)) for name in ("conductor", "w1") for number in range(3)
    ]
    commands = [notice.split("`")[1].split() for notice in bench.town.notices]
    assert [words[:3] for words in commands] == [["tt", "inbox", "conductor"], ["tt", "inbox", "w1"]]
    rest = bench.town.inbox("w1", after=int(commands[1][-1]))
    assert [item.body for item in rest.items] == ["3", "4"]


def test_one_message_is_shown_whole_by_its_id_and_its_beginning(bench):
    sent = bench.town.send("conductor", "x" * 100_000).message
    for ref in (sent.id, sent.id[:6]):
        assert [item.body for item in bench.town.inbox(ref).items] == [sent.body]
    assert bench.town.trace(sent.id).record.state == "queued"


def test_every_id_and_name_that_mail_can_show_is_answered(bench):
    agent = bench.agent("w1", nickname="ann", role="reviewer")
    other = bench.agent("w2")
    task = bench.town.assign("w1", "x")
    live = bench.take(agent).round
    inside = bench.inside(live)
    asked = inside.send("conductor", "which?", kind="query").message
    told = inside.send("w2", "hello", kind="info").message
    backlog = inside.add_task("somebody else's")
    own = bench.town.add_task("of a person")
    from_person = bench.town.send("w2", "from a person").message

    def reader(ref: str, town: Town = bench.town) -> str:
        return town.send(ref, "an answer", kind="info").message.to_id

    for ref in ("conductor", "supervisor", "CONDUCTOR", CONDUCTOR_ID, "person", "town"):
        assert reader(ref) == reader(ref, inside) == CONDUCTOR_ID
    for ref in (
        "w1",
        "W1",
        "ann",
        "ann [reviewer]",
        agent.id,
        agent.id[:6],
        task.id,
        task.id[:6],
        live.id,
        live.id[:6],
    ):
        assert reader(ref) == agent.id
    assert reader(asked.id) == reader(told.id) == agent.id
    assert reader(from_person.id, inside) == CONDUCTOR_ID
    assert reader(backlog.id) == agent.id
    assert reader(own.id) == CONDUCTOR_ID
    assert reader("w2", inside) == other.id


def test_an_answer_by_the_id_of_a_message_settles_it(bench):
    agent = bench.agent()
    bench.town.assign("w1", "x")
    inside = bench.inside(bench.take(agent).round)
    asked = inside.send("conductor", "which?", kind="query").message
    answer = bench.town.send(asked.id, "the second").message
    assert (answer.reply_to, answer.to_id) == (asked.id, agent.id)
    assert bench.town.trace(asked.id).record.state == "handled"
    assert bench.town.send(asked.id, "again", reply_to=asked.id).message.reply_to == asked.id
    before = bench.events()
    with pytest.raises(UsageError):
        bench.town.send(asked.id, "x", reply_to=answer.id)
    assert bench.events() == before


def test_what_reads_no_mail_is_refused_with_the_command_that_was_meant(bench):
    task = bench.town.add_task("x")
    bench.town.block(task.id, "Which colour?")
    item = bench.town.attention().items[0]
    before = bench.events()
    with pytest.raises(RefusedError) as asked:
        bench.town.send(item.id, "blue")
    assert asked.value.hint == f"`tt attention answer {item.id}` answers it"
    with pytest.raises(RefusedError):
        bench.town.send("n-00000001", "x")
    for ref in ("m-zzzzzzzz", "t-zzzzzzzz"):
        with pytest.raises(NotFoundError):
            bench.town.send(ref, "x")
    assert bench.events() == before


def test_a_name_that_mail_shows_for_people_is_no_agents(bench):
    for name in ("person", "town"):
        with pytest.raises(InvalidValueError):
            bench.town.spawn(name, cli="script")


def test_the_trace_of_a_message_names_time_actor_and_place_of_each_step(bench):
    agent = bench.agent()
    sent = bench.town.send("w1", "hello", urgent=True).message
    live = bench.take(agent).round
    bench.clock.advance(500)
    bench.end(live, shown={"after_ms": 20, "at": {sent.id: [7, 99]}})
    queued, delivered, shown, handled = bench.town.trace(sent.id).steps
    assert (queued.verb, queued.by, queued.by_id, queued.place) == ("queued", "person", None, "the urgent lane")
    assert (delivered.by, delivered.by_id) == ("w1", agent.id)
    assert delivered.place == f"round {live.id}, node n-00000001"
    assert (shown.line, shown.offset, shown.file) == (7, 99, f".tt/rounds/{live.id}/prompt.md")
    assert shown.place == f"line 7 (byte 99) of .tt/rounds/{live.id}/prompt.md"
    assert (handled.by_id, handled.detail) == (agent.id, "its round ended as ok")
    assert [step.at - queued.at for step in (queued, delivered, shown, handled)] == [0, 0, 20, 500]


def test_mail_that_was_read_with_the_inbox_was_shown_there(bench):
    agent = bench.agent()
    bench.town.assign("w1", "x")
    live = bench.take(agent).round
    sent = bench.town.send("w1", "hello").message
    bench.inside(live).inbox()
    shown = bench.town.trace(sent.id).steps[-1]
    assert (shown.verb, shown.by_id, shown.place) == ("shown", agent.id, f"tt inbox, round {live.id}")
    asked = bench.town.send("conductor", "hello").message
    in_conversation(bench).inbox()
    in_conversation(bench).done(asked.id)
    shown, handled = bench.town.trace(asked.id).steps[-2:]
    assert (shown.by, shown.by_id, shown.place) == ("conductor", CONDUCTOR_ID, "tt inbox")
    assert (handled.by_id, handled.detail) == (CONDUCTOR_ID, "said to be done")


def test_tasks_agents_and_rounds_tell_their_story_too(bench):
    agent = bench.agent()
    task = bench.town.assign("w1", "x")
    live = bench.take(agent).round
    bench.town.interrupt("w1", wait=False)
    bench.end(live, "interrupted")
    steps = bench.town.trace(task.id).steps
    assert [step.verb for step in steps] == ["add", "start", "release"]
    assert (steps[1].by, steps[1].by_id, steps[1].round_id) == ("w1", agent.id, live.id)
    assert [(step.by, step.by_id) for step in (steps[0], steps[2])] == [("person", None), ("town", None)]
    bench.town.complete(task.id)
    bench.town.kill("w1", wait=False)
    bench.town.prune()
    assert bench.agent().id != agent.id
    assert bench.town.trace(task.id).steps[1].by_id == agent.id
    verbs = {step.verb: step for step in bench.town.trace(agent.id).steps}
    assert verbs["interrupt"].by == "person"
    assert verbs["spawned"].by == "person"
    assert verbs["ready"].node_id == "n-00000001"
    told = bench.town.trace(live.id).steps
    assert [step.verb for step in told][:2] == ["started", "task.started"]
    assert {step.by_id for step in told} == {agent.id}
    assert {step.node_id for step in told} == {"n-00000001"}

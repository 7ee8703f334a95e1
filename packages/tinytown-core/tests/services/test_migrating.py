"""Bringing a town of the Rust program over: everything once, in order, and the old keys untouched."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from urllib.parse import quote

import attrs
import pytest
from tinytown.config.files import private_dir
from tinytown.errors import InvalidValueError, NotFoundError, RefusedError, StorageUnavailableError
from tinytown.node.control import take_lock
from tinytown.services.town import Town
from tinytown.storage.calls import mail, tasks
from tinytown.storage.calls import town as town_calls
from tinytown.storage.redis.rust_fetch import RawKey
from tinytown.storage.redis.rust_town import read_town
from tinytown.testing import dumps, invariants
from tinytown.testing.pytest_plugin import PASSWORD, required
from tinytown.testing.rust_town import SUPERVISOR, RustTown, uuid
from tinytown.testing.servers import TestServer, server


@pytest.fixture(scope="module", params=["valkey", "redis"])
def old_server(request: pytest.FixtureRequest) -> Iterator[TestServer]:
    with required(request.param), server(request.param) as running:
        yield running


@pytest.fixture
def old(old_server: TestServer) -> RustTown:
    old_server.command("FLUSHALL")
    return RustTown(old_server)


def bring(bench, old: RustTown, **more):
    return bench.town.migrate(town=old.name, url=old.server.url, **more)


def bodies(bench, reader: str) -> list[tuple[str, str, str]]:
    return [(item.kind, item.sender, item.body) for item in bench.storage.run(mail.peek(reader, limit=100)).items]


def sound(bench) -> None:
    assert invariants.check(dumps.of_memory(bench.memory.data)) == []


def small_town(old: RustTown) -> None:
    """An agent with a running task, another with mail, a backlog, closed work and mail for the conductor."""
    w1 = old.agent(1, "w1", role_id="reviewer", nickname="Mary", tasks_completed=3, rounds_completed=5)
    w2 = old.agent(2, "W2 (tester)", as_json=True, parent_agent_id=w1)
    old.task(11, "running work", "running", assigned_to=w1, started_at="2024-05-01T12:30:00+02:00")
    assigned = old.task(12, "assigned work", "assigned", assigned_to=w2, tags=["roof", "wall"])
    old.task(13, "done", "completed", as_json=True, assigned_to=w1, result="fine", completed_at="2024-05-01T14:00:00Z")
    old.task(14, "given up", "cancelled", result="no need", completed_at="2024-05-01T14:00:00Z")
    old.backlog(old.task(16, "first"), old.task(15, "second"))
    old.message(21, w2, "task_assign", task_id=assigned)
    old.message(22, w2, "query", question="how far?", sender=w1)
    old.message(23, w2, "informational", summary="news")
    old.message(24, w2, "task", urgent=True, description="urgent one")
    old.message(25, w2, "task", urgent=True, description="urgent two")
    old.message(26, SUPERVISOR, "confirmation", sender=w1, ack_type={"type": "rejected", "reason": "too big"})


def test_a_whole_town_comes_over_with_its_states_times_and_order(bench, old: RustTown) -> None:
    small_town(old)
    before = old.dump()
    done = bring(bench, old)
    assert [entry.kind for entry in done.new].count("task") == 6
    assert (done.skipped, done.there) == ((), ())
    w1, w2 = bench.town.agent("w1"), bench.town.agent("w2-tester")
    assert (w1.state, w1.role, w1.nickname, w1.tasks_completed, w1.cli) == ("stopped", "reviewer", "mary", 3, "claude")
    assert (w1.created_at, w2.parent_id) == (1_714_564_801_123, w1.id)
    found = {task.description: task for task in bench.town.tasks(limit=50).items}
    assert {text: (task.state, task.agent) for text, task in found.items()} == {
        "running work": ("assigned", "w1"),
        "assigned work": ("assigned", "w2-tester"),
        "done": ("completed", "w1"),
        "given up": ("cancelled", None),
        "first": ("pending", None),
        "second": ("pending", None),
    }
    assert found["running work"].started_at == 1_714_559_400_000
    assert (found["done"].result, found["done"].closed_at) == ("fine", 1_714_572_000_000)
    assert found["given up"].reason == "no need"
    assert found["assigned work"].tags == ("roof", "wall")
    backlog = bench.storage.run(tasks.listing(state="pending")).items
    assert [task.description for task in backlog] == ["first", "second"]
    assert bodies(bench, "w2-tester") == [
        ("task", "conductor", "urgent one"),
        ("task", "conductor", "urgent two"),
        ("query", "w1", "how far?"),
        ("info", "conductor", "news"),
    ]
    assert bodies(bench, "conductor") == [("ack", "w1", "rejected: too big")]
    assert old.dump() == before
    sound(bench)


def test_the_dry_run_says_what_the_real_run_does_and_changes_nothing(bench, old: RustTown) -> None:
    small_town(old)
    old.mission(31, [{"id": uuid(41), "title": "dig"}])
    before, kept = old.dump(), dumps.of_memory(bench.memory.data)
    planned = bring(bench, old, dry_run=True)
    assert dumps.of_memory(bench.memory.data) == kept
    assert not bench.context.paths.dot.exists()
    done = bring(bench, old)
    said = [[(e.kind, e.old, e.id, e.text) for e in result.new] for result in (planned, done)]
    assert said[0] == said[1]
    assert attrs.evolve(planned, dry_run=False, new=()) == attrs.evolve(done, new=())
    assert old.dump() == before


def test_a_second_run_brings_only_what_is_new_and_leaves_the_rest_as_it_is_now(bench, old: RustTown) -> None:
    small_town(old)
    first = bring(bench, old)
    bench.town.cancel(first.new[-1].id if first.new[-1].kind == "task" else _task(bench, "first").id)
    bench.town.restart("w1")
    kept = dumps.of_memory(bench.memory.data)
    again = bring(bench, old)
    assert (again.new, len(again.there)) == ((), len(first.new))
    assert dumps.of_memory(bench.memory.data) == kept
    old.task(17, "new one")
    third = bring(bench, old)
    assert [entry.text for entry in third.new] == ["pending: new one"]
    sound(bench)


def _task(bench, description: str):
    return next(task for task in bench.town.tasks(limit=50).items if task.description == description)


class Cut:
    """A storage whose client is gone after so many changes, each of which was done."""

    def __init__(self, storage, after: int) -> None:
        self._storage, self._left = storage, after

    def __getattr__(self, name: str):
        return getattr(self._storage, name)

    def run(self, call, *, operation=None):
        if call.changes and self._left == 0:
            raise KeyboardInterrupt
        self._left -= call.changes
        return self._storage.run(call, operation=operation)


def test_cut_off_anywhere_and_run_again_equals_once(make_bench, old: RustTown) -> None:
    small_town(old)

    def records(bench) -> dict[str, object]:
        return {
            ref: {name: value for name, value in key.value.items() if name not in {"created_at", "last_active_at"}}
            for ref, key in dumps.of_memory(bench.memory.data).items()
            if ref.partition(":")[0] in {"task", "agent", "message"}
        }

    whole = make_bench("")
    count = len(bring(whole, old).new)
    assert count == 13
    for after in range(count):
        bench = make_bench("")
        with pytest.raises(KeyboardInterrupt):
            Town(bench.context, Cut(bench.storage, after)).migrate(town=old.name, url=old.server.url)
        rest = bring(bench, old)
        assert (len(rest.there), len(rest.new)) == (after, count - after)
        assert records(bench) == records(whole)
        sound(bench)


def test_names_are_made_valid_and_the_second_of_a_name_gets_a_number(bench, old: RustTown) -> None:
    bench.agent("w1")
    for number, name in enumerate(("w1", "W1", "../../x; rm -rf", "conductor", "a-9k3fq2xa7m", "日本"), 1):
        old.agent(number, name, nickname="Mary")
    done = bring(bench, old)
    names = [agent.name for agent in bench.town.agents().items]
    assert names == ["w1", "w1-2", "w1-3", "x-rm-rf", "town-conductor", "town-a-9k3fq2xa7m", "agent"]
    assert "`w1-2`, there `w1`" in done.new[0].text
    assert [agent.nickname for agent in bench.town.agents().items].count("mary") == 1
    assert any("nickname" in note for note in done.notes)
    assert bring(bench, old).new == ()
    sound(bench)


def test_what_cannot_be_read_is_listed_with_its_reason_and_the_rest_comes(bench, old: RustTown) -> None:
    server = old.server
    good = old.agent(1, "w1", created_at="yesterday")
    server.command("SET", old.key(f"agent:{uuid(2)}"), "{broken")
    server.command("HSET", old.key(f"agent:{uuid(3)}"), "state", "idle")
    server.command("RPUSH", old.key(f"task:{uuid(4)}"), "x")
    old.task(5, "odd", "sleeping")
    old.task(6, "", "pending")
    old.task(7, "tags", tags="{nonsense")
    old.task(8, "lost agent", "running", assigned_to=uuid(99))
    server.command("RPUSH", old.key(f"inbox:{good}"), "no json", json.dumps({"id": uuid(70)}))
    old.message(71, good, "telepathy")
    old.message(72, good, "task_assign", task_id=uuid(98))
    old.message(73, uuid(97), "task", description="to nobody")
    old.message(74, good, "task", description="x" * 300_000)
    old.backlog(uuid(96), "nonsense")
    server.command("SET", old.key(f"urgent:{good}"), "x")
    server.command("SET", old.key("strange"), "x")
    server.command("SET", old.key(f"stop:{good}"), "1")
    server.command("XADD", old.key("events"), "*", "data", "{}")
    before = old.dump()
    done = bring(bench, old)
    reasons = {(item.key.removeprefix("tt:old:").partition(":")[0], item.reason[:24]) for item in done.skipped}
    assert reasons == {
        ("agent", "`created_at` is 'yesterd"),
        ("agent", "is no JSON object"),
        ("agent", "has no name"),
        ("task", "is of type list, not a r"),
        ("task", "is in the state 'sleepin"),
        ("task", "has no description"),
        ("task", "its tags are no list; th"),
        ("inbox", "message 1 is no JSON obj"),
        ("inbox", "message 2 has no type: '"),
        ("inbox", f"message {uuid(71)}"[:24]),
        ("inbox", "assigns task 00000000-00"),
        ("inbox", f"message {uuid(73)}"[:24]),
        (f"message {uuid(74)}", "holds a text of 300000 b"),
        ("backlog", "names task 00000000-0000"),
        ("backlog", "names 'nonsense', which "),
        ("urgent", "is of type string, not a"),
        ("strange", "no key that the Rust pro"),
    }
    assert any("its agent" in note for note in done.notes)
    assert {"1 keys of events stay where they are", "1 keys of stop stay where they are"} <= set(done.notes)
    assert {task.description: task.state for task in bench.town.tasks().items} == {
        "tags": "pending",
        "lost agent": "pending",
    }
    assert old.dump() == before
    sound(bench)


def test_every_type_of_message_becomes_mail(bench, old: RustTown) -> None:
    to = old.agent(1, "w1")
    sent = [
        ("task_done", {"task_id": "t1", "result": "ok"}, "info"),
        ("task_failed", {"task_id": "t1", "error": "no"}, "info"),
        ("status_request", {}, "query"),
        ("status_response", {"state": "idle"}, "info"),
        ("ping", {}, "info"),
        ("pong", {}, "info"),
        ("shutdown", {}, "info"),
        ("custom", {"kind": "note", "payload": "thanks!"}, "ack"),
        ("custom", {"kind": "fyi", "payload": "x"}, "info"),
        ("custom", {"kind": "question", "payload": "x"}, "query"),
        ("custom", {"kind": "do", "payload": "x"}, "task"),
        ("confirmation", {"ack_type": {"type": "received"}}, "ack"),
    ]
    for number, (type_, fields, _kind) in enumerate(sent, 20):
        old.message(number, to, type_, **fields)
    assert bring(bench, old).skipped == ()
    assert [kind for kind, _sender, _body in bodies(bench, "w1")] == [kind for _type, _fields, kind in sent]
    assert all(body for _kind, _sender, body in bodies(bench, "w1"))


def test_keys_of_before_towns_had_names_come_too_and_those_of_other_towns_do_not(
    bench, make_bench, old: RustTown
) -> None:
    old.agent(1, "w1")
    first = RustTown(old.server, isolated=False)
    first.backlog(first.task(2, "very old", as_json=True))
    RustTown(old.server, "old:b").task(3, "of another town")
    RustTown(old.server, "older").task(4, "of yet another")
    RustTown(old.server, "o*").task(5, "a star")
    left = bring(bench, old)
    assert [entry.kind for entry in left.new] == ["agent"]
    assert any("2 keys of before towns had names" in note for note in left.notes)
    done = bring(bench, old, legacy=True)
    assert done.skipped == ()
    assert [task.description for task in bench.town.tasks().items] == ["very old"]
    star = make_bench("")
    star.town.migrate(town="o*", url=old.server.url)
    assert {task.description for task in star.town.tasks().items} == {"a star"}


def test_a_server_with_nothing_but_keys_of_before_towns_had_names_says_how_they_come(bench, old: RustTown) -> None:
    RustTown(old.server, isolated=False).task(2, "very old")
    with pytest.raises(NotFoundError) as caught:
        bring(bench, old)
    assert "`--legacy` brings the 1 keys" in (caught.value.hint or "")
    assert len(bring(bench, old, legacy=True).new) == 1


def test_nobody_begins_work_while_a_town_is_brought_over(bench, old: RustTown) -> None:
    old.backlog(old.task(1, "first"))
    private_dir(bench.context.paths.dot)
    private_dir(bench.context.paths.node_dir)
    lock = os.open(bench.context.paths.node_lock, os.O_RDWR | os.O_CREAT, 0o600)
    assert take_lock(lock)
    try:
        with pytest.raises(RefusedError, match="the node of this town runs"):
            bring(bench, old, force=True)
        assert bench.town.tasks().items == ()
        assert len(bring(bench, old, dry_run=True).new) == 1
    finally:
        os.close(lock)

    class Looks(Cut):
        """A storage that tries at each change whether a node could start."""

        could = 0

        def run(self, call, *, operation=None):
            if call.changes:
                other = os.open(bench.context.paths.node_lock, os.O_RDWR)
                Looks.could += take_lock(other)
                os.close(other)
            return self._storage.run(call, operation=operation)

    assert len(Town(bench.context, Looks(bench.storage, 0)).migrate(town=old.name, url=old.server.url).new) == 1
    assert Looks.could == 0
    again = os.open(bench.context.paths.node_lock, os.O_RDWR)
    assert take_lock(again), "the lock goes with the migration"
    os.close(again)


def test_a_command_line_is_kept_by_the_agent_cli_that_the_dry_run_suggests(make_bench, old: RustTown) -> None:
    old.agent(1, "w1", cli="/opt/my tools/coder.sh --fast 'a b'")
    old.agent(2, "w2", cli="/opt/coder --fast")
    old.agent(3, "w3", cli="/opt/coder --fast")
    old.agent(4, "w4", cli="claude --print | tee log")
    bench = make_bench("")
    notes = bring(bench, old, dry_run=True).notes
    wanted = "`w2`, `w3` ran `/opt/coder --fast`, which is no agent CLI here, and would run claude; before migrating,"
    assert f"{wanted} keep it with: tt config agent_clis.coder '/opt/coder --fast'" in notes
    assert any("`w4` ran" in note and "script" in note for note in notes)
    ready = make_bench("[agent_clis]\ncoder = '/opt/coder  --fast'")
    assert not any("`w2`" in note for note in bring(ready, old).notes)
    assert [(agent.name, agent.cli) for agent in ready.town.agents().items] == [
        ("w1", "claude"),
        ("w2", "coder"),
        ("w3", "coder"),
        ("w4", "claude"),
    ]


def test_work_items_of_missions_become_tasks_and_the_whole_mission_is_kept(bench, old: RustTown) -> None:
    w1 = old.agent(1, "w1")
    dig, wall, roof, paint = (uuid(41 + n) for n in range(4))
    mission = old.mission(
        31,
        [
            {"id": dig, "title": "dig", "status": "done", "artifact_refs": ["acme/house#7"]},
            {"id": wall, "title": "wall", "status": "assigned", "assigned_to": w1, "depends_on": [dig]},
            {"id": roof, "title": "roof", "depends_on": [wall], "owner_role": "mason"},
            {"id": paint, "title": "paint", "status": "blocked", "depends_on": [dig]},
        ],
    )
    failed = old.mission(32, [{"id": uuid(51), "title": "too late"}], state="failed")
    old.task(
        61, "[Mission Work Item] wall", "assigned", assigned_to=w1, tags=[f"mission:{mission}", f"work-item:{wall}"]
    )
    old.server.command("HSET", old.key(f"mission:{mission}:control"), "c", json.dumps({"body": "hurry"}))
    old.server.command("HSET", old.key(f"mission:{mission}:watch"), "w", "{broken")
    old.server.command("RPUSH", old.key(f"mission:{mission}:events"), "[2024] started")
    before = old.dump()
    done = bring(bench, old)
    found = {task.description.partition("\n")[0]: task for task in bench.town.tasks(limit=50).items}
    assert {name: (task.state, task.agent) for name, task in found.items()} == {
        "dig": ("completed", None),
        "[Mission Work Item] wall": ("assigned", "w1"),
        "roof": ("waiting", None),
        "paint": ("blocked", None),
        "too late": ("blocked", None),
    }
    assert found["roof"].depends_on == (found["[Mission Work Item] wall"].id,)
    assert f"mission:{mission}" in found["roof"].tags
    assert found["dig"].result == "acme/house#7"
    assert found["too late"].reason == "mission: it was failed"
    kept = json.loads((bench.context.paths.dot / f"migrated/mission-{mission}.json").read_text())
    assert (kept["active"], len(kept["work"]), kept["control"]) == (True, 4, [{"body": "hurry"}])
    assert kept["events"] == ["[2024] started"]
    assert kept["watch"] == [{"unreadable": "{broken", "field": "w"}]
    assert (bench.context.paths.dot / f"migrated/mission-{failed}.json").exists()
    assert [item.key for item in done.skipped] == [old.key(f"mission:{mission}:watch")]
    assert bring(bench, old).new == ()
    assert old.dump() == before
    sound(bench)


def test_a_town_that_may_still_be_running_is_refused_without_force(bench, old: RustTown) -> None:
    old.agent(1, "w1", state="working", last_heartbeat="2199-01-01T00:00:00Z")
    with pytest.raises(RefusedError, match="`w1`"):
        bring(bench, old)
    assert bench.town.agents().items == ()
    assert any("still be running" in note for note in bring(bench, old, dry_run=True).notes)
    assert len(bring(bench, old, force=True).new) == 1


def test_a_town_that_is_not_there_is_said_with_those_that_are(bench, old: RustTown) -> None:
    old.agent(1, "w1")
    with pytest.raises(NotFoundError) as caught:
        bench.town.migrate(town="nosuch", url=old.server.url)
    assert caught.value.hint == "towns there: old"
    with pytest.raises(StorageUnavailableError):
        bench.town.migrate(town="x", url="redis://127.0.0.1:9")
    with pytest.raises(InvalidValueError):
        bench.town.migrate(town="x")
    with pytest.raises(InvalidValueError):
        bench.town.migrate(town="x", url="http://h")
    with pytest.raises(InvalidValueError, match="options that are not used"):
        bench.town.migrate(town="x", url=f"{old.server.url}?x=y")
    assert bench.storage.run(town_calls.status()).tasks.get("pending", 0) == 0


def test_a_password_opens_the_old_server_and_is_never_shown(bench) -> None:
    with required("valkey"), server("valkey", tcp=True, password=PASSWORD) as locked:
        RustTown(locked).agent(1, "w1")
        done = bench.town.migrate(town="old", url=f"redis://:{quote(PASSWORD, safe='')}@127.0.0.1:{locked.port}")
        assert len(done.new) == 1
        assert PASSWORD not in repr(done)
        with pytest.raises(StorageUnavailableError) as caught:
            bench.town.migrate(town="old", url=f"redis://:wrong@127.0.0.1:{locked.port}")
        assert "wrong@" not in str(caught.value)


def test_the_time_for_a_large_town_grows_with_its_size(old: RustTown) -> None:
    def secs(count: int) -> float:
        refs = [uuid(number) for number in range(count)]
        raw = {
            old.key(f"task:{ref}"): RawKey("hash", {b"description": b"x", b"state": b"pending"}) for ref in refs[:10]
        }
        raw[old.key("backlog")] = RawKey("list", [ref.encode() for ref in refs])
        began = time.process_time()
        assert len(read_town(raw, old.name).backlog) == count
        return time.process_time() - began

    assert secs(40_000) < 40 * max(secs(4_000), 0.01)

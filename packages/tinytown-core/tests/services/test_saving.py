"""Saving and restoring a town by its public names: whole, checked first, and never a half by silence."""

from __future__ import annotations

import io

import attrs
import pytest
from tinytown.errors import RefusedError, SaveFileError, TownUnfinishedError
from tinytown.services.clearing import clear
from tinytown.storage.calls import nodes, saves, tasks
from tinytown.storage.calls import town as town_calls
from tinytown.storage.memory.storage import MemoryStorage
from tinytown.testing import dumps, invariants

NODE = "n-00000001"


def sound(bench):
    return invariants.check(dumps.of_memory(bench.memory.data))


def fill(bench):
    """Two agents, one at work, with a task, mail and something that needs a person."""
    bench.node.runs = False
    bench.join()
    first = bench.agent("w1")
    bench.agent("w2")
    task = bench.town.assign("w1", "mend the roof")
    live = bench.take(first).round
    bench.town.send("w2", "hello 🎉")
    bench.town.block(bench.town.add_task("which colour?").id, "question: red?")
    return task, live


def file_of(bench, name="x.save"):
    return bench.town.save(bench.context.root / name).file


def test_a_town_is_what_it_was_after_save_and_restore(bench):
    fill(bench)
    bench.end(bench.take_live())
    bench.leave("down")
    path = file_of(bench)
    text = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    bench.town.add_task("made later")
    report = bench.town.restore(path, force=True)
    assert (report.ended, report.moved) == ((), ())
    assert file_of(bench, "y.save").read_bytes() == text
    assert report.kept is not None
    assert b"made later" in report.kept.read_bytes()
    assert sound(bench) == []


def test_what_is_there_is_not_replaced_without_force_and_nothing_is_changed_by_a_dry_run(bench):
    fill(bench)
    path = file_of(bench)
    before = dict(dumps.of_memory(bench.memory.data))
    with pytest.raises(RefusedError) as caught:
        bench.town.restore(path)
    assert caught.value.refusal == "town_not_empty"
    report = bench.town.restore(path, dry_run=True)
    assert report.replaced["task"] == report.counts["task"] == 2
    assert dumps.of_memory(bench.memory.data) == before


def test_a_round_that_went_on_is_no_ghost_and_its_task_and_mail_are_kept(bench):
    task, live = fill(bench)
    path = file_of(bench)
    report = bench.town.restore(path, force=True)
    assert report.ended == (live.id,)
    assert bench.town.task(task.id).state == "assigned"
    ended = bench.storage.run(town_calls.show(live.id, "round")).record
    assert (ended.state, ended.outcome) == ("ended", "node_lost")
    assert bench.storage.run(nodes.listing()).items[0].state == "down"
    assert sound(bench) == []


def test_agents_of_another_machine_belong_to_this_one_and_begin_anew(bench):
    fill(bench)
    bench.end(bench.take_live())
    path = file_of(bench)
    bench.town.run_steps(clear(bench.context))
    path.write_bytes(path.read_bytes().replace(NODE.encode(), b"n-zzzzzzzz"))
    report = bench.town.restore(path)
    agents = bench.town.agents().items
    assert set(report.moved) == {agent.id for agent in agents}
    assert {(agent.node, agent.state, agent.incarnation) for agent in agents} == {(NODE, "cold", 2)}
    bench.join()
    assert sound(bench) == []


def test_a_node_that_runs_is_not_pulled_out_from_under_its_rounds(bench):
    fill(bench)
    path = file_of(bench)
    bench.join("n-00000002")
    with pytest.raises(RefusedError) as caught:
        bench.town.restore(path, force=True)
    assert caught.value.refusal == "node_runs"


def test_a_cleared_town_is_as_a_new_one(bench):
    fill(bench)
    assert bench.town.run_steps(clear(bench.context)) > 5
    assert set(bench.memory.data) == {"agent:a-00000000", "events", "ids", "town"}
    assert [event.type for event in bench.town.events()] == ["town.created"]
    assert bench.town.add_task("go on").state == "pending"


def test_an_interrupted_restore_is_said_and_completed_by_the_next_one(bench):
    fill(bench)
    path = file_of(bench)
    bench.storage.run(saves.clear("restore", "dead", begin=True, limit=3))
    with pytest.raises(TownUnfinishedError):
        bench.storage.run(town_calls.claim("bench", "instance-1"))
    bench.town.restore(path)
    bench.storage.run(town_calls.claim("bench", bench.memory.data["town"]["instance"]))
    with pytest.raises(RefusedError):
        bench.storage.run(saves.write("dead", [("names", "hash", {"x": "y"})]))
    assert sound(bench) == []


def test_a_stream_does_as_well_as_a_file(bench):
    fill(bench)
    stream = io.BytesIO()
    assert bench.town.save(stream).file is None
    stream.seek(0)
    bench.town.restore(stream, force=True)
    assert sound(bench) == []


class Changing(MemoryStorage):
    """Somebody adds a task between any two parts."""

    changes = 100

    def run(self, call, *, operation=None):
        if call.verb == "town_export" and self.changes:
            self.changes -= 1
            super().run(tasks.add(f"t-{self.changes:010}", "meanwhile"), operation=f"o-{self.changes:010}")
            call = attrs.evolve(call, args={**call.args, "limit": 3})
        return super().run(call, operation=operation)


def test_a_town_that_changes_while_it_is_read_is_read_again_or_refused(bench):
    fill(bench)
    bench.town.storage = Changing(bench.memory)
    with pytest.raises(RefusedError) as caught:
        file_of(bench)
    assert caught.value.refusal == "town_busy"
    bench.town.storage.changes = 1
    path = file_of(bench)
    assert path.read_text().count('{"task"') == len(bench.memory.data["tasks"])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _data: b"",
        lambda _data: b"\x00\x01\x02" * 100,
        lambda data: data[: len(data) // 2],
        lambda data: data[: data.rindex(b"{")],
        lambda data: data.replace(b'{"tinytown_save": 1', b'{"tinytown_save": 2'),
        lambda data: data.replace(b'"state": "blocked"', b'"state": "sleeping"'),
        lambda data: data.replace(b'"state": "blocked"', b'"state": 7'),
        lambda data: data.replace(b' "seq": 1,', b' "seq": "one",'),
        lambda data: data.replace(b'"state": "running"', b'"state": "running", "blockers": ["t-00000000"]'),
        lambda data: data.replace(b' "seq": 3', b' "seq": 2'),
        lambda data: data.replace(b'"state": "working"', b'"state": "idle"'),
        lambda data: data.replace(b'"to_id": "a-', b'"to_id": "a-0'),
        lambda data: data.replace(b'"description": "mend', b'"gates": {"a": 1},\n "description": "mend'),
        lambda data: data.replace(b'"capacity": ', b'"nonce": "mine",\n "capacity": '),
        lambda data: b"<<<<<<< HEAD\n" + data,
        lambda data: data + data,
        lambda data: data.replace(b"mend the roof", b"mend the \xff"),
        lambda _data: b'{"tinytown_save": 1,\n "x": ' + b"[" * 100_000,
    ],
)
def test_a_file_that_is_spoilt_is_refused_and_nothing_is_changed(bench, spoil):
    fill(bench)
    path = file_of(bench)
    path.write_bytes(spoil(path.read_bytes()))
    before = dict(dumps.of_memory(bench.memory.data))
    with pytest.raises(SaveFileError) as caught:
        bench.town.restore(path, force=True)
    assert str(path) in str(caught.value)
    assert dumps.of_memory(bench.memory.data) == before


def test_line_ends_of_another_system_do_no_harm(bench):
    fill(bench)
    path = file_of(bench)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"\n", b"\r\n"))
    bench.town.restore(path, force=True)
    assert bench.town.status().tasks["blocked"] == 1


def test_only_a_save_of_this_town_is_written_over(bench):
    fill(bench)
    path = file_of(bench)
    assert file_of(bench) == path
    path.write_bytes(path.read_bytes().replace(b'"name": "bench"', b'"name": "other"'))
    with pytest.raises(SaveFileError):
        file_of(bench)
    (bench.context.root / "notes.txt").write_text("mine")
    with pytest.raises(SaveFileError):
        file_of(bench, "notes.txt")
    assert (bench.context.root / "notes.txt").read_text() == "mine"
    assert bench.town.save(path, force=True).file == path

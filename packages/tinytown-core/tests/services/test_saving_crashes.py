"""A restore or a reset that is killed at any call is said by the next command, and completed by the next try."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tinytown import Town
from tinytown.domain.ids import IdKind, new_id
from tinytown.errors import RefusedError, TownUnfinishedError
from tinytown.services.clearing import clear
from tinytown.testing import invariants
from tinytown.testing.dumps import of_memory
from tinytown.testing.pytest_plugin import shared_server
from tinytown.testing.saved import put, read
from tinytown.testing.subjects import memory_subject

__all__ = ["shared_server"]

TASKS = 60


@pytest.fixture
def env(tmp_path):
    return {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "TINYTOWN_HOME": str(tmp_path / "home")}


@pytest.fixture
def root(shared_server, env, tmp_path):
    """A town on a server with tasks and a save of it, and one task that was made later."""
    name = "town" + new_id(IdKind.TASK)[2:]
    with Town.init(tmp_path / "town", name=name, redis_url=f"unix://{shared_server.socket}", env=env) as town:
        town.context.starts = False
        for number in range(TASKS):
            town.add_task(f"mend roof {number}", role="mason")
        town.save(town.root / "first.save")
        town.add_task("made later")
        town.save(town.root / "second.save")
        yield town.root
        with Town.open(town.root, env=env, unfinished=True) as last:
            last.run_steps(clear(last.context))
            shared_server.command("DEL", f"tt:{{{name}}}:town")


def die(root, env, file, number, when):
    """Run the program; say whether it was killed."""
    program = Path(__file__).with_name("dying.py")
    words = [sys.executable, str(program), str(root), str(file), str(number), when]
    done = subprocess.run(words, env=env, capture_output=True, timeout=50, check=False)
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr.decode()
    return done.returncode != 0


def saved(root, env):
    """The town as its save says it, or that it is unfinished."""
    try:
        with Town.open(root, env=env) as town:
            return town.save(root / "look.save", force=True).file.read_bytes()
    except TownUnfinishedError:
        return "unfinished"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.timeout(170)
def test_a_restore_that_is_killed_at_any_call_is_never_a_silent_half(root, env, when):
    first, second = ((root / f"{name}.save").read_bytes() for name in ("first", "second"))
    seen, number = [], 0
    while die(root, env, root / "first.save", number := number + 1, when):
        found = saved(root, env)
        seen.append("unfinished" if found == "unfinished" else {first: "first", second: "second"}[found])
        with Town.open(root, env=env, unfinished=True) as town:
            town.restore(root / "second.save", force=found != "unfinished")
        assert saved(root, env) == second
    assert saved(root, env) == first
    assert number > 10
    assert "unfinished" in seen


@pytest.mark.timeout(120)
def test_a_reset_that_is_killed_at_any_call_completes_when_it_is_repeated(root, env):
    number, seen = 0, []
    while die(root, env, "-", number := number + 1, "after"):
        seen.append(saved(root, env) == "unfinished")
        with Town.open(root, env=env, unfinished=True) as town:
            town.restore(root / "first.save", force=True)
    assert number > 5
    assert any(seen)
    with Town.open(root, env=env) as town:
        assert sum(town.status().tasks.values()) == 0
        assert [event.type for event in town.events()] == ["town.created"]


@pytest.mark.timeout(120)
def test_a_save_while_others_write_is_of_one_instant_or_refused(root, env):
    over, wrote = threading.Event(), 0

    def write():
        nonlocal wrote
        with Town.open(root, env=env, start=False) as town:
            town.context.starts = False
            while not over.is_set() and wrote < 3_000:
                needed = town.add_task(f"storm {wrote}")
                town.add_task("waits", depends_on=[needed.id])
                town.complete(needed.id)
                wrote += 1

    storm = threading.Thread(target=write)
    storm.start()
    refused = set()
    try:
        with Town.open(root, env=env, start=False) as town:
            for _ in range(12):
                try:
                    file = town.save(root / "storm.save", force=True).file
                except RefusedError as error:
                    refused.add(error.refusal)
                    continue
                subject = memory_subject(town.name)
                put(subject.first, read(file.read_bytes()))
                assert invariants.check(of_memory(subject.first.town.data)) == []
    finally:
        over.set()
        storm.join()
    assert wrote > 3
    assert refused <= {"town_busy"}

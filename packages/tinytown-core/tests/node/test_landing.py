"""Landing an agent's branch: whole or not at all, twice as once, and never over anybody's changes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from tinytown import Town
from tinytown.errors import NotFoundError, RefusedError

LINES = "commit('work.txt', agent)\ncomplete()"


@pytest.fixture
def landed_work(running_town):
    """Make a town in which an agent has committed a file on its own branch."""

    def make(lines=LINES):
        town = running_town({"w1": lines}, config="auto_claim = false")
        task = town.add(agent=town.spawn("w1", workspace="worktree"))
        town.until(task, "completed")
        return town, task

    return make


def opened(town):
    return Town.open(town.root, env=town.env, start=False)


def target(town):
    return town.git("branch", "--show-current")


def test_a_branch_lands_with_who_made_it_and_the_checkout_follows(landed_work):
    town, task = landed_work()
    before = town.git("rev-parse", "HEAD")
    with opened(town) as own:
        plan = own.land("w1", dry_run=True)
        assert (plan.state, plan.files, plan.tasks, plan.commit) == ("would_land", ("work.txt",), (task,), None)
        assert town.git("rev-parse", "HEAD") == before
        done = own.land("w1", message="The file")
        assert (done.state, done.into, done.commit) == ("landed", target(town), town.git("rev-parse", "HEAD"))
        assert town.git("log", "-1", "--format=%P").split() == [before, town.git("rev-parse", "tt/w1")]
        message = town.git("log", "-1", "--format=%B")
        assert message.splitlines()[0] == "The file"
        assert f"Tinytown-Task: {task}" in message.splitlines()
        assert "Tinytown-Agent: w1" in message.splitlines()
        assert (town.root / "work.txt").read_text() == "w1"
        assert town.git("status", "--porcelain", "--untracked-files=no") == ""
        again = own.land("w1")
        assert (again.state, again.commit, town.git("rev-parse", "HEAD")) == ("already", None, done.commit)


def test_a_branch_that_is_checked_out_nowhere_takes_work_in_without_one(landed_work):
    town, _task = landed_work()
    head = town.git("rev-parse", "HEAD")
    town.git("branch", "release")
    (town.root / "mine.txt").write_text("mine")
    with opened(town) as own:
        assert own.land("w1", into="release").state == "landed"
    assert town.git("show", "release:work.txt") == "w1"
    assert (town.git("rev-parse", "HEAD"), (town.root / "work.txt").exists()) == (head, False)
    assert (town.root / "mine.txt").read_text() == "mine"


def test_a_conflict_is_refused_with_its_files_and_changes_nothing(landed_work):
    town, _task = landed_work()
    (town.root / "work.txt").write_text("another")
    town.git("add", "work.txt")
    town.git("commit", "-q", "-m", "another")
    head = town.git("rev-parse", "HEAD")
    with opened(town) as own, pytest.raises(RefusedError, match=r"work\.txt") as refused:
        own.land("w1")
    assert refused.value.refusal == "conflict"
    assert (town.git("rev-parse", "HEAD"), (town.root / "work.txt").read_text()) == (head, "another")


@pytest.mark.parametrize("kind", ["changed", "untracked", "ignored", "staged"])
def test_local_changes_in_the_way_are_refused_and_stay(landed_work, kind):
    town, _task = landed_work("commit('agents.txt', 'theirs')\ncommit('work.txt', agent)\ncomplete()")
    if kind in {"changed", "staged"}:
        town.git("checkout", "-q", "-b", "other", "tt/w1^")
        town.git("branch", "-f", "target", "HEAD")
        town.git("checkout", "-q", "target")
        name = "agents.txt"
        town.git("-C", str(town.paths.workspace("w1")), "rm", "-q", "agents.txt")
        town.git("-C", str(town.paths.workspace("w1")), "commit", "-q", "-m", "gone")
    else:
        town.git("checkout", "-q", "-b", "target")
        name = "work.txt"
        if kind == "ignored":
            (town.root / ".gitignore").write_text(".tt/\nwork.txt\n")
    (town.root / name).write_text("mine")
    if kind == "staged":
        town.git("add", name)
    head = town.git("rev-parse", "HEAD")
    with opened(town) as own, pytest.raises(RefusedError, match="in the way") as refused:
        own.land("w1", into="target")
    assert refused.value.refusal == "checkout_dirty"
    assert (town.git("rev-parse", "HEAD"), (town.root / name).read_text()) == (head, "mine")


def test_changes_that_are_not_in_the_way_stay_as_they_are(landed_work):
    town, _task = landed_work()
    with town.paths.config.open("a") as file:
        file.write("# mine\n")
    loose = town.paths.config.read_text()
    (town.paths.workspace("w1") / "later.txt").write_text("x")
    with opened(town) as own:
        done = own.land("w1")
    assert (done.state, done.loose) == ("landed", 1)
    assert town.paths.config.read_text() == loose
    assert not (town.root / "later.txt").exists()


def test_what_does_not_exist_is_said(landed_work):
    town, _task = landed_work()
    with opened(town) as own:
        for words in ({"agent": "nobody"}, {"agent": "w1", "into": "nosuch"}):
            with pytest.raises(NotFoundError):
                own.land(**words)
        with pytest.raises(RefusedError):
            own.land("w1", into="tt/w1")


@pytest.mark.parametrize("point", ["workspace.merge_written", "workspace.landed", "workspace.checkout_moved"])
def test_a_landing_that_is_killed_is_finished_by_the_next(landed_work, point):
    town, _task = landed_work()
    script = f"from tinytown import Town\nTown.open({str(town.root)!r}, start=False).land('w1')"
    env = {**os.environ, **town.env, "TINYTOWN_CRASH_AT": point}
    killed = subprocess.run([sys.executable, "-c", script], env=env, check=False, stdin=subprocess.DEVNULL)
    assert killed.returncode == -9
    with opened(town) as own:
        assert own.land("w1").state in {"landed", "already"}
    assert (town.root / "work.txt").read_text() == "w1"
    assert town.git("status", "--porcelain", "--untracked-files=no") == ""
    assert len(town.git("log", "--merges", "--format=%H").splitlines()) == 1

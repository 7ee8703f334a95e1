"""Clean-up never loses work: whatever a worktree holds is there again after prune and undo, whatever was killed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from tinytown import Town
from tinytown.node.workspaces.trash import trashed
from tinytown.storage.calls import agents

MOVING = tuple(
    f"workspace.{name}"
    for name in ("leaving", "snapshot_kept", "locked", "moved", "repaired", "note_dropped", "in_trash")
)
DELETING = ("workspace.deleting", "workspace.deleted", "workspace.branch_dropped", "workspace.gone")
RETURNING = tuple(f"workspace.{name}" for name in ("returning", "moved_back", "repaired_back", "noted_back", "back"))


class Stopped:
    """A town with a stopped agent that has a worktree, and no node."""

    def __init__(self, town):
        self.town = town
        self.place = town.paths.workspace("w1")

    def git(self, *words):
        return self.town.git("-C", str(self.place), *words)

    def open(self):
        return Town.open(self.town.root, env=self.town.env, start=False)

    def killed(self, point, verb):
        script = f"from tinytown import Town\nTown.open({str(self.town.root)!r}, start=False).{verb}"
        env = {**os.environ, **self.town.env, "TINYTOWN_CRASH_AT": point}
        done = subprocess.run([sys.executable, "-c", script], env=env, check=False, stdin=subprocess.DEVNULL)
        assert done.returncode == -9, f"`{verb}` never passes {point}"

    def content(self):
        paths = [path for path in self.place.rglob("*") if path != self.place / ".git"]
        return {str(path.relative_to(self.place)): b"" if path.is_dir() else path.read_bytes() for path in paths}


@pytest.fixture
def stopped(running_town):
    """Make a town whose agent w1 has stopped; its worktree has one commit of its own."""

    def make(lines="commit('work.txt', 'one')\ncomplete()"):
        config = "auto_claim = false\n[workspace]\ncopy = ['.env']"
        town = running_town({"w1": lines}, config=config)
        (town.root / ".env").write_text("copied")
        with (town.root / ".git" / "info" / "exclude").open("a") as file:
            file.write("*.cache\n.env\n")
        town.until(town.add(agent=town.spawn("w1", workspace="worktree")), "completed")
        town.run(agents.want("w1", "kill"))
        town.facts(lambda: town.agent("w1").state == "stopped", "w1 has stopped")
        assert town.stop() == 0
        return Stopped(town)

    return make


def loose(one):
    (one.place / "work.txt").write_text("two")
    (one.place / "new.txt").write_text("untracked")


def ignored(one):
    (one.place / "big.cache").write_text("ignored")


def changed_copy(one):
    (one.place / ".env").write_text("edited")


def staged(one):
    (one.place / "work.txt").write_text("staged")
    one.git("add", "work.txt")
    (one.place / "work.txt").write_text("later")


def nested(one):
    (one.place / "inner").mkdir()
    one.town.git("init", "-q", str(one.place / "inner"))
    (one.place / "inner" / "deep.txt").write_text("deep")


def rebasing(one):
    one.git("checkout", "-q", "-b", "side", "HEAD^")
    (one.place / "work.txt").write_text("other")
    one.git("add", "work.txt")
    one.git("commit", "-q", "-m", "other")
    with pytest.raises(subprocess.CalledProcessError):
        one.git("rebase", "tt/w1")


UNSAVED = {
    "loose": loose,
    "ignored": ignored,
    "changed copy": changed_copy,
    "staged": staged,
    "nested": nested,
    "rebasing": rebasing,
}


@pytest.mark.parametrize("kind", UNSAVED)
def test_every_kind_of_unsaved_work_survives_prune_and_comes_back_the_same(stopped, kind):
    one = stopped()
    UNSAVED[kind](one)
    before, status = one.content(), one.git("status", "--ignored")
    with one.open() as town:
        plan = town.prune(dry_run=True)
        assert [each.action for each in plan.workspaces] == ["trashed"]
        assert one.content() == before
        (done,) = town.prune().workspaces
        assert (done.action, done.why) == ("trashed", plan.workspaces[0].why)
        assert done.why
        assert not one.place.exists()
        assert [each.action for each in town.prune().workspaces] == ["kept"]
        one.town.git("worktree", "prune", "--expire=now")
        assert one.town.git("rev-parse", done.ref)
        back = town.undo_prune("w1")
        assert (back.action, back.path) == ("restored", str(one.place))
    assert (one.content(), one.git("status", "--ignored")) == (before, status)
    assert list(trashed(one.town.paths)) == []


def test_a_clean_worktree_is_deleted_and_its_unlanded_branch_and_snapshot_stay(stopped):
    one = stopped()
    before = one.content()
    with one.open() as town:
        (done,) = town.prune(["w1"]).workspaces
        assert (done.action, done.why, one.place.exists()) == ("deleted", (), False)
        assert one.town.git("show", "tt/w1:work.txt") == "one"
        assert one.town.git("show", f"{done.ref}:work.txt") == "one"
        assert len(one.town.git("worktree", "list").splitlines()) == 1
        town.undo_prune()
        assert (one.content(), one.git("branch", "--show-current")) == (before, "tt/w1")


def test_a_landed_branch_goes_with_its_worktree(stopped):
    one = stopped()
    with one.open() as town:
        town.land("w1")
        assert [each.action for each in town.prune().workspaces] == ["deleted"]
    assert one.town.git("branch", "--list", "tt/*") == ""


def test_a_worktree_in_which_a_process_works_is_left_alone(stopped):
    one = stopped()
    with subprocess.Popen(["cat"], cwd=one.place, stdin=subprocess.PIPE) as worker, one.open() as town:
        (plan,) = town.prune(dry_run=True).workspaces
        (done,) = town.prune().workspaces
        assert (plan.action, done.action) == ("kept", "kept")
        assert str(worker.pid) in done.why[0]
        assert one.place.exists()
        worker.stdin.close()


def test_the_trash_is_emptied_only_on_demand_and_the_snapshot_brings_the_work_back(stopped):
    one = stopped()
    loose(one)
    before = one.content()
    with one.open() as town:
        (done,) = town.prune().workspaces
        assert [each.action for each in town.empty_trash(dry_run=True)] == ["deleted"]
        assert (one.town.paths.trash / done.name).is_dir()
        assert [each.action for each in town.forget_refs()] == ["kept"]
        assert [each.action for each in town.empty_trash()] == ["deleted"]
        assert not (one.town.paths.trash / done.name).exists()
        town.undo_prune("w1")
        assert one.content() == before
        town.prune()
        town.empty_trash()
        assert [each.action for each in town.forget_refs()] == ["forgotten", "forgotten"]
        assert town.forget_refs() == ()
    assert one.town.git("for-each-ref", "refs/tinytown/workspaces/") == ""


@pytest.mark.slow
@pytest.mark.parametrize("point", MOVING)
def test_a_prune_that_is_killed_on_the_way_into_the_trash_is_finished_by_the_next(stopped, point):
    one = stopped()
    loose(one)
    ignored(one)
    before = one.content()
    one.killed(point, "prune()")
    with one.open() as town:
        town.prune()
        assert not one.place.exists()
        assert [(each.name, each.stage) for each in trashed(one.town.paths)][-1][1] == "kept"
        town.undo_prune("w1")
    assert one.content() == before
    assert one.git("status", "--porcelain") == " M work.txt\n?? new.txt"


@pytest.mark.slow
@pytest.mark.parametrize("point", DELETING)
def test_a_prune_that_is_killed_while_it_deletes_is_finished_by_the_next(stopped, point):
    one = stopped()
    with one.open() as town:
        town.land("w1")
    one.killed(point, "prune()")
    with one.open() as town:
        town.prune()
    assert not one.place.exists()
    assert list(one.town.paths.trash.glob("w1-*/")) == []
    assert one.town.git("branch", "--list", "tt/*") == ""
    assert len(one.town.git("worktree", "list").splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("point", RETURNING)
def test_an_undo_that_is_killed_is_finished_by_the_next(stopped, point):
    one = stopped()
    loose(one)
    before = one.content()
    with one.open() as town:
        town.prune()
    one.killed(point, "undo_prune('w1')")
    if point != "workspace.back":
        with one.open() as town:
            town.undo_prune("w1")
    assert one.content() == before
    assert one.git("branch", "--show-current") == "tt/w1"
    assert list(trashed(one.town.paths)) == []

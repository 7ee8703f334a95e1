"""Worktrees of agents: side by side, with their files, ports and set-up, and whole after any kill."""

from __future__ import annotations

import pytest
from tinytown.crash import POINTS
from tinytown.node.workspaces.note import read_note

WORKTREE = "[workspace]\nport_block = 5\n"
SIDE_BY_SIDE = """
reach('at-NAME')
hold('go-NAME')
commit('work.txt', agent)
complete(os.environ['TINYTOWN_PORT_BASE'] + ' ' + os.environ['TINYTOWN_PORT_COUNT'])
"""
MAKING = tuple(
    f"workspace.{name}"
    for name in (
        *("noted", "branched", "added", "file_copied", "made"),
        *("setup_noted", "setup_launched", "setup_ended", "ready"),
    )
)


def test_two_agents_work_on_the_same_file_side_by_side(running_town):
    town = running_town({name: SIDE_BY_SIDE.replace("NAME", name) for name in ("w1", "w2")}, config=WORKTREE)
    before = town.git("rev-parse", "HEAD")
    tasks = [town.add(agent=town.spawn(name, workspace="worktree")) for name in ("w1", "w2")]
    for name in ("w1", "w2"):
        town.reached(f"at-{name}")
    for name in ("w1", "w2"):
        town.release(f"go-{name}")
    done = [town.until(task, "completed") for task in tasks]
    assert [each.branch for each in done] == ["tt/w1", "tt/w2"]
    assert sorted(each.result for each in done) == ["20000 5", "20005 5"]
    assert [town.git("show", f"tt/{name}:work.txt") for name in ("w1", "w2")] == ["w1", "w2"]
    assert town.git("rev-parse", "HEAD") == before
    assert not (town.root / "work.txt").exists()


def test_a_worktree_begins_at_its_base_with_the_files_that_git_leaves_out(running_town):
    lines = "complete(open('.env').read() + open('conf/a.local').read() + open('base.txt').read())"
    town = running_town({"w1": lines}, config="[workspace]\ncopy = ['.env', 'conf/*.local', 'nosuch']")
    (town.root / ".gitignore").write_text(".tt/\n.env\n*.local\n")
    (town.root / ".env").write_text("one,")
    (town.root / ".env").chmod(0o600)
    (town.root / "conf").mkdir()
    (town.root / "conf" / "a.local").write_text("two,")
    town.git("checkout", "-q", "-b", "release")
    (town.root / "base.txt").write_text("three")
    town.git("add", "base.txt", ".gitignore")
    town.git("commit", "-q", "-m", "base")
    town.git("checkout", "-q", "-")
    task = town.add(agent=town.spawn("w1", workspace="worktree", base="release"))
    assert town.until(task, "completed").result == "one,two,three"
    assert (town.paths.workspace("w1") / ".env").stat().st_mode & 0o777 == 0o600
    note = read_note(town.paths.workspace_note("w1"))
    assert note is not None
    assert (note.base, sorted(note.copied)) == ("release", [".env", "conf/a.local"])


def test_nothing_is_copied_from_outside_of_the_town(make_town):
    town = make_town({"w1": "complete()"}, config="[workspace]\ncopy = ['.env']")
    (town.base / "secret").write_text("not yours")
    (town.root / ".env").symlink_to(town.base / "secret")
    town.start()
    town.spawn("w1", workspace="worktree")
    town.happened("agent.error")
    assert "`.env` leads out of the town's folder" in (town.agent("w1").reason or "")
    assert not (town.paths.workspace("w1") / ".env").exists()


def test_the_setup_runs_once_with_the_ports_and_before_any_round(running_town):
    setup = 'echo "$TINYTOWN_PORT_BASE $TINYTOWN_AGENT_NAME" >> set-up.txt'
    town = running_town(
        {"w1": "complete(open('set-up.txt').read())"}, config=f"[workspace]\nport_block = 3\nsetup = '{setup}'"
    )
    town.spawn("w1", workspace="worktree")
    for _ in range(2):
        assert town.until(town.add(agent="w1"), "completed").result == "20000 w1\n"


def test_a_setup_that_fails_keeps_the_agent_from_starting_with_its_last_words(running_town):
    town = running_town(
        {"w1": "complete('at last')"}, config="[workspace]\nsetup = 'test -e ../../../ok || { echo no-luck; exit 7; }'"
    )
    task = town.add(agent=town.spawn("w1", workspace="worktree"))
    town.happened("agent.error")
    reason = town.agent("w1").reason or ""
    assert "status 7" in reason
    assert "no-luck" in reason
    assert town.rounds("w1") == []
    (town.root / "ok").touch()
    from tinytown.storage.calls import agents

    town.run(agents.want("w1", "restart"))
    assert town.until(task, "completed").result == "at last"


def test_a_setup_has_a_time_limit_and_ends_with_the_node(running_town):
    town = running_town({"w1": "complete()"}, config="[workspace]\nsetup = 'sleep 600'\nsetup_timeout_secs = 1")
    town.spawn("w1", workspace="worktree")
    town.happened("agent.error")
    assert "longer than 1 s" in (town.agent("w1").reason or "")
    assert town.marked() == []


def test_a_node_that_stops_ends_a_setup_and_the_next_one_runs_it_again(make_town):
    marker = "[workspace]\nsetup = 'echo x >> ../../../runs; test $(wc -l < ../../../runs) -gt 1 || sleep 600'"
    town = make_town({"w1": "complete()"}, config=marker)
    town.start()
    task = town.add(agent=town.spawn("w1", workspace="worktree"))
    town.wait((town.root / "runs").exists, "the set-up runs")
    assert town.stop() == 0
    assert town.marked() == []
    assert town.agent("w1").state == "cold"
    town.start()
    town.until(task, "completed")
    assert (town.root / "runs").read_text() == "x\nx\n"


def test_ports_are_kept_by_a_new_life_and_differ_between_agents(running_town):
    from tinytown.storage.calls import agents

    lines = "complete(os.environ['TINYTOWN_PORT_BASE'])"
    town = running_town({"w1": lines}, config=WORKTREE)
    town.spawn("w1", workspace="worktree")
    first = town.until(town.add(agent="w1"), "completed").result
    town.run(agents.want("w1", "restart"))
    assert town.until(town.add(agent="w1"), "completed").result == first


def test_a_new_agent_of_an_old_name_inherits_no_work(running_town):
    from tinytown.storage.calls import agents

    town = running_town({"w1": "write('mine.txt', 'x')\ncomplete()"}, config="auto_claim = false")
    old = town.spawn("w1", workspace="worktree")
    town.until(town.add(agent="w1"), "completed")
    (town.paths.workspace("w1") / "more.txt").write_text("unsaved")
    town.run(agents.want("w1", "kill"))
    town.facts(lambda: town.agent("w1").state == "stopped", "w1 has stopped")
    town.run(agents.remove("w1"))
    new = town.spawn("w1", workspace="worktree")
    assert new != old
    town.facts(lambda: town.agent("w1").state == "idle", "w1 is idle")
    assert not (town.paths.workspace("w1") / "mine.txt").exists()
    assert (town.paths.trash / "w1-1" / "mine.txt").read_text() == "x"
    assert town.git("show", "refs/tinytown/workspaces/w1/1:more.txt") == "unsaved"
    assert town.git("-C", str(town.paths.workspace("w1")), "branch", "--show-current") == "tt/w1-2"


def test_a_town_in_a_folder_of_a_larger_repository_works_in_that_folder(make_town):
    town = make_town({"w1": "complete(os.getcwd())"}, config="[workspace]\ncopy = ['.env']")
    (town.base / "whole").mkdir()
    inner = town.base / "whole" / "town"
    top = town.base / "whole"
    (town.root / ".git").rename(top / ".git")
    town.root = town.root.rename(inner)
    town.paths = type(town.paths)(inner)
    town.git("-C", str(top), "add", "-A")
    town.git("-C", str(top), "commit", "-q", "-m", "moved")
    (inner / ".env").write_text("x")
    town.start()
    task = town.add(agent=town.spawn("w1", workspace="worktree"))
    place = town.paths.workspace("w1") / "town"
    assert town.until(task, "completed").result == str(place)
    assert (place / ".env").read_text() == "x"


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKING)
def test_a_kill_at_any_step_of_making_a_worktree_is_made_good(make_town, name):
    config = "[workspace]\nport_block = 2\ncopy = ['.env']\nsetup = 'test -f .env && echo x >> set-up.txt'"
    town = make_town({"w1": "complete(open('set-up.txt').read() + os.environ['TINYTOWN_PORT_BASE'])"}, config=config)
    (town.root / ".gitignore").write_text(".tt/\n.env\nset-up.txt\n")
    (town.root / ".env").write_text("x")
    task = town.add(agent=town.spawn("w1", workspace="worktree"))
    once = town.base / "once"
    killed = town.start(wait=False, TINYTOWN_CRASH_AT=name, TINYTOWN_CRASH_ONCE=str(once))
    assert killed.wait(30) == -9
    assert once.exists(), POINTS[name]
    town.start()
    assert town.until(task, "completed").result == "x\n20000"
    assert town.git("-C", str(town.paths.workspace("w1")), "branch", "--show-current") == "tt/w1"
    assert len(town.git("worktree", "list").splitlines()) == 2
    assert town.agent("w1").incarnation == 1

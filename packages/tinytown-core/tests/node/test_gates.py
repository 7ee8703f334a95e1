"""Done means checked: gates on a clean checkout of what was submitted."""

from __future__ import annotations

import hashlib
import os

import pytest
from tinytown.domain.records import Gate
from tinytown.storage.calls import tasks

GATES = "[gates]\n"


def test_a_gate_that_passes_leaves_evidence_bound_to_the_commit(running_town):
    town = running_town({"w1": "commit('a.txt')\ncomplete()"}, config=GATES + "test = 'echo checked; test -f a.txt'")
    task = town.add(agent=town.spawn("w1"))
    done = town.until(task, "completed")
    (evidence,) = done.evidence
    head = town.git("rev-parse", "HEAD")
    assert (evidence["gate"], evidence["exit_code"], evidence["head"], done.head) == ("test", 0, head, head)
    assert list(evidence["files"]) == ["a.txt"]
    assert evidence["duration_ms"] >= 0
    log = town.paths.round_dir(evidence["round_id"]) / "log"
    assert evidence["log_sha256"] == hashlib.sha256(log.read_bytes()).hexdigest()
    assert log.read_bytes() == b"checked\n"
    town.wait(lambda: not list(town.paths.checkouts.iterdir()), "the checkout is gone")


def test_a_rejection_goes_back_to_the_same_agent_with_what_was_found(running_town):
    lines = "commit('a.txt', 'good' if 'REASON-17' in prompt else 'bad')\ncomplete()"
    town = running_town(
        {"w1": lines, "w2": "complete()"}, config=GATES + "test = 'grep good a.txt || { echo REASON-17; exit 3; }'"
    )
    town.spawn("w2")
    task = town.add(agent=town.spawn("w1"))
    done = town.until(task, "completed")
    assert (done.attempt, done.rejections, done.agent) == (2, 1, "w1")
    assert b"ended with status 3" in town.prompts("w1")[1]


def test_the_third_rejection_asks_a_person(running_town):
    town = running_town({"w1": "complete()"}, config=GATES + "test = 'exit 1'")
    task = town.add(agent=town.spawn("w1"))
    blocked = town.until(task, "blocked")
    assert blocked.reason.startswith("rejected")
    assert (blocked.rejections, blocked.attempt) == (3, 3)


@pytest.mark.slow
def test_a_gate_that_cannot_run_is_tried_again_and_blames_nobody(running_town):
    town = running_town({"w1": "complete()"}, config=GATES + "test = 'no-such-command-here'")
    task = town.add(agent=town.spawn("w1"))
    blocked = town.until(task, "blocked", secs=50)
    assert blocked.reason.startswith("gate_unavailable")
    assert (blocked.rejections, blocked.attempt, len(town.events("gate.unavailable"))) == (0, 1, 3)


@pytest.mark.slow
def test_a_gate_that_kills_what_runs_it_is_not_run_for_ever(running_town):
    town = running_town({"w1": "complete()"}, config=GATES + "test = 'kill -9 $PPID; sleep 60'")
    task = town.add(agent=town.spawn("w1"))
    blocked = town.until(task, "blocked", secs=50)
    assert blocked.reason.startswith("gate_unavailable: `test`: what ran it was killed")
    assert (blocked.rejections, len(town.events("gate.unavailable")), town.events("gate.lost")) == (0, 3, [])


def test_loose_files_are_refused_with_their_names(running_town):
    lines = "write('loose.txt', 'x')\ncommit('loose.txt') if 'loose.txt' in prompt else None\ncomplete()"
    town = running_town({"w1": lines}, config=GATES + "test = 'test -f loose.txt'")
    task = town.add(agent=town.spawn("w1"))
    done = town.until(task, "completed")
    assert (done.rejections, done.attempt) == (1, 2)
    assert b"uncommitted: loose.txt" in town.prompts("w1")[1]


def test_the_node_commits_for_a_program_that_does_not(running_town):
    lines = "write('new file.txt', 'x')\nwrite('deep/:(odd)', 'y')\nos.remove('.gitignore')\ncomplete()"
    town = running_town(
        {"w1": lines},
        options={"w1": "commits = false"},
        config=GATES + "test = 'test -f \"new file.txt\" && test ! -e .gitignore'",
    )
    task = town.add("Make the file\nand more", agent=town.spawn("w1"))
    done = town.until(task, "completed")
    message = town.git("log", "-1", "--format=%B")
    assert message.startswith("Make the file\n")
    assert task in message
    assert sorted(done.evidence[0]["files"]) == [".gitignore", "deep/:(odd)", "new file.txt"]


def test_a_persons_own_loose_files_do_not_count(make_town):
    town = make_town({"w1": "commit('a.txt')\ncomplete()"}, config=GATES + "test = 'test ! -e notes.txt'")
    (town.root / "notes.txt").write_text("mine")
    town.start()
    task = town.add(agent=town.spawn("w1"))
    assert town.until(task, "completed").rejections == 0
    assert (town.root / "notes.txt").read_text() == "mine"


def test_the_checkout_is_of_the_submitted_commit_even_if_head_moves_on(running_town):
    gate = "[gates]\ntest = 'test -f a.txt && test ! -e later.txt'"
    town = running_town({"w1": "commit('a.txt')\ncomplete()"}, config="auto_claim = false\n" + gate)
    town.spawn("w1")
    holding = Gate(name="first", command=f"read x < {town.base}/gate.pipe")
    os.mkfifo(town.base / "gate.pipe")
    task = town.add(agent="w1", gates=[holding])
    town.happened("gate.started", detail="first")
    (town.root / "later.txt").write_text("x")
    town.git("add", "later.txt")
    town.git("commit", "-q", "-m", "later")
    (town.base / "gate.pipe").write_text("go\n")
    done = town.until(task, "completed")
    assert [item["gate"] for item in done.evidence] == ["test", "first"]
    assert {item["head"] for item in done.evidence} == {town.git("rev-parse", "HEAD^")}


def test_gates_run_in_order_and_the_first_that_fails_ends_it(running_town, tmp_path):
    gates = [
        Gate(name=name, command=f"echo {name} >> {tmp_path}/order; {end}")
        for name, end in (("one", ":"), ("two", "exit 1"), ("three", ":"))
    ]
    town = running_town({"w1": "complete()"})
    task = town.add(agent=town.spawn("w1"), gates=gates)
    town.until(task, "blocked")
    assert (tmp_path / "order").read_text().split() == ["one", "two"] * 3


def test_a_cancelled_task_ends_its_gate(running_town, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    town = running_town({"w1": "complete()"}, config=GATES + f"test = 'read x < {pipe}'")
    task = town.add(agent=town.spawn("w1"))
    town.happened("gate.started")
    town.run(tasks.cancel(task))
    town.until(task, "cancelled")
    assert town.marked() == []


def test_a_gate_has_a_time_limit(running_town):
    gate = Gate(name="slow", command="sleep 600", timeout_secs=1)
    town = running_town({"w1": "complete()"})
    task = town.add(agent=town.spawn("w1"), gates=[gate])
    town.happened("task.rejected")
    assert "time limit" in town.task(task).findings


def test_a_town_outside_git_works_and_its_evidence_says_so(running_town):
    town = running_town({"w1": "write('a.txt', 'x')\ncomplete()"}, git=False, config=GATES + "test = 'test -f a.txt'")
    task = town.add(agent=town.spawn("w1"))
    done = town.until(task, "completed")
    (evidence,) = done.evidence
    assert evidence["shared"] is True
    assert evidence["tree_before"] == evidence["tree_after"]
    assert evidence.get("head") is None


def test_a_shared_folder_that_moves_under_a_gate_is_no_evidence(running_town):
    town = running_town(
        {"w1": "complete()"}, git=False, config=GATES + "test = 'touch moved.txt; date +%N > moved.txt'"
    )
    task = town.add(agent=town.spawn("w1"))
    town.happened("gate.unavailable")
    assert town.task(task).state in {"verifying", "blocked"}


def test_every_round_leaves_a_snapshot_with_loose_files_and_without_the_towns_own(running_town):
    town = running_town({"w1": "write('loose.txt', 'precious')\nwrite('skip.log', 'x')\ncomplete()"})
    (town.root / ".gitignore").write_text(".tt/\n*.log\n")
    task = town.add(agent=town.spawn("w1"))
    town.until(task, "completed")
    ref = f"refs/tinytown/{task}/1"
    assert town.git("show", f"{ref}:loose.txt") == "precious"
    assert [name for name in town.git("ls-tree", "-r", "--name-only", ref).split() if name.startswith(".tt/")] == []
    assert "skip.log" not in town.git("ls-tree", "-r", "--name-only", ref)
    assert "loose.txt" in town.git("status", "--porcelain")


def test_a_town_that_ignores_nothing_still_keeps_its_own_folder_out(make_town):
    town = make_town({"w1": "complete()"})
    town.git("rm", "-q", ".gitignore")
    town.git("commit", "-q", "-m", "no ignore")
    town.start()
    task = town.add(agent=town.spawn("w1"))
    town.until(task, "completed")
    assert ".tt" not in town.git("ls-tree", "--name-only", f"refs/tinytown/{task}/1").split()


def test_an_agent_in_a_worktree_of_its_own_is_checked_there(running_town):
    town = running_town({"w1": "commit('a.txt')\ncomplete()"}, config=GATES + "test = 'test -f a.txt'")
    town.spawn("w1", workspace="worktree")
    task = town.add(agent="w1")
    done = town.until(task, "completed")
    assert done.branch == "tt/w1"
    assert done.head == town.git("rev-parse", "tt/w1")
    assert not (town.root / "a.txt").exists()
    assert done.evidence[0]["shared"] is False


def test_what_is_left_of_gates_is_cleared_away_and_no_work_of_an_agent_of_that_name(running_town):
    lines = "import os; os.mkdir('draft'); write('draft/notes.txt', 'mine')\ncomplete()"
    town = running_town({"gates": lines})
    town.spawn("gates", workspace="worktree")
    town.until(town.add(agent="gates"), "completed")
    town.stop()
    left = town.paths.checkouts / "r-0000000000"
    left.mkdir(parents=True)
    town.start()
    town.wait(lambda: not left.exists(), "what an earlier gate left is gone")
    assert (town.paths.workspaces / "gates" / "draft" / "notes.txt").read_text() == "mine"


def test_file_names_that_are_no_unicode_stop_nothing(running_town):
    lines = "open(b'odd-\\xff.txt', 'w').close()\ncomplete()"
    town = running_town({"w1": lines}, config=GATES + "test = 'true'")
    task = town.add(agent=town.spawn("w1"))
    assert town.until(task, "blocked").reason.startswith("rejected")


def test_a_gate_sees_no_secret_and_no_agent(running_town):
    town = running_town(
        {"w1": "complete()"}, config=GATES + "test = 'env'", env={"MY_TOKEN": "s3cret", "LANG": "C.UTF-8"}
    )
    task = town.add(agent=town.spawn("w1"))
    done = town.until(task, "completed")
    text = (town.paths.round_dir(done.evidence[0]["round_id"]) / "log").read_text()
    assert "s3cret" not in text
    assert "TINYTOWN_AGENT" not in text
    assert "TINYTOWN_REDIS" not in text
    assert "LANG=C.UTF-8" in text

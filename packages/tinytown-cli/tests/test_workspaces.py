"""Worktrees by the command: what is refused, and what a person sees."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

Tt = Callable[..., Any]


def git(folder: Path, *words: str) -> str:
    own = ("-c", "user.name=p", "-c", "user.email=p@example.com", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *own, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_a_worktree_that_cannot_be_made_is_refused_before_there_is_an_agent(town: Tt, tmp_path: Path) -> None:
    root = tmp_path / "town"
    without = town("--json", "spawn", "w1", "--cli", "mini", "--worktree")
    assert (without.code, without.error["code"]) == (1, "no_repository")
    assert "--no-worktree" in without.error["hint"]
    git(root, "init", "-q")
    assert town("--json", "spawn", "w1", "--cli", "mini", "--worktree").error["code"] == "no_repository"
    git(root, "add", "tinytown.toml")
    git(root, "commit", "-q", "-m", "first")
    base = town("--json", "spawn", "w1", "--cli", "mini", "--worktree", "--base", "nosuch")
    assert (base.code, base.error["code"]) == (1, "no_base")
    for words in (("--base", "main"), ("--base", "--all", "--worktree"), ("--worktree", "--no-worktree")):
        assert town("--json", "spawn", "w1", "--cli", "mini", *words).code == 2
    assert town("--json", "list").json["items"] == []
    assert git(root, "branch", "--list", "tt/*") == ""


def test_a_branch_is_landed_by_hand_and_the_list_names_its_worktree(town: Tt, tmp_path: Path) -> None:
    root = tmp_path / "town"
    git(root, "init", "-q")
    git(root, "add", "tinytown.toml")
    git(root, "commit", "-q", "-m", "first")
    assert town("--json", "workspace", "list").json == {"items": [], "next": None}
    assert town("spawn", "w1", "--cli", "mini", "--worktree").code == 0
    done = town("assign", "w1", "say hello")
    assert done.code == 0
    assert town("wait", "w1", "--timeout", "40").code in (0, 1)
    (listed,) = town("--json", "workspace", "list").json["items"]
    assert (listed["agent"], listed["branch"], listed["base"], listed["ready"]) == ("w1", "tt/w1", "main", True)
    place = Path(listed["path"])
    (place / "new.txt").write_text("x")
    git(place, "add", "new.txt")
    git(place, "commit", "-q", "-m", "new")
    (place / "loose.txt").write_text("x")
    plan = town("workspace", "land", "w1", "--dry-run")
    assert (plan.code, "would land in main" in plan.out, "not committed" in plan.err) == (0, True, True)
    assert not (root / "new.txt").exists()
    assert town("--json", "workspace", "land", "w1").json["state"] == "landed"
    assert (root / "new.txt").read_text() == "x"
    assert town("workspace", "land", "w1").out == "tt/w1 is landed in main already\n"
    assert town("workspace", "land", "nobody").code == 1

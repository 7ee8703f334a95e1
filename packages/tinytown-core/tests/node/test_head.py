"""The commit that is checked out, as git's files tell it and as git itself says it."""

from __future__ import annotations

import os
import subprocess

import pytest
from tinytown.node.head import read_head


@pytest.fixture
def repository(tmp_path):
    """A repository without a commit, with hands to change it."""

    class Repository:
        folder = tmp_path / "repo"

        def git(self, *words, at=None):
            done = subprocess.run(
                ["git", "-c", "user.name=T", "-c", "user.email=t@localhost", *words],
                cwd=at or self.folder,
                env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
                capture_output=True,
                check=True,
            )
            return done.stdout.decode().strip()

        def commit(self, at=None):
            self.git("commit", "-q", "--allow-empty", "-m", "x", at=at)
            return self.git("rev-parse", "HEAD", at=at)

    found = Repository()
    found.folder.mkdir()
    found.git("init", "-q", "-b", "main")
    return found


def test_before_the_first_commit_there_is_none(repository):
    assert read_head(repository.folder) is None


def test_outside_git_there_is_none(tmp_path):
    assert read_head(tmp_path) is None


def test_a_branch_in_a_file_of_its_own(repository):
    first = repository.commit()
    assert read_head(repository.folder) == first
    repository.git("switch", "-q", "-c", "topic/deep")
    second = repository.commit()
    assert read_head(repository.folder) == second


def test_a_folder_below_the_top(repository):
    below = repository.folder / "a" / "b"
    below.mkdir(parents=True)
    head = repository.commit()
    assert read_head(below) == head


def test_packed_branches_and_a_later_loose_one(repository):
    first = repository.commit()
    repository.git("branch", "xmain")  # a name that ends like the other
    repository.git("pack-refs", "--all", "--prune")
    assert not (repository.folder / ".git/refs/heads/main").exists()
    assert read_head(repository.folder) == first
    second = repository.commit()
    assert second != first
    assert read_head(repository.folder) == second


def test_a_detached_head(repository):
    first = repository.commit()
    repository.commit()
    repository.git("checkout", "-q", "--detach", first)
    assert read_head(repository.folder) == first


@pytest.mark.parametrize("packed", [False, True], ids=["loose", "packed"])
def test_a_work_tree_of_its_own(repository, tmp_path, packed):
    repository.commit()
    tree = tmp_path / "tree"
    repository.git("worktree", "add", "-q", "-b", "side", str(tree))
    head = repository.commit(at=tree)
    if packed:
        repository.git("pack-refs", "--all", "--prune")
    assert read_head(tree) == head
    assert read_head(repository.folder) != head


def test_a_repository_that_keeps_its_references_in_tables_tells_nothing(repository):
    repository.commit()
    (repository.folder / ".git/HEAD").write_text("ref: refs/heads/.invalid\n")  # what git leaves there for old readers
    assert read_head(repository.folder) is None


@pytest.mark.parametrize("text", ["", "gitdir", "gitdir: ../nowhere", "ref: ../../etc/passwd", "\udcff"])
def test_what_is_damaged_tells_nothing(tmp_path, text):
    (tmp_path / ".git").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert read_head(tmp_path) is None

"""`tt plan` and `tt sync`, as processes in a real town."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


class Shell:
    """Runs `tt` in one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.env = {"PATH": os.environ["PATH"], "HOME": str(root.parent), "XDG_RUNTIME_DIR": str(root.parent)}

    def __call__(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tinytown_cli", *words]
        done = subprocess.run(
            command, cwd=self.root, env=self.env, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == code, (words, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    def json(self, *words: str, code: int = 0):
        return json.loads(self("--json", *words, code=code).stdout)

    @property
    def plan(self) -> Path:
        return self.root / "tasks.toml"


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    from tinytown.testing.ending import end_town

    root = tmp_path_factory.mktemp("plan") / "town"
    root.mkdir()
    shell = Shell(root)
    shell("init", "--name", "planned")
    shell("stop")  # no node shall claim what these tests look at
    yield shell
    end_town(root)


def test_a_plan_goes_round(shell: Shell) -> None:
    assert shell.json("plan", "--init", "--force") == {"file": str(shell.plan)}
    before = shell.plan.read_bytes()
    assert json.loads(shell("--json", "plan", "--init", code=1).stderr)["error"]["code"] == "plan_exists"
    assert shell.plan.read_bytes() == before
    assert [each["id"] for each in shell.json("sync", "push", "--dry-run")["added"]] == ["parser", "parser-docs"]
    assert [each["task"] for each in shell.json("plan")["items"]] == [None, None]
    assert [each["id"] for each in shell.json("sync")["added"]] == ["parser", "parser-docs"]
    again = shell.json("sync", "push")
    assert (again["added"], again["changes"]) == ([], [])
    first, second = shell.json("plan")["items"]
    assert (first["state"], second["state"]) == ("pending", "waiting")
    shell("task", "complete", first["task"], "--result", "there it is")
    shown = shell("sync", "pull").stdout
    assert "~ parser  status" in shown
    assert "there it is" in shell.plan.read_text()
    assert shell.json("sync", "pull")["changes"] == []
    assert shell.plan.read_text().count("# ") == before.decode().count("# ")


def test_a_conflict_is_listed_with_both_values_and_exits_1(shell: Shell) -> None:
    shell.plan.write_text('[[tasks]]\nid = "torn"\ndescription = "first"\n')
    shell("sync", "push")
    task = shell.json("plan")["items"][0]["task"]
    shell("task", "edit", task, "--description", "by the town")
    shell.plan.write_text('[[tasks]]\nid = "torn"\ndescription = "by the file"\n[[tasks]]\ndescription = "new"\n')
    text = shell.plan.read_text()
    for direction in ("push", "pull"):
        done = shell("--json", "sync", direction, code=1)
        (found,) = json.loads(done.stdout)["conflicts"]
        assert found == {
            "id": "torn", "field": "description", "file": "by the file", "town": "by the town", "base": "first",
        }  # fmt: skip
        assert json.loads(done.stderr.splitlines()[-1])["error"]["code"] == "plan_conflict"
        assert "by the file" in shell("sync", direction, code=1).stdout
    assert shell.plan.read_text() == text
    assert shell.json("task", "show", task)["description"] == "by the town"
    shell("sync", "push", "--prefer", "file")
    assert shell.json("task", "show", task)["description"] == "by the file"


@pytest.mark.parametrize(
    "words",
    [("sync", "sideways"), ("sync", "pull", "--prune"), ("sync", "push", "--all"), ("plan", "--force"),
     ("sync", "push", "--prefer", "me")],
)  # fmt: skip
def test_words_that_do_not_fit_are_a_usage_error(shell: Shell, words: tuple[str, ...]) -> None:
    assert "hint:" in shell(*words, code=2).stderr


@pytest.mark.parametrize(
    "data", [b"\x7fELF\x00", b"# " + b"x" * 10_000_000, b"[[tasks]]\ndescription = 5\n", b"a" * 99]
)
def test_a_hostile_file_is_refused_by_every_command(shell: Shell, data: bytes) -> None:
    shell.plan.write_bytes(data)
    for words in (("plan",), ("sync",), ("sync", "pull"), ("sync", "push", "--dry-run")):
        error = json.loads(shell("--json", *words, code=1).stderr.splitlines()[-1])["error"]
        assert error["code"] == "config"
        assert error["hint"]
    assert shell.plan.read_bytes() == data


def test_the_file_alone_is_listed_where_no_server_runs(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "town")
    shell.root.mkdir()
    (shell.root / "tinytown.toml").write_text('name = "asleep"\n')
    shell.plan.write_text('[[tasks]]\nid = "a"\ndescription = "Mend"\nstatus = "pending"\n')
    done = shell("plan")
    assert "Mend" in done.stdout
    assert "cannot be reached" in done.stderr
    assert not (shell.root / ".tt" / "redis" / "s").exists()

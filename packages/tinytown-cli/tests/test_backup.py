"""`tt save` and `tt restore` as processes: files that are refused, streams, and moving to another server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tinytown.testing.pytest_plugin import locked_server, required

__all__ = ["locked_server"]


@pytest.fixture
def made(tt: Any, tmp_path: Path) -> Any:
    """A town with two tasks and mail; its server ends with the test."""
    with required("redis"):
        assert tt("init", "--name", "shop").code == 0
    for words in (("task", "add", "mend the roof"), ("task", "add", "paint it"), ("send", "conductor", "hello ✓")):
        assert tt(*words).code == 0
    return tt


def test_a_save_is_a_private_file_beside_git_and_the_same_bytes_again(made: Any, tmp_path: Path) -> None:
    done = made("--json", "save")
    assert done.code == 0, done.err
    file = Path(done.json["file"])
    assert file == tmp_path / "town" / ".tt" / "town.save"
    assert (file.stat().st_mode & 0o777, done.json["bytes"]) == (0o600, file.stat().st_size)
    before = file.read_bytes()
    assert made("save").code == 0
    assert file.read_bytes() == before
    assert made("save", "-").out.encode() == before
    assert done.json["counts"]["task"] == 2


def test_a_changed_task_is_a_few_lines_of_a_diff(made: Any, tmp_path: Path) -> None:
    made("save", "a.save")
    made("task", "cancel", made("--json", "task", "list").json["items"][0]["id"])
    made("save", "b.save")
    lines = [(tmp_path / "town" / name).read_text().splitlines() for name in ("a.save", "b.save")]
    gone, new = (set(one) - set(other) for one, other in (lines, lines[::-1]))
    assert ' "state": "cancelled",' in new
    assert len(gone) < 6
    assert len(new) < 9


def test_a_town_that_is_not_empty_is_replaced_only_with_force_and_kept(made: Any, tmp_path: Path) -> None:
    assert made("save").code == 0
    assert made("task", "add", "later").code == 0
    made("stop")
    refused = made("--json", "restore")
    assert (refused.code, refused.error["code"]) == (1, "town_not_empty")
    assert "--force" in refused.error["hint"]
    plan = made("--json", "restore", "--dry-run").json
    assert (plan["dry_run"], plan["replaced"]["task"], plan["counts"]["task"]) == (True, 3, 2)
    assert len(made("--json", "task", "list").json["items"]) == 3
    made("stop")
    done = made("--json", "restore", "--force")
    assert done.code == 0, done.err
    assert "later" in Path(done.json["kept"]).read_text()
    assert Path(done.json["kept"]).parent == tmp_path / "town" / ".tt" / "trash"
    assert len(made("--json", "task", "list").json["items"]) == 2
    back = made("--json", "restore", "-", "--force", stdin=Path(done.json["kept"]).read_bytes())
    assert (back.code, back.json["counts"]["task"]) == (0, 3)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("save", "notes.txt"), "save_file"), (("save", "missing/x.save"), "config"), (("save", "."), "save_file"),
        (("restore", "notes.txt"), "save_file"), (("restore", "none.save"), "save_file"), (("restore",), "save_file"),
        (("restore", "."), "save_file"), (("restore", "--to", "ftp://x"), "plugin_not_found"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_with_what_to_do(made: Any, tmp_path: Path, words: Any, code: str) -> None:
    (tmp_path / "town" / "notes.txt").write_text("mine")
    made("stop")
    done = made("--json", *words)
    assert (done.code != 0, done.out, done.error["code"]) == (True, "", code), done.err
    assert done.error["hint"]
    assert "Traceback" not in done.err
    assert (tmp_path / "town" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(("words", "code"), [((), "town_not_empty"), (("-",), "usage")], ids=["asked", "piped in"])
def test_without_a_standard_input_nobody_is_asked_and_nothing_is_read(
    made: Any, tmp_path: Path, tt_env: dict[str, str], words: Any, code: str
) -> None:
    assert made("save", "-q").code == 0
    made("stop", "-q")
    line = [sys.executable, "-m", "tinytown_cli", "restore", *words, "--json"]
    argv = ["sh", "-c", 'exec "$@" <&-', "sh", *line]
    ran = subprocess.run(argv, cwd=tmp_path / "town", env=tt_env, capture_output=True, timeout=50, check=False)
    assert json.loads(ran.stderr.splitlines()[-1])["error"]["code"] == code
    argv[2] = 'exec "$@" <&- >&-'
    argv.remove("--json")
    person = subprocess.run(argv, cwd=tmp_path / "town", env=tt_env, capture_output=True, timeout=50, check=False)
    assert person.returncode == ran.returncode
    assert person.stderr.startswith(b"error: ")
    assert b"mistake in Tinytown" not in person.stderr


def test_a_running_node_is_not_pulled_out_from_under_its_agents(made: Any) -> None:
    assert made("save").code == 0
    assert made("start").code == 0
    refused = made("--json", "restore", "--force")
    assert (refused.code, refused.error["code"]) == (1, "node_runs")
    assert "tt stop" in refused.error["hint"]
    assert made("--json", "status").json["tasks"]["pending"] == 2


def test_a_town_moves_to_another_server_with_its_password_apart(made: Any, tmp_path: Path, locked_server: Any) -> None:
    config = tmp_path / "town" / "tinytown.toml"
    made("stop")
    assert made("save").code == 0
    before = made("--json", "task", "list").json["items"]
    url = f"redis://:{quote(locked_server.password, safe='')}@127.0.0.1:{locked_server.port}"
    plan = made("--json", "restore", "--to", url, "--dry-run")
    assert plan.code == 0, plan.err
    assert "url" not in config.read_text().split("[redis]")[-1].replace("# url", "")
    made("stop")
    done = made("--json", "restore", "--to", url)
    assert done.code == 0, done.err
    text = config.read_text()
    assert done.json["server"] in text
    assert locked_server.password not in text + done.out + done.err
    status = made("--json", "status").json
    assert done.json["server"] in status["server"]
    assert made("--json", "task", "list").json["items"] == before
    assert made("save", "there.save").code == 0
    assert (tmp_path / "town" / "there.save").read_bytes() == (tmp_path / "town" / ".tt" / "town.save").read_bytes()
    again = made("--json", "restore", "--to", "embedded:", "--force")
    assert again.code == 0, again.err
    assert made("--json", "task", "list").json["items"] == before


def test_no_secret_of_the_town_is_in_a_save(made: Any, tmp_path: Path, locked_server: Any) -> None:
    made("spawn", "w1", "--cli", "script", env={"OPENAI_API_KEY": "sk-very-secret", "MY_TOKEN": "token-secret"})
    made("stop")
    made("save")
    url = f"redis://:{quote(locked_server.password, safe='')}@127.0.0.1:{locked_server.port}"
    assert made("restore", "--to", url).code == 0
    made("save", "--force")
    text = (tmp_path / "town" / ".tt" / "town.save").read_text()
    for secret in ("sk-very-secret", "token-secret", locked_server.password):
        assert secret not in text

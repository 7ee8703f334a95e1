"""Every command prints JSON of the form that is published for it; a command without a form or a call here fails."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tinytown_cli.answers import ANSWERS
from tinytown_cli.run import run
from tinytown_cli.schemas import error_schema, file_name, files, schema_of
from tinytown_cli.table import COMMANDS, by_path

Tt = Callable[..., Any]
FOLDER = Path(__file__).parents[3] / "docs" / "reference" / "schemas"

CALLS: tuple[tuple[str, str], ...] = (
    ("init --town {other}", ""),
    ("towns", ""),
    ("towns --forget {other} --dry-run", ""),
    ("config", ""),
    ("config default_cli", ""),
    ("config list", ""),
    ("config get agent", ""),
    ("config get agent.max_hops", ""),
    ("config set agent.max_hops 4", ""),
    ("config set auto_claim false", ""),
    ("config unset agent.max_hops", ""),
    ("bootstrap --dry-run --wheel", ""),
    ("doctor", ""),
    ("doctor --fix --dry-run", ""),
    ("adapters list", ""),
    ("adapters show command", ""),
    ("adapters doctor", ""),
    ("completion bash", ""),
    ("spawn w1 --cli mini --role tester", ""),
    ("spawn w2 --cli mini", ""),
    ("interrupt w2", ""),
    ("task add First", "first"),
    ("task edit {first} --description Second", ""),
    ("task show {first}", ""),
    ("plan --init", ""),
    ("plan", ""),
    ("sync push", ""),
    ("sync pull", ""),
    ("assign w1 Something", "work"),
    ("send w1 Hello --info", "mail"),
    ("send conductor Hello", "mine"),
    ("wait w1 --timeout 20", ""),  # its round has printed something by then
    ("logs w1", ""),
    ("task current w2", ""),
    ("task list", ""),
    ("task block {first} --reason Why?", ""),
    ("attention list", "items"),
    ("attention answer {item} Because", ""),
    ("task block {first} --reason Why?", ""),
    ("attention list", "items"),
    ("attention dismiss {item}", ""),
    ("task unblock {first}", ""),
    ("task block {first} --reason Why?", ""),
    ("task requeue {first}", ""),
    ("task cancel {first}", ""),
    ("task reopen {first}", ""),
    ("task fail {first}", ""),
    ("task reopen {first}", ""),
    ("task complete {first}", ""),
    ("backlog add Later --tags docs", "later"),
    ("backlog add Sooner", "sooner"),
    ("backlog list", ""),
    ("backlog assign-all w2 --tags docs --dry-run", ""),
    ("backlog assign-all w2 --tags docs", ""),
    ("backlog claim {sooner} w2", ""),
    ("backlog add Never", "never"),
    ("backlog remove {never}", ""),
    ("inbox", ""),
    ("inbox --all", ""),
    ("inbox {mine}", ""),
    ("inbox --done {mine}", ""),
    ("trace {mail}", ""),
    ("trace {work}", ""),
    ("trace w1", ""),
    ("history -n 200", ""),
    ("events --count 200", ""),
    ("conductor --print", ""),
    ("why", ""),
    ("why w1", ""),
    ("list", ""),
    ("nodes", ""),
    ("status --deep --tasks", ""),
    ("resume w2", ""),
    ("restart w2", ""),
    ("close w2", ""),
    ("kill w1", ""),
    ("workspace list", ""),
    ("workspace land w1", ""),
    ("prune --dry-run", ""),
    ("reclaim", ""),
    ("reclaim --to-backlog", ""),
    ("recover --dry-run", ""),
    ("reset --dry-run", ""),
    ("reset --agents-only --dry-run", ""),
    ("migrate --dry-run", ""),
    ("start --install", ""),
    ("start", ""),
    ("stop", ""),
    ("save", ""),
    ("restore --dry-run", ""),
    ("demo", ""),
)
MAY_FAIL = {"wait", "doctor", "adapters doctor", "migrate"}
"""What these look at may be in order or not; both are answers."""


def validator(schema: dict[str, Any]) -> Any:
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def with_a_branch(root: Path) -> None:
    """Make a town a repository in which an agent has a branch."""
    own = ("-c", "user.name=p", "-c", "user.email=p@example.com")
    for words in (("init", "-q"), (*own, "commit", "-q", "--allow-empty", "-m", "first"), ("branch", "tt/w1")):
        subprocess.run(["git", *words], cwd=root, check=True, stdin=subprocess.DEVNULL)


def test_every_command_has_a_form_and_a_call_here() -> None:
    names = {command.name for command in COMMANDS}
    assert names == set(ANSWERS), "say in tinytown_cli/answers.py what it answers"
    called = {name for name in names for line, _ in CALLS if line == name or line.startswith(f"{name} ")}
    assert called == names, "add a call of it to CALLS"


def test_the_published_files_are_what_the_code_says() -> None:
    found = {file.name: file.read_text("utf-8") for file in FOLDER.glob("*.json")}
    assert found == files(), "run: python -m tinytown_cli.schemas docs/reference/schemas"
    assert {file_name(command) for command in COMMANDS} | {"error.json"} == set(found)


@pytest.mark.timeout(180)
def test_what_every_command_prints_has_its_form(
    town: Tt,
    tmp_path: Path,
    tt_env: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert town("config", "list").code == 0
    for name, value in tt_env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path / "town")
    monkeypatch.setattr(sys, "stdin", None)
    with_a_branch(tmp_path / "town")
    known = {"other": str(tmp_path / "other")}
    for line, label in CALLS:
        words = [word.format(**known) for word in line.split()]
        command = by_path().get(tuple(words[:2])) or by_path()[words[0],]
        capsys.readouterr()
        code = run([*words, "--json"])
        said = capsys.readouterr()
        if code != 0 and command.name in MAY_FAIL and not said.out:
            validator(error_schema()).validate(json.loads(said.err.splitlines()[-1]))
            continue
        assert code == 0 or command.name in MAY_FAIL, (line, said.err)
        answer = json.loads(said.out)
        problems = [problem.message for problem in validator(schema_of(command, strict=True)).iter_errors(answer)]
        assert not problems, (line, problems, said.out[:2000])
        if label == "items":
            known["item"] = answer["items"][0]["id"]
        elif label:
            known[label] = answer["id"]


def test_a_form_that_does_not_fit_is_found_out() -> None:
    command = by_path()["list",]
    checks = validator(schema_of(command, strict=True))
    assert not list(checks.iter_errors({"items": [], "next": None}))
    assert list(checks.iter_errors({"items": []}))
    assert list(checks.iter_errors({"items": [{"id": "a-9k3fq2xa"}], "next": None}))
    assert list(checks.iter_errors({"items": [], "next": None, "more": 1}))


def test_errors_have_their_form(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for words in (["snd"], ["list", "--town", str(tmp_path)], ["task", "show"]):
        assert run([*words, "--json"]) in {1, 2}
        validator(error_schema()).validate(json.loads(capsys.readouterr().err))

"""Every example of the help is carried out in a town: what the help shows works as it stands there."""

from __future__ import annotations

import itertools
import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tinytown_cli.run import run
from tinytown_cli.table import COMMANDS

Tt = Callable[..., Any]

ELSEWHERE = {
    "tt start --foreground": "becomes the node until Ctrl-C; test_in_front",
    "tt demo": "plays a whole town of its own; tests/e2e",
    "tt demo --keep": "plays a whole town of its own; tests/e2e",
    "tt restore --to redis://10.0.0.5:6379": "needs that server; test_backup",
    "tt bootstrap 9.1.2 --source valkey-9.1.2.tar.gz": "builds that archive for minutes; test_bootstrap",
    "tt events -f --after 1763800000000-0": "goes on until Ctrl-C; test_events",
    "tt conductor --cli claude": "needs a terminal and a signed-in agent CLI; test_conductor",
    "tt migrate --dry-run": "needs a town of the Rust program; test_migrate",
    "tt migrate --from shop --url redis://127.0.0.1:16379": "needs a town of the Rust program; test_migrate",
    "tt workspace land w1 --dry-run": "needs work in a worktree; test_workspaces",
    'tt workspace land w1 --into main --message "The parser"': "needs work in a worktree; test_workspaces",
    "tt task current": "asks for the round that it runs in; test_inside_a_round",
    "tt backlog claim t-9k3fq2xa7m": "takes it for the round that it runs in; test_inside_a_round",
}
"""Examples that cannot be carried out here, with the reason and the tests that have them."""

DEPENDS = {
    "tt doctor": {0, 1},
    "tt doctor --fix --dry-run": {0, 1},
    "tt adapters doctor claude": {0, 5},
    "tt spawn tester --cli codex --role reviewer": {0, 5},
}
"""Exit codes of those whose answer is about this machine."""

BEFORE: dict[str, tuple[str, ...]] = {
    "tt config get gates.test": ("config set gates.test true",),
    "tt config unset max_agents": ("config set max_agents 4",),
    "tt config unset default_cli --user": ("config set default_cli mini --user",),
    "tt resume": ("interrupt {w1}",),
    "tt logs": ("send {w1} Hello", "wait {w1}"),
    "tt reclaim --from": ("interrupt {w1}", "assign {w1} Hello", "kill {w1}"),
    "tt prune w1": ("spawn w2 --cli mini", "kill {w1}", "kill w2"),
    "tt wait t-": ("task complete {task}",),
    "tt task unblock": ("task block {task}",),
    "tt task reopen": ("task cancel {task}",),
    "tt task requeue": ("interrupt {w1}", "assign {w1} {task}"),
    "tt attention": ("task block {task} --reason Why?",),
    "tt sync": ("plan --init --force",),
    "tt restore": ("save town.save",),
}
"""What must have happened before an example that begins so."""


class Scene:
    """A town in which examples are carried out, each with an agent, a task and mail of its own."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._numbers = itertools.count(1)

    def ask(self, line: str) -> Any:
        """Run a command that must work, and give what it answers."""
        self._capsys.readouterr()
        code = run([*shlex.split(line), "--json"])
        said = self._capsys.readouterr()
        assert code == 0, (line, said.err)
        return json.loads(said.out)

    def prepared(self, example: str) -> list[str]:
        """Make what an example speaks of, and give its words with the real names."""
        line = example.partition(" > ")[0].partition(" | ")[0].removeprefix("tt ")
        steps = [step for start, steps in BEFORE.items() if example.startswith(start) for step in steps]
        names = {"w1": "w1" if line == "spawn w1" else f"agent{next(self._numbers)}"}
        text = " ".join([line, *steps])
        if line != "spawn w1" and ("w1" in line.split() or "{w1}" in text):
            self.ask(f"spawn {names['w1']} --cli mini")
        if "t-9k3" in line or "{task}" in text:
            names["task"] = self.ask(f'task add "Do {next(self._numbers)}"')["id"]
        if "m-9k3" in line:
            names["mail"] = self.ask("send conductor Hello")["id"]
        for step in steps:
            self.ask(step.format(**names))
        if "q-9k3" in line:
            found = self.ask("attention list")["items"]
            names["item"] = next(each["id"] for each in found if each["ref"] == names["task"])
        real = {"w1": names["w1"]}
        for letter, name in (("t", "task"), ("m", "mail"), ("q", "item")):
            if name in names:
                real |= {
                    f"{letter}-9k3fq2xa7m": names[name],
                    f"{letter}-9k3": names[name] if letter == "q" else names[name][:-2],
                }
        return [real.get(word, word) for word in shlex.split(line)]

    def carry_out(self, example: str) -> str | None:
        """Run an example; gives what was wrong."""
        words = self.prepared(example)
        self._capsys.readouterr()
        code = run(words)
        said = self._capsys.readouterr()
        right = DEPENDS.get(example, {0})
        return None if code in right and "Traceback" not in said.err else f"{example}: {code}: {said.err or said.out}"


@pytest.fixture
def scene(
    town: Tt,
    tmp_path: Path,
    tt_env: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Scene:
    root = tmp_path / "town"
    for key, value in (("default_cli", "mini"), ("auto_claim", "false")):  # no idle agent shall be first
        assert town("config", "set", key, value).code == 0
    (root / "plan.md").write_text("Read the plan\n")
    (root / "answer.md").write_text("The second\n")
    for name, value in tt_env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(root)
    monkeypatch.setattr(sys, "stdin", None)
    return Scene(capsys)


def _examples(group: str) -> list[str]:
    return [example for command in COMMANDS if command.group == group for example in command.examples]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("group", ["Agents", "Work", "Mail", "People", "Plugins"])
def test_every_example_of_the_help_does_what_it_says(scene: Scene, group: str) -> None:
    wrong = [scene.carry_out(example) for example in _examples(group) if example not in ELSEWHERE]
    assert "\n".join(filter(None, wrong)) == ""


@pytest.mark.timeout(240)
def test_every_example_about_the_town_does_what_it_says(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong: list[str | None] = []
    for example in _examples("Town"):
        if example.startswith("tt init"):
            folder = tmp_path / f"new{len(wrong)}"
            folder.mkdir()
            with monkeypatch.context() as there:
                there.chdir(folder)
                wrong.append(scene.carry_out(example))
            from tinytown.testing.ending import end_town

            end_town(folder)
        elif example not in ELSEWHERE:
            wrong.append(scene.carry_out(example))
    assert "\n".join(filter(None, wrong)) == ""


def test_what_is_left_out_is_an_example_with_a_reason() -> None:
    known = {example for command in COMMANDS for example in command.examples}
    assert set(ELSEWHERE) | set(DEPENDS) <= known
    assert all(any(example.startswith(start) for example in known) for start in BEFORE)

"""Completion as the shells do it: their own functions are run, with what a person has typed so far."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tinytown.config.paths import TownPaths
from tinytown.storage.embedded.server import status
from tinytown_cli.completing import candidates

Tt = Callable[..., Any]
SHELLS = {
    "bash": 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tt; printf "%s\\n" "${COMPREPLY[@]}"',
    "zsh": "compdef() { : }; _describe() { print -rl -- ${(P)2%%:*} }; _files() { : }\n"
    'source "$1"; shift; words=("$@"); CURRENT=$#; _tt',
    "fish": 'source $argv[1]; complete -C (string join -- " " $argv[2..-1]) | string replace -r "\\t.*" ""',
}


@pytest.fixture(params=sorted(SHELLS))
def complete(request: pytest.FixtureRequest, tt: Tt, tt_env: dict[str, str], tmp_path: Path) -> Callable[..., set[str]]:
    shell = request.param
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = tmp_path / f"tt.{shell}"
    made = tt("completion", shell)
    assert made.code == 0, made.err
    script.write_text(made.out)

    def run(*words: str) -> set[str]:
        start = {"bash": ["--norc", "-c"], "zsh": ["-f", "-c"], "fish": ["--no-config", "-c"]}[shell]
        name = [] if shell == "fish" else [shell]
        done = subprocess.run(
            [shell, *start, SHELLS[shell], *name, str(script), "tt", *words],
            env=tt_env, cwd=tmp_path / "town", capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.stderr == ""
        return set(done.stdout.split("\n")) - {""}

    return run


def test_commands_options_settings_and_their_values_are_completed(
    complete: Callable[..., set[str]], tmp_path: Path
) -> None:
    (tmp_path / "town" / "tinytown.toml").write_text('name = "x"\n[gates]\ntest = "true"\n')
    assert {"spawn", "status", "send"} <= complete("s")
    assert complete("backlog", "cl") == {"claim"}
    assert complete("send", "w1", "hello", "--ur") == {"--urgent"}
    assert complete("config", "max_a") == {"max_agents"}
    assert complete("config", "set", "gates.") == {"gates.test", "gates.test.timeout_secs"}
    assert complete("config", "workspace.isolation", "") == {"shared", "worktree"}
    assert complete("config", "auto_claim", "t") == {"true"}
    assert complete("spawn", "w1", "--cli", "scr") == {"script"}
    assert not (tmp_path / "town" / ".tt").exists()


def words_of(words: Sequence[str]) -> set[str]:
    return {each.word for each in candidates(words)}


def test_agents_and_tasks_are_completed_while_the_server_runs_and_nothing_is_started(town: Tt, tmp_path: Path) -> None:
    def offered(*words: str) -> set[str]:
        said = town("completion", "bash", "--json", "--", *words)
        return {item["word"] for item in said.json["items"]}

    town("spawn", "w1", "--cli", "mini")
    town("interrupt", "w1")
    ref = town("task", "add", "mend the roof", "-q").out.split()[0]
    assert offered("kill", "w.") == {"w1"}
    assert offered("send", ".") == {"w1", "conductor"}
    assert offered("task", "show", "t-.") == {ref}
    assert {ref, "w1"} <= offered("why", ".")
    assert offered("spawn", "x", "--cli", "m.") == {"mini"}
    town("stop")
    assert offered("kill", "w.") == set()
    assert not status(TownPaths(tmp_path / "town")).running


def test_places_without_a_list_give_nothing_and_no_error(tt: Tt) -> None:
    assert words_of(["send", "w1", ""]) == set()
    assert words_of(["nosuch", "x"]) == set()
    assert words_of(["init", "--cli", "=", "scr"]) == {"script"}
    assert words_of(["init", "--cli=scr"]) == {"--cli=script"}
    assert words_of(["--town"]) == set()
    assert words_of(["--town", ""]) == set()
    assert words_of(["task", "list", "--state", "run"]) == {"running"}
    assert "--json" in words_of(["list", "--j"])
    assert {"get", "set", "unset", "list", "max_agents"} <= words_of(["config", ""])
    assert tt("completion", "bash", "--", "config", "max_a.").out == "max_agents\n"
    assert tt("completion", "fish", "--", "backlog", "cl.").out.startswith("claim\t")


def test_a_wrong_town_completes_nothing_and_says_nothing(tt: Tt, tmp_path: Path) -> None:
    (tmp_path / "town" / "tinytown.toml").write_text("name = 3\n")
    said = tt("completion", "bash", "--", "kill", ".")
    assert (said.code, said.out.strip(), said.err) == (0, "", "")
    assert tt("completion", "bash", "--", "config", "max.").code == 0

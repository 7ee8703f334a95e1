"""`tt conductor`: a conversation at a real terminal, with a real program as its agent CLI."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tinytown.testing.terminal import Terminal

Tt = Callable[..., Any]
Open = Callable[..., Terminal]
TALK = ("conductor", "--cli", "talker", "--model", "m")

TALKER = """
import json, os, subprocess, sys
told = sys.argv[1]
said = {
    "pid": os.getpid(), "argv": sys.argv[1:], "cwd": os.getcwd(), "told": open(told).read(),
    "mode": os.stat(told).st_mode & 0o777, "terminal": [os.isatty(fd) for fd in (0, 1, 2)],
    "front": os.tcgetpgrp(0) == os.getpgrp(),
    "env": dict(os.environ),
}
print("BEGIN" + json.dumps(said) + "END", flush=True)
for line in sys.stdin:
    if line.strip() == "quit":
        sys.exit(7)
    done = subprocess.run(["tt", *line.split()], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    print("CODE", done.returncode, "OUT" + done.stdout + done.stderr + "DONE", flush=True)
"""


@pytest.fixture
def talker(tmp_path: Path) -> str:
    """The words of an agent CLI that talks at its terminal."""
    script = tmp_path / "talker's own.py"
    script.write_text(TALKER)
    return f'{sys.executable} -S "{script}" {{prompt_file}} $HOME'


@pytest.fixture
def open_terminal(town: Tt, tmp_path: Path, tt_env: dict[str, str], talker: str) -> Iterator[Open]:
    root = tmp_path / "town"
    file = root / "tinytown.toml"
    command = talker.replace("$HOME", "'{model}'")
    table = f"\n[agent_clis.talker]\ncommand = \"cat\"\nconductor = '''{command}'''\nenv = {{ TALKER_LEVEL = '2' }}\n"
    file.write_text(file.read_text() + table)
    opened: list[Terminal] = []

    def begin(*words: str, cwd: Path = root, **env: str) -> Terminal:
        command = [sys.executable, "-m", "tinytown_cli", *words]
        opened.append(Terminal(*command, env={**tt_env, **env}, cwd=cwd))
        return opened[-1]

    yield begin
    for each in opened:
        each.close()


def first_words(terminal: Terminal) -> dict[str, Any]:
    terminal.until("BEGIN")
    return json.loads(terminal.until("END"))


def test_the_cli_has_the_terminal_the_town_and_an_absolute_path_of_what_it_is_told(
    town: Tt, open_terminal: Open, tmp_path: Path
) -> None:
    root = tmp_path / "town"
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    town("spawn", "w1", "--cli", "mini")
    town("backlog", "add", "Paint the bikeshed")
    terminal = open_terminal(
        "conductor", "--town", "../town", "--cli", "talker", "--model", "big; touch pwned", cwd=elsewhere, MINE="kept"
    )
    said = first_words(terminal)
    file = root / ".tt" / "prompts" / "conductor.md"
    assert said["argv"] == [str(file), "big; touch pwned"]
    assert said["mode"] == 0o600
    assert said["cwd"] == str(root)
    assert said["terminal"] == [True, True, True]
    assert said["front"]
    assert said["pid"] == terminal.pid  # nothing of ours stays between the person and the program
    assert said["told"] == file.read_text()
    assert "`w1`, role `worker`, mini: " in said["told"]
    assert "Paint the bikeshed" in said["told"]
    assert "# Handbook of the conductor" in said["told"]
    env = said["env"]
    assert (env["TINYTOWN_TOWN"], env["TINYTOWN_AGENT_ID"], env["TINYTOWN_AGENT_NAME"]) == (
        str(root),
        "a-00000000",
        "conductor",
    )
    assert (env["MINE"], env["TALKER_LEVEL"]) == ("kept", "2")
    terminal.say("quit")
    assert terminal.end() == 7
    assert not (root / "pwned").exists()


def test_in_the_conversation_tt_acts_as_the_conductor(town: Tt, open_terminal: Open, tmp_path: Path) -> None:
    ref = town("send", "conductor", "Which port?", "--query", "--json").json["id"]
    terminal = open_terminal(*TALK)
    assert "Which port?" in first_words(terminal)["told"]
    assert town("trace", ref, "--json").json["record"]["state"] == "queued"  # the start alone reads nothing

    def tt(line: str) -> tuple[int, str]:
        terminal.say(line)
        terminal.until("CODE ")
        code = int(terminal.until(" OUT"))
        return code, terminal.until("DONE")

    code, out = tt("inbox --json")
    assert code == 0
    assert [item["id"] for item in json.loads(out)["items"]] == [ref]
    assert town("trace", ref, "--json").json["record"]["state"] == "shown"
    code, out = tt("task add Write_it_down --json")
    assert json.loads(out)["created_by"] == "conductor"
    code, out = tt("conductor --print")
    assert code == 0
    assert "Handbook" in out
    code, out = tt("conductor")
    assert code == 1
    assert "error: " in out
    terminal.say("quit")
    assert terminal.end() == 7


def test_variables_that_lead_to_the_server_reach_the_conductors_commands_and_not_its_program(
    open_terminal: Open, tmp_path: Path
) -> None:
    from tinytown.config.files import check_private
    from tinytown.config.paths import TownPaths

    root = tmp_path / "town"
    terminal = open_terminal(
        "conductor",
        "--cli",
        "talker",
        "--model",
        "m",
        REDIS_URL="redis://:sesame@127.0.0.1:1/0",
        REDISCLI_AUTH="sesame",
    )
    said = first_words(terminal)
    assert not [name for name, value in said["env"].items() if "sesame" in value]
    assert "sesame" not in said["told"]
    check_private(TownPaths(root).agent_env("a-00000000"))
    terminal.say("status --verbose --json")
    terminal.until("CODE ")
    assert terminal.until(" OUT") == "0"
    terminal.say("quit")
    terminal.end()
    again = open_terminal(*TALK)
    first_words(again)
    assert not TownPaths(root).agent_env("a-00000000").exists()


def test_a_cli_that_is_missing_is_named_with_what_installs_it(town: Tt, open_terminal: Open, tmp_path: Path) -> None:
    empty = tmp_path / "bin"
    empty.mkdir()
    terminal = open_terminal("conductor", "--cli", "claude", PATH=str(empty))
    assert terminal.end() == 5
    assert "claude" in terminal.text
    assert "hint: " in terminal.text
    terminal = open_terminal("conductor", "--cli", "mini")
    assert terminal.end() == 5
    assert "hint: add `conductor = " in terminal.text
    terminal = open_terminal("conductor", "--cli", "no-such-cli")
    assert terminal.end() == 1
    assert "Traceback" not in terminal.text


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_without_a_terminal_nothing_is_started_and_the_way_out_is_named(town: Tt, flags: tuple[str, ...]) -> None:
    done = town("conductor", *flags)
    assert done.code == 1
    assert done.out == ""
    assert "tt conductor --print" in done.err


def test_print_shows_the_text_alone(town: Tt, tmp_path: Path) -> None:
    shown = town("conductor", "--print")
    assert shown.code == 0
    assert "# Handbook of the conductor" in shown.out
    assert town("conductor", "--print", "--json").json["text"].startswith("# The town `shop`")
    assert not (tmp_path / "town" / ".tt" / "prompts").exists()


@pytest.mark.parametrize("words", [("conductor",), ("conductor", "--print")])
def test_an_agent_cannot_be_the_conductor(town: Tt, open_terminal: Open, words: tuple[str, ...]) -> None:
    inside = {"TINYTOWN_ROUND_ID": "r-0123456789", "TINYTOWN_AGENT_ID": "a-0123456789"}
    terminal = open_terminal(*words, **inside)
    assert terminal.end() == 1
    assert "an agent cannot be the conductor" in terminal.text


def test_the_conductor_of_the_settings_is_taken(town: Tt, open_terminal: Open, tmp_path: Path) -> None:
    file = tmp_path / "town" / "tinytown.toml"
    file.write_text('conductor_cli = "talker"\n' + file.read_text().replace("'{model}'", ""))
    said = first_words(open_terminal("conductor"))
    assert len(said["argv"]) == 1
    assert os.path.isabs(said["argv"][0])  # noqa: PTH117


def test_the_program_dies_of_a_broken_pipe_as_it_would_when_started_by_a_shell(
    open_terminal: Open, tmp_path: Path
) -> None:
    file = tmp_path / "town" / "tinytown.toml"
    (tmp_path / "dies.sh").write_text("kill -PIPE $$\necho survived\n")
    table = f'\n[agent_clis.dies]\ncommand = "cat"\nconductor = "/bin/sh {tmp_path}/dies.sh {{prompt_file}}"\n'
    file.write_text(file.read_text() + table)
    terminal = open_terminal("conductor", "--cli", "dies")
    assert terminal.end() == -13
    assert "survived" not in terminal.text

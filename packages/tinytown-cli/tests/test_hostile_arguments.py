"""Whatever is typed in place of an argument: one clear error with a hint, and a town that has not changed."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tinytown.config.paths import TownPaths
from tinytown.node.control import node_runs
from tinytown.testing.everything import everything
from tinytown_cli.run import run
from tinytown_cli.table import COMMANDS, Command, Param

NOTHING = "t-zzzzzzzzzz"
NAMES = ["", " ", "a b", "../x", "$(touch pwned)", "x" * 5000, "nach 東京", "a\nb", "\x1b[31m", "\udcff", "a:*"]
TEXTS = ["", " \n", "\udcff", "x" * 300_000, "nul\0", "@/nonexistent/file", "@/", "@" + "x" * 5000]
NUMBERS = ["", "x", "-1", "nan", "inf", "1e400", "9" * 400, "0x", "1;2", "-0.0001x"]
LINES = ["", "a\nb", "x" * 5000, "\x1b[2J"]

SPECIAL: dict[str, list[str]] = {
    "redis_url": ["http://x", "nonsense", "redis://", "\n", "redis://h:99999/0"],
    "cli": ["nosuch", "x" * 5000, "../x", "a\nb", "$(true)"],
    "model": LINES,
    "type_": LINES,
    "work": TEXTS,
    "result": TEXTS[2:],
    "role": NAMES,
    "name": NAMES,
    "nickname": [*NAMES, "conductor", "all", "t-9k3fq2xa7m"],
    "tags": ["a b", "../x", "x" * 5000, "nach 東京", "\x1b[31m", "\udcff"],
    "depends_on": ["nosuch", "../x", "x" * 5000, "\udcff", NOTHING],
    "gate": ["nosuch", "a b=true", "=true", "x=", "x=\0", "../x=1"],
    "value": [*NUMBERS, "[1", "10 apples"],
    "key": ["nosuch", "x" * 5000, "\udcff", "."],
    "after": ["x", "-1", "1.5", "9" * 400, "nan"],
    "source": [
        *["ftp://127.0.0.1/x", "file:///etc/passwd", "data:,x", "http://", "https://[::1", "http://192.0.2.1/x.tar.gz"],
        *["https://user:pw@127.0.0.1/x", "https://127.0.0.1:99999/x", "http://127.0.0.1:1/x.tar.gz", "/etc/passwd"],
        *["", " ", "nosuch", "../x", "$(touch pwned)", "x" * 5000, "a\nb", "\udcff", "/dev/zero", "/"],
    ],
    "server": ["", "nosuch", "VALKEY", "x" * 5000],
    "direction": ["", "nosuch", "PUSH", "x" * 5000, "東京"],
    "prefer": ["", "nosuch", "PUSH", "x" * 5000, "東京"],
    "file": ["", " ", ".", "/nonexistent/folder/file", "x" * 5000, "\udcff"],
    "shell": ["", "tcsh", "BASH", "x" * 5000],
    "state": ["", "nosuch", "RUNNING ", "x" * 5000],
}
REFS = [
    "",
    " ",
    "nosuch",
    NOTHING,
    "../../etc/passwd",
    "$(touch pwned)",
    "'; FLUSHALL",
    "x" * 5000,
    "東京",
    "a\nb",
    "\udcff",
]


def values_of(command: Command, param: Param) -> list[str]:
    if command.path == ("completion",) and param.name == "words":
        return []  # whatever was typed so far, there is nothing to refuse
    if command.path == ("init",) and param.name == "cli":
        return NAMES
    if param.name in SPECIAL:
        return SPECIAL[param.name]
    if param.kind in {"int", "float"}:
        return NUMBERS
    return TEXTS if param.text else REFS


CASES = [
    pytest.param((command, param), id=f"{command.name}-{param.name}")
    for command in COMMANDS
    for param in command.params
    if param.kind != "bool"
]


def line(command: Command, hostile: Param, value: str, known: dict[str, str]) -> list[str]:
    """A command line that is right but for one value."""
    places: list[str] = []
    options = ["--cli=script"] if command.path == ("spawn",) and hostile.name != "cli" else []
    for param in command.params:
        if param is hostile and not param.positional:
            options.append(f"{param.flags[0]}={value}")
        elif param is hostile:
            places.append(value)
        elif param.positional and param.kind != "list" and (param.required or hostile.positional):
            places.append(known.get(param.name, "some text"))
    return [*command.path, *options, "--", *places]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """A town with a paused agent, a task, a message and an open item; no node runs."""
    from tinytown import Town
    from tinytown.testing.ending import end_town

    base = tmp_path_factory.mktemp("hostile")
    root = base / "town"
    env = {"PATH": os.environ["PATH"], "HOME": str(base), "XDG_RUNTIME_DIR": str(base)}
    Town.init(root, name="hostile", env=env).close()
    with Town.open(root, env=env) as town:
        task = town.add_task("Something")
        town.block(task.id, "Which one?")
        message = town.send("conductor", "hello").message
        town.stop(now=True)
    Town.open(root, env=env).close()  # its server runs, and its node does not
    (base / ".tt" / "bootstrap").mkdir(mode=0o700)  # where programs are unpacked before they have proved themselves
    known = {"agent": "conductor", "to": "conductor", "task": task.id, "ref": task.id, "item": message.id, "name": "w9"}
    known["key"] = "max_agents"
    yield root, {**known, **{f"env:{name}": value for name, value in env.items()}}
    end_town(root)


def changes(before: dict[str, str], after: dict[str, str]) -> dict[str, tuple[str | None, str | None]]:
    return {
        name: (before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    }


@pytest.fixture
def there(
    folder: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[tuple[Path, dict[str, str]]]:
    """That town, with its user's environment and its folder as the working directory; no node is ever started."""
    root, known = folder
    for name in list(os.environ):
        if name.startswith(("TINYTOWN", "REDIS")):
            monkeypatch.delenv(name)
    for name, value in known.items():
        if name.startswith("env:"):
            monkeypatch.setenv(name.removeprefix("env:"), value)
    monkeypatch.chdir(root)
    yield root, known
    assert not node_runs(TownPaths(root))


def refused(words: list[str], capsys: pytest.CaptureFixture[str], codes: set[int]) -> dict[str, str]:
    """Run a command line that must be refused in one sentence with a hint; gives the error."""
    capsys.readouterr()
    code = run(["--json", *words])
    said = capsys.readouterr()
    shown = ([word[:40] for word in words], code, said.out[:300], said.err[-600:])
    assert code in codes, shown
    assert said.out == "", shown
    error = json.loads(said.err.splitlines()[-1])["error"]
    assert error["code"] != "internal", shown
    assert error["message"], shown
    assert "\n" not in error["message"], shown
    assert error["hint"], shown
    assert "Traceback" not in said.err, shown
    assert len(said.err) < 5000, shown
    return error


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_value_is_refused_in_one_sentence_and_changes_nothing(
    case: tuple[Command, Param],
    there: tuple[Path, dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    (command, param), (root, known) = case, there
    monkeypatch.chdir(tmp_path if command.path == ("init",) else root)
    before = everything(root, root.parent)
    for value in values_of(command, param):
        refused(line(command, param, value, known), capsys, {1, 2})
    assert changes(before, everything(root, root.parent)) == {}
    assert not list(root.glob("**/pwned"))
    assert not list(tmp_path.iterdir())


TWICE = [
    pytest.param((command, param), id=f"{command.name}-{param.name}")
    for command in COMMANDS
    for param in command.params
    if not param.positional and param.kind not in {"bool", "list"}
]


@pytest.mark.parametrize("case", TWICE)
def test_an_option_that_is_given_twice_is_a_usage_error_and_changes_nothing(
    case: tuple[Command, Param], there: tuple[Path, dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    (command, param), (root, known) = case, there
    value = param.choices[0] if param.choices else "1"
    places = [known.get(each.name, "1") for each in command.params if each.positional and each.required]
    before = everything(root, root.parent)
    for first, second in itertools.product(param.flags, repeat=2):
        words = [*command.path, first, value, *places, second, value]
        assert refused(words, capsys, {2})["code"] == "usage"
    assert changes(before, everything(root, root.parent)) == {}


EXCLUSIVE = (
    "send conductor hello --query --info",
    "send conductor hello --info --ack",
    "events --after 1 --since 1",
    "events --follow --after 1 --since 1",
    "inbox --done {message} --all",
    "inbox conductor --done {message}",
    "inbox --all --after 3",
    "towns --forget x --prune",
    "towns --dry-run",
    "config list --user --town-file",
    "doctor --dry-run",
    "assign conductor {task} --role x",
)


@pytest.mark.parametrize("words", EXCLUSIVE)
def test_what_excludes_each_other_is_a_usage_error_and_changes_nothing(
    words: str, there: tuple[Path, dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    root, known = there
    before = everything(root, root.parent)
    error = refused(words.format(message=known["item"], task=known["task"]).split(), capsys, {1, 2})
    assert error["code"] in {"usage", "not_assignable"}
    assert changes(before, everything(root, root.parent)) == {}


TOWNS = ["", " ", "/nonexistent/town", "../..", "/etc/passwd", "nul\0", "\udcff", "x" * 5000, "a\nb", "$(touch pwned)"]
OPERATIONS = ["", " ", "nonsense", "o-", NOTHING, "x" * 5000, "\udcff", "a\nb", "../x"]
WITHOUT_TOWN = {"init", "demo", "completion", "towns", "bootstrap", "doctor", "adapters", "config"}
"""First words of commands that need no town, or that make or look for one and say what they found."""


def places_of(command: Command, known: dict[str, str]) -> list[str]:
    return [known.get(each.name, "1") for each in command.params if each.positional and each.required]


@pytest.mark.parametrize(
    "command", [each for each in COMMANDS if each.path[0] not in WITHOUT_TOWN], ids=lambda each: each.name
)
def test_a_hostile_town_is_refused_and_nothing_is_made(
    command: Command, there: tuple[Path, dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    root, known = there
    before = everything(root, root.parent)
    for value in TOWNS:
        refused([*command.path, *places_of(command, known), f"--town={value}"], capsys, {1, 2})
    assert changes(before, everything(root, root.parent)) == {}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: each.name)
def test_a_hostile_operation_is_a_usage_error_and_changes_nothing(
    command: Command, there: tuple[Path, dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    root, known = there
    before = everything(root, root.parent)
    for value in OPERATIONS:
        refused([*command.path, *places_of(command, known), f"--id={value}"], capsys, {2})
    assert changes(before, everything(root, root.parent)) == {}


def takes_any_number(command: Command) -> bool:
    return any(param.positional and param.kind == "list" for param in command.params)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        pytest.param(command, words, id=f"{command.name}: {' '.join(words)}")
        for command in COMMANDS
        for words in (["--nosuch"], ["--nosuch=1"], ["-Z"], ["a", "b", "c", "d"])
        if words[0].startswith("-") or not takes_any_number(command)
    ],
)
def test_words_that_do_not_belong_are_a_usage_error(
    command: Command, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--json", *command.path, *words]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    error = json.loads(said.err)["error"]
    assert error["code"] == "usage"
    assert error["hint"]


@pytest.mark.parametrize(
    "command", [each for each in COMMANDS if any(param.required for param in each.params)], ids=lambda each: each.name
)
def test_a_missing_argument_is_a_usage_error(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    required = [param for param in command.params if param.required]
    for given in range(len(required)):
        assert run(["--json", *command.path, *["x"] * given]) == 2
        error = json.loads(capsys.readouterr().err)["error"]
        assert error["code"] == "usage"
        assert required[given].metavar in error["message"].upper()

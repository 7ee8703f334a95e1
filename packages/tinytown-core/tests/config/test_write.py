from pathlib import Path

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st
from tinytown.config.town import load_town, parse_town
from tinytown.config.write import (
    add_to_gitignore,
    check_town_name,
    render_town_file,
    set_value,
    town_name_from,
)
from tinytown.domain.names import agent_name
from tinytown.errors import ConfigError, InvalidValueError

FILE = '# top\nname = "a" # the name\n\n[gates] # what must hold\ntest = "x"\n'


@pytest.mark.parametrize("quoted", ['pytest -k "a b"', "it's", "a\\b", "ü ☃", "tab\there"])
def test_a_new_file_loads_with_just_what_was_chosen(quoted: str):
    town = parse_town(
        render_town_file(
            "t",
            default_cli="codex",
            conductor_cli="claude",
            max_agents=4,
            redis_url="rediss://h:1/0",
            gates={"g": quoted},
        ),
        "f",
    )
    assert (town.default_cli, town.conductor_cli, town.max_agents) == ("codex", "claude", 4)
    assert town.redis.url == "rediss://h:1/0"
    assert town.gates[0].command == quoted
    assert set(tomli.loads(render_town_file("t"))) == {"name"}


def test_every_example_in_a_new_file_is_valid_when_it_is_uncommented():
    lines = render_town_file("t").splitlines()
    examples = [line.removeprefix("# ") for line in lines if line.startswith("# ") and ("=" in line or "# [" in line)]
    text = "\n".join(['name = "t"', *(line for line in examples if " lies in " not in line)])
    town = parse_town(text, "f")
    assert town.agent_clis["mini"].argv == ("python3", "agents/mini.py")
    assert town.redis.url == "rediss://cache.example:6380/0"


def test_a_new_file_never_holds_a_password():
    with pytest.raises(ConfigError) as caught:
        render_town_file("t", redis_url="redis://:hunter2@h")
    assert "hunter2" not in f"{caught.value} {caught.value!r}"


def test_setting_a_value_keeps_comments_order_and_makes_tables(tmp_path: Path):
    path = tmp_path / "tinytown.toml"
    path.write_text(FILE)
    set_value(path, "max_agents", 3)
    set_value(path, "agent.idle_timeout_secs", 5)
    set_value(path, "gates.lint", "ruff")
    text = path.read_text()
    assert [text.index(part) for part in ("# top", "# the name", "max_agents", "# what must hold", "lint", "idle")] == (
        sorted(text.index(part) for part in ("# top", "# the name", "max_agents", "# what must hold", "lint", "idle"))
    )
    town = load_town(path)
    assert (town.max_agents, town.agent.idle_timeout_secs, len(town.gates)) == (3, 5, 2)
    set_value(path, "gates.lint", None)
    set_value(path, "workspace.isolation", None)
    assert len(load_town(path).gates) == 1


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max_agents", "x"),
        ("nope", 1),
        ("name", None),
        ("name", "a b"),
        ("name", "�"),
        ("name", {1}),
        ("name.x", 1),
        ("", 1),
        ("agent..x", 1),
        ("redis.password", "hunter2"),
        ("redis.url", "redis://:hunter2@h"),
        ("a\n", 1),
    ],
)
def test_a_value_that_would_break_the_file_is_refused_and_changes_nothing(tmp_path: Path, key: str, value: object):
    path = tmp_path / "tinytown.toml"
    path.write_text(FILE)
    with pytest.raises((ConfigError, InvalidValueError)) as caught:
        set_value(path, key, value)
    assert "hunter2" not in f"{caught.value} {caught.value!r}"
    assert path.read_text() == FILE


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, b".tt/\n"),
        (b"", b".tt/\n"),
        (b"build", b"build\n.tt/\n"),
        (b"build\n", b"build\n.tt/\n"),
        (b"a\r\nb", b"a\r\nb\r\n.tt/\r\n"),
        (b"\xff\n", b"\xff\n.tt/\n"),
        (b"# .tt/\n!.tt/\n", b"# .tt/\n!.tt/\n.tt/\n"),
    ],
)
def test_git_is_told_once_to_leave_the_runtime_folder_out(tmp_path: Path, before: bytes | None, after: bytes):
    path = tmp_path / ".gitignore"
    if before is not None:
        path.write_bytes(before)
    assert add_to_gitignore(tmp_path)
    assert path.read_bytes() == after
    assert not add_to_gitignore(tmp_path)
    assert path.read_bytes() == after


@pytest.mark.parametrize("line", [".tt", ".tt/", "/.tt", "/.tt/", ".tt/ "])
def test_a_line_that_does_it_already_is_enough(tmp_path: Path, line: str):
    (tmp_path / ".gitignore").write_text(f"{line}\n")
    assert not add_to_gitignore(tmp_path)


def test_a_gitignore_that_is_a_folder_is_a_typed_error(tmp_path: Path):
    (tmp_path / ".gitignore").mkdir()
    with pytest.raises(ConfigError):
        add_to_gitignore(tmp_path)


@given(st.text())
def test_any_text_gives_a_valid_town_name(text: str):
    name = town_name_from(text)
    assert agent_name(name) == name


def test_a_town_name_keeps_what_it_can_of_a_folders_name():
    names = {"My Project (2)": "my-project-2", "Büro": "buro", "all": "town-all", "☃": "town", "t-0123456789": ""}
    names["t-0123456789"] = "town-t-0123456789"
    assert {text: town_name_from(text) for text in names} == names
    with pytest.raises(InvalidValueError) as caught:
        check_town_name("a:b")
    assert "`a-b`" in (caught.value.hint or "")

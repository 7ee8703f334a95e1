"""`tt config` as a user types it: what counts and why, setting with one answer, secrets, and no server anywhere."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli

Tt = Callable[..., Any]
FILE = '# ours\nname = "far"   # the name\n\n[redis]\nurl = "redis://127.0.0.1:9"\n'


@pytest.fixture
def far(tt: Tt, tmp_path: Path) -> Tt:
    """A town whose server nobody runs."""
    (tmp_path / "town" / "tinytown.toml").write_text(FILE)
    return tt


def rows(said: Any) -> dict[str, Any]:
    assert said.code == 0, said.err
    assert said.json["next"] is None
    return {item["key"]: item for item in said.json["items"]}


def test_settings_are_shown_without_a_server(far: Tt, tmp_path: Path) -> None:
    assert far("config", "agent.round_timeout_secs").out == "3600\n"
    assert far("config", "get", "agent.round_timeout_secs").out == "3600\n"
    lines = [line.split() for line in far("config").out.splitlines()]
    assert ["max_agents", "10", "default"] in lines
    assert ["redis.url", "redis://127.0.0.1:9", "town", "file"] in lines
    below = far("config", "agent", "--json")
    assert {key.partition(".")[0] for key in rows(below)} == {"agent"}
    assert far("config", "name", "--json").json["value"] == "far"
    assert far("config", "list", "--json").json == far("config", "--json").json
    told = far("config", "agent.round_timeout", "--json")
    assert (told.code, told.error["hint"]) == (2, "did you mean `agent.round_timeout_secs`?")
    assert not (tmp_path / "town" / ".tt").exists()


def test_each_setting_says_where_it_comes_from(far: Tt, tmp_path: Path) -> None:
    far("config", "default_cli", "aider", "--user")
    far("config", "conductor_cli", "codex")
    far("config", "agent_clis.mini", "python3 mini.py", "--user")
    found = rows(far("config", "--json", env={"TINYTOWN_REDIS_URL": "redis://:hush@far.example:7/0"}))
    sources = {name: (item["value"], item["source"], item["origin"]) for name, item in found.items()}
    assert sources["default_cli"] == ("aider", "user file", None)
    assert sources["conductor_cli"] == ("codex", "town file", None)
    assert sources["agent_clis.mini.command"] == ("python3 mini.py", "user file", None)
    assert sources["max_agents"] == (10, "default", None)
    assert sources["redis.url"] == ("redis://far.example:7/0", "environment", "TINYTOWN_REDIS_URL")
    assert sources["redis.password"] == (None, "environment", "TINYTOWN_REDIS_URL")
    told = far("config", "default_cli", "gemini", env={"TINYTOWN_DEFAULT_CLI": "claude"})
    assert "comes from elsewhere: environment (TINYTOWN_DEFAULT_CLI)" in told.err
    only = rows(far("config", "--user", "--json"))
    assert set(only) == {"default_cli", "agent_clis.mini.command"}
    assert str(tmp_path / "town") not in far("config", "--user").out


def test_setting_says_which_file_it_wrote_and_keeps_comments_and_order(far: Tt, tmp_path: Path) -> None:
    file = tmp_path / "town" / "tinytown.toml"
    first = far("config", "set", "max_agents", "4")
    assert first.out == f"max_agents: set ({file})\n"
    assert far("config", "max_agents").out == "4\n"
    again = far("config", "max_agents", "4", "--json").json
    assert again == {"key": "max_agents", "file": str(file), "changed": False, "unset": False}
    far("config", "gates.test", "pytest -q")
    far("config", "gates.test.timeout_secs", "60")
    far("config", "agent_clis.mini.command", "python3 mini.py {prompt_file}")
    far("config", "agent_clis.mini.env.LEVEL", "2")
    far("config", "agent_clis.mini.pass_env", "MINI_*,PLAIN")
    far("config", "budget.max_cost_usd", "2.5")
    text = file.read_text()
    assert text.startswith('# ours\nname = "far"   # the name\n')
    table = tomli.loads(text)
    assert table["gates"] == {"test": {"command": "pytest -q", "timeout_secs": 60}}
    assert table["budget"] == {"max_cost_usd": 2.5}
    mini = {"command": "python3 mini.py {prompt_file}", "env": {"LEVEL": "2"}, "pass_env": ["MINI_*", "PLAIN"]}
    assert table["agent_clis"]["mini"] == mini
    assert far("config", "gates.test").out == "pytest -q\n"
    assert far("config", "gates.test", "make check").code == 0
    assert tomli.loads(file.read_text())["gates"]["test"]["timeout_secs"] == 60
    assert far("config", "unset", "max_agents").out == f"max_agents: taken out ({file})\n"
    assert far("config", "unset", "max_agents").out == f"max_agents: not set there ({file})\n"
    assert far("config", "max_agents").out == "10\n"


def test_outside_a_town_the_users_file_is_written(tt: Tt, tmp_path: Path) -> None:
    told = tt("config", "default_cli", "codex", cwd=tmp_path)
    assert str(tmp_path / "home" / ".tt" / "config.toml") in told.out
    assert tt("config", "default_cli", cwd=tmp_path).out == "codex\n"
    wrong = tt("config", "max_agents", "3", "--json", cwd=tmp_path)
    assert (wrong.code, wrong.error["hint"]) == (2, "repeat the command with `--town-file`")
    assert tt("config", "max_agents", "3", "--town-file", "--json", cwd=tmp_path).error["code"] == "no_town"
    assert tt("config", "--user", "--town-file", "--json", cwd=tmp_path).error["code"] == "usage"
    assert tt("config", "--town", "nowhere", "--json", cwd=tmp_path).error["code"] == "no_town"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max_agents", "many"),
        ("max_agents", "0"),
        ("max_agents", "1.5"),
        ("auto_claim", "yes"),
        ("redis.port", "70000"),
        ("redis.url", "nonsense"),
        ("redis.url", "redis://only-a-user@h"),
        ("redis.fsync", "never"),
        ("workspace.isolation", "both"),
        ("agent_clis.mini", "a | b"),
        ("agent_clis.mini.prompt", "argv"),
        ("agent_clis.mini.env.TINYTOWN_X", "1"),
        ("agent_clis.bad name", "x"),
        ("gates.test", " "),
        ("gates.test.nosuch", "1"),
        ("townhall.auth.api_key_scopes", "nosuch"),
        ("name", "Not A Name"),
        ("default_cli", ""),
        ("redis", "x"),
        ("redis.password", ""),
        ("max_agent", "3"),
        ("", "3"),
    ],
)
def test_a_wrong_value_is_refused_in_one_sentence_and_changes_nothing(
    far: Tt, tmp_path: Path, key: str, value: str
) -> None:
    told = far("config", "set", "--json", "--", key, value)
    assert (told.code, told.out) == (2, "")
    assert "\n" not in told.error["message"]
    assert told.error["hint"]
    assert (tmp_path / "town" / "tinytown.toml").read_text() == FILE
    assert not (tmp_path / "home" / ".tt" / "credentials.toml").exists()


def test_a_wrong_file_can_be_mended_and_is_told_apart_from_a_wrong_value(far: Tt, tmp_path: Path) -> None:
    file = tmp_path / "town" / "tinytown.toml"
    file.write_text(FILE.replace("[redis]", "max_agents = 0\nnosuch = 1\n[redis]"))
    assert far("config", "auto_claim", "true", "--json").error["code"] == "config"
    assert far("config", "unset", "nosuch", "--json").error["code"] == "config"
    file.write_text(FILE.replace("[redis]", "nosuch = 1\n[redis]"))
    assert far("config", "unset", "nosuch").code == 0
    assert file.read_text() == FILE


def test_a_password_is_kept_for_the_owner_alone_and_never_shown(far: Tt, tmp_path: Path) -> None:
    kept = tmp_path / "home" / ".tt" / "credentials.toml"
    assert far("config", "redis.password").out == "(not set)\n"
    told = far("config", "redis.password", "-", stdin=b"hush-1\n")
    assert told.out == f"redis.password: set ({kept})\n"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert far("config", "redis.password").out == "(set)\n"
    far("config", "redis.url", "rediss://me:hush-2@cache.example:6380/0")
    assert tomli.loads(kept.read_text())["rediss://cache.example:6380/0"] == {"username": "me", "password": "hush-2"}
    shown = [far("config"), far("config", "--json"), far("config", "redis.password", "--json"), far("config", "redis")]
    shown += [far("config", "--town-file"), far("config", "list", "--user"), told]
    assert all("hush" not in said.out + said.err for said in shown)
    assert "hush" not in (tmp_path / "town" / "tinytown.toml").read_text()
    assert shown[2].json["set"] is True
    far("config", "unset", "redis.password")
    assert far("config", "redis.password").out == "(not set)\n"
    assert "hush-2" not in kept.read_text()


def test_a_refused_url_leaves_no_password_behind(far: Tt, tmp_path: Path) -> None:
    file = tmp_path / "town" / "tinytown.toml"
    file.write_text(FILE + "[broken]\n")
    told = far("config", "redis.url", "redis://:hush@h:1", "--json")
    assert told.error["code"] == "config"
    assert "hush" not in told.err
    kept = tmp_path / "home" / ".tt" / "credentials.toml"
    assert not kept.exists() or "hush" not in kept.read_text()


def test_a_password_in_a_file_of_the_rust_program_moves_out_of_it(far: Tt, tmp_path: Path) -> None:
    file = tmp_path / "town" / "tinytown.toml"
    file.write_text(
        'name = "old"\nuse_central_redis = true\n[redis]\nuse_socket = false\nport = 16379\npassword = "hush-1"\n'
    )
    assert far("config", "redis.password").out == "(set)\n"
    far("config", "redis.password", "-", stdin=b"hush-2")
    assert "hush" not in file.read_text()
    assert "use_central_redis" in file.read_text()
    assert far("config", "redis.password", "--json").json["origin"].endswith("credentials.toml")


def test_the_users_file_of_the_rust_program_works_by_its_old_names(tt: Tt, tmp_path: Path) -> None:
    home = tmp_path / "home" / ".tt"
    home.mkdir()
    (home / "config.toml").write_text(
        'default_cli = "claude"\n[agent_clis]\nclaude = "claude --print --dangerously-skip-permissions"\n'
        'mini = "python3 mini.py"\n[redis]\nhost = "127.0.0.1"\nport = 16379\nuse_central = true\n'
    )
    (home / "config.toml").chmod(0o600)
    get = {name: tt("config", name, cwd=tmp_path).out.strip() for name in ("redis.host", "redis.port", "default_cli")}
    assert get == {"redis.host": "127.0.0.1", "redis.port": "16379", "default_cli": "claude"}
    assert tt("config", "redis.use_central", cwd=tmp_path).out == "true\n"
    assert tt("config", "agent_clis.mini", cwd=tmp_path).out == "python3 mini.py\n"
    for key, value in (
        ("conductor_cli", "codex"),
        ("agent_clis.mini", "python3 other.py"),
        ("redis.host", "cache.example"),
        ("redis.port", "7000"),
        ("redis.use_central", "false"),
    ):
        assert tt("config", key, value, cwd=tmp_path).code == 0
    assert tt("config", "redis.password", "hush", cwd=tmp_path).code == 0
    table = tomli.loads((home / "config.toml").read_text())
    assert table["agent_clis"]["mini"] == "python3 other.py"
    assert table["redis"] == {"host": "cache.example", "port": 7000, "use_central": False}
    assert tomli.loads((home / "credentials.toml").read_text()) == {"redis://cache.example:7000": {"password": "hush"}}
    assert tt("config", "redis.port", "x", "--json", cwd=tmp_path).code == 2
    assert tt("config", "redis.use_central", "maybe", "--json", cwd=tmp_path).code == 2


def test_a_town_with_records_keeps_its_name(town: Tt) -> None:
    told = town("config", "name", "other", "--json")
    assert (told.code, told.error["code"]) == (1, "town_named")
    assert town("config", "name").out == "shop\n"
    assert town("config", "name", "SHOP").code == 0


def test_twenty_commands_at_once_lose_nothing(far: Tt, tmp_path: Path, tt_env: dict[str, str]) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tinytown_cli", "config", f"agent_clis.cli{number}", f"run {number}"],
            env=tt_env,
            cwd=tmp_path / "town",
            stdout=subprocess.DEVNULL,
        )
        for number in range(20)
    ]
    assert [process.wait(60) for process in processes] == [0] * 20
    table = tomli.loads((tmp_path / "town" / "tinytown.toml").read_text())
    assert table["agent_clis"] == {f"cli{number}": f"run {number}" for number in range(20)}
    assert (tmp_path / "town" / "tinytown.toml").read_text().startswith("# ours\n")
    assert [each.name for each in (tmp_path / "town").iterdir()] == ["tinytown.toml"]


def test_a_users_file_that_a_command_made_is_well_by_the_words_of_doctor(far: Tt) -> None:
    assert far("config", "--user", "default_cli", "claude").code == 0
    found = [item for item in far("doctor", "--json").json["items"] if item["check"] == "user files"]
    assert [item["level"] for item in found] == ["ok"], found

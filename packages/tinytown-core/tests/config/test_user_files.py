import stat
import subprocess
import sys
from pathlib import Path

import pytest
from tinytown.config.paths import UserPaths
from tinytown.config.precedence import Layer, agent_cli, choose, conductor_cli, default_cli
from tinytown.config.registry import RegisteredTown, forget_town, register_town, registered_towns
from tinytown.config.town import parse_town
from tinytown.config.user import UserConfig, load_user, parse_user, set_user_value
from tinytown.errors import ConfigError, InvalidValueError

REGISTER = (
    "import sys; from pathlib import Path\n"
    "from tinytown.config.paths import UserPaths; from tinytown.config.registry import register_town\n"
    "for number in range(12):\n"
    "    register_town(UserPaths(Path(sys.argv[1])), Path(sys.argv[2]) / str(number), f'n{number}')\n"
)


def test_writers_of_the_registry_at_once_lose_nothing(user_paths: UserPaths, tmp_path: Path):
    writers = [
        subprocess.Popen([sys.executable, "-c", REGISTER, user_paths.home, tmp_path / letter]) for letter in "abc"
    ]
    assert [writer.wait(timeout=50) for writer in writers] == [0, 0, 0]
    found = {town.path for town in registered_towns(user_paths)}
    assert found == {str(tmp_path.resolve() / letter / str(number)) for letter in "abc" for number in range(12)}


def test_a_town_is_registered_once_renamed_and_forgotten_and_comments_stay(user_paths: UserPaths, tmp_path: Path):
    assert registered_towns(user_paths) == ()
    register_town(user_paths, tmp_path / "a", "one")
    user_paths.registry.write_text("# mine\n" + user_paths.registry.read_text())
    register_town(user_paths, tmp_path / "b", "two")
    register_town(user_paths, tmp_path / "x" / ".." / "a", "three")
    real = tmp_path.resolve()
    assert registered_towns(user_paths) == (
        RegisteredTown(str(real / "a"), "three"),
        RegisteredTown(str(real / "b"), "two"),
    )
    assert user_paths.registry.read_text().startswith("# mine\n")
    assert forget_town(user_paths, tmp_path / "a")
    assert not forget_town(user_paths, tmp_path / "a")
    assert [town.name for town in registered_towns(user_paths)] == ["two"]
    assert forget_town(user_paths, tmp_path / "b")
    register_town(user_paths, tmp_path / "c", "four")
    assert [town.name for town in registered_towns(user_paths)] == ["four"]
    assert stat.S_IMODE(user_paths.registry.stat().st_mode) == 0o600
    assert stat.S_IMODE(user_paths.home.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "data", [b"[[towns]\n", b"\xff\xfe", b"towns = 3", b"towns = [3]", b"[[towns]]\nname = 'x'", b"#" * 2_000_000]
)
def test_a_registry_that_cannot_be_read_is_never_overwritten(user_paths: UserPaths, tmp_path: Path, data: bytes):
    user_paths.home.mkdir(parents=True)
    user_paths.registry.write_bytes(data)
    for act in (
        lambda: register_town(user_paths, tmp_path, "a"),
        lambda: forget_town(user_paths, tmp_path),
        lambda: registered_towns(user_paths),
    ):
        with pytest.raises(ConfigError):
            act()
    assert user_paths.registry.read_bytes() == data


def test_a_registry_of_inline_tables_can_be_added_to(user_paths: UserPaths, tmp_path: Path):
    user_paths.home.mkdir(parents=True)
    user_paths.registry.write_text('towns = [{ path = "/x", name = "x" }]\n')
    register_town(user_paths, tmp_path, "a")
    assert [town.name for town in registered_towns(user_paths)] == ["x", "a"]


def test_a_folder_that_is_no_text_is_refused(user_paths: UserPaths, tmp_path: Path):
    with pytest.raises(InvalidValueError):
        register_town(user_paths, tmp_path / "a\udc80", "a")
    assert not user_paths.registry.exists()


def test_the_users_settings_are_set_with_comments_kept_and_bad_ones_refused(user_paths: UserPaths):
    assert load_user(user_paths).default_cli is None
    set_user_value(user_paths, "default_cli", "codex")
    user_paths.config.write_text("# mine\n" + user_paths.config.read_text())
    set_user_value(user_paths, "agent_clis.mini", "python3 mini.py")
    set_user_value(user_paths, "redis.port", 7)
    user = load_user(user_paths)
    assert (user.default_cli, user.agent_clis["mini"].argv, user.redis.port) == ("codex", ("python3", "mini.py"), 7)
    before = user_paths.config.read_text()
    assert before.startswith("# mine\n")
    for key, value in (("default_clii", "x"), ("redis.port", "x"), ("agent_clis.bad", "a | b")):
        with pytest.raises(ConfigError):
            set_user_value(user_paths, key, value)
    assert user_paths.config.read_text() == before
    set_user_value(user_paths, "default_cli", None)
    assert load_user(user_paths).default_cli is None


@pytest.mark.parametrize(
    ("flag", "environment", "town", "user", "value", "layer"),
    [
        ("f", "e", "t", "u", "f", Layer.FLAG),
        (None, "e", "t", "u", "e", Layer.ENVIRONMENT),
        (None, "", "t", "u", "t", Layer.TOWN),
        (None, None, None, "u", "u", Layer.USER),
        ("", "", "", "", "d", Layer.DEFAULT),
    ],
)
def test_the_strongest_layer_that_says_anything_wins(flag, environment, town, user, value, layer):  # noqa: PLR0917
    found = choose(flag=flag, environment=environment, town=town, user=user, default="d")
    assert (found.value, found.layer) == (value, layer)


def test_agent_clis_follow_the_layers():
    town = parse_town('name="a"\ndefault_cli="codex"\n[agent_clis.m]\ncommand="town"', "f")
    user = parse_user('default_cli="aider"\nconductor_cli="gemini"\n[agent_clis]\nm="user"\nn="user"', "u")
    bare, empty = parse_town('name="a"\ndefault_cli=""', "f"), UserConfig()
    assert default_cli(town, user, env={}).value == "codex"
    assert default_cli(town, user, env={"TINYTOWN_DEFAULT_CLI": "x"}).value == "x"
    assert default_cli(town, user, flag="y", env={"TINYTOWN_DEFAULT_CLI": "x"}).value == "y"
    assert default_cli(bare, user, env={}).value == "aider"
    assert default_cli(bare, empty, env={}).value == "claude"
    assert conductor_cli(town, user, env={}).value == "gemini"
    assert conductor_cli(town, empty, env={}).value == "codex"
    found = [agent_cli(name, town, user) for name in ("m", "n", "o")]
    assert [cli and cli.command for cli in found] == ["town", "user", None]

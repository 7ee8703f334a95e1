import json
import stat

import attrs
import pytest
from tinytown.config.connection import Connection, read_connection, write_connection
from tinytown.config.credentials import find_credential, save_credential
from tinytown.config.paths import TownPaths, UserPaths
from tinytown.config.server_source import ServerChoice, choose_server, describe, has_embedded_data
from tinytown.config.town import parse_town
from tinytown.config.urls import split_url
from tinytown.config.user import load_user
from tinytown.errors import ConfigError, InvalidValueError


@pytest.fixture
def choose(town_paths: TownPaths, user_paths: UserPaths):
    def choose(text: str = "", node: bool = False, **env: str) -> ServerChoice:
        town = parse_town(f'name = "a"\n{text}', "f")
        return choose_server(town_paths, town, node_alive=lambda: node, env=env, user_paths=user_paths)

    return choose


def keep_data(paths: TownPaths) -> None:
    (paths.redis_data / "appendonlydir").mkdir(parents=True)


OWN = '[redis]\nurl = "redis://own:1/0"'
USER = '[redis]\nurl = "redis://user:2/0"\n'


@pytest.mark.parametrize(
    ("text", "env", "data", "user", "node", "url", "source"),
    [
        ("", {}, False, "", None, "embedded:", "default"),
        ("", {}, True, "", None, "embedded:", "default"),
        ("", {"REDIS_URL": "redis://web:1/0"}, False, "", None, "redis://web:1/0", "REDIS_URL"),
        ("", {"REDIS_URL": " "}, False, "", None, "embedded:", "default"),
        ("", {"REDIS_URL": "redis://web:1/0"}, True, "", None, "embedded:", "default"),
        (OWN, {"REDIS_URL": "redis://web:1/0"}, False, "", None, "redis://own:1/0", "tinytown.toml"),
        (OWN, {"TINYTOWN_REDIS_URL": "redis://tt:1/0"}, True, "", None, "redis://tt:1/0", "TINYTOWN_REDIS_URL"),
        ("", {"TINYTOWN_REDIS_URL": "redis://tt:1"}, True, "", None, "redis://tt:1", "TINYTOWN_REDIS_URL"),
        ("", {}, False, USER, None, "redis://user:2/0", "~/.tt/config.toml"),
        ("", {}, True, USER, None, "embedded:", "default"),
        ("", {"REDIS_URL": "redis://web:1/0"}, False, USER, None, "redis://web:1/0", "REDIS_URL"),
        (OWN, {}, False, USER, None, "redis://own:1/0", "tinytown.toml"),
        (OWN, {"TINYTOWN_REDIS_URL": "redis://tt:1"}, False, "", True, "redis://node:9/0", "the running node"),
        (OWN, {}, False, "", False, "redis://own:1/0", "tinytown.toml"),
        (OWN, {"TINYTOWN_ROUND_ID": "r-0123456789"}, False, "", False, "redis://node:9/0", "the round"),
    ],
)
def test_who_names_the_server_is_decided_in_one_order(  # noqa: PLR0917 - one row of the table
    choose, town_paths: TownPaths, user_paths: UserPaths, text, env, data, user, node, url, source
):
    if data:
        keep_data(town_paths)
    if user:
        user_paths.home.mkdir(parents=True)
        user_paths.config.write_text(user)
    if node is not None:
        town_paths.dot.mkdir()
        write_connection(town_paths, Connection(url="redis://node:9/0"))
    choice = choose(text, bool(node), **env)
    assert (choice.url, choice.source, choice.embedded) == (url, source, url == "embedded:")


@pytest.mark.parametrize(
    ("redis", "url"),
    [
        ("use_socket = true\nsocket_path = '.tt/redis.sock'\nport = 6379", "embedded:"),
        ("use_socket = true\nsocket_path = '/run/x.sock'", "embedded:"),
        ("url = 'embedded:'", "embedded:"),
        ("url = ''", "embedded:"),
        ("use_socket = false", "redis://127.0.0.1:6379"),
        ("use_socket = false\nhost = '::1'\nport = 7", "redis://[::1]:7"),
        ("host = 'cache'\ntls_enabled = true", "rediss://cache:6379"),
        ("url = 'REDISS://cache:1/2'\nhost = 'other'", "rediss://cache:1/2"),
        ("url = 'redis+sentinel://a:1,b:2/main'", "redis+sentinel://a:1,b:2/main"),
        ("socket_path = '/run/x.sock'", "unix:///run/x.sock"),
    ],
)
def test_a_towns_file_names_its_server_in_the_old_words_too(choose, redis: str, url: str):
    choice = choose(f"[redis]\n{redis}")
    assert choice.url == url
    assert choice.embedded == (url == "embedded:")
    assert bool(choice.notices) == ("/run/x.sock" in redis and choice.embedded)


def test_a_town_that_chose_the_embedded_server_in_its_file_is_not_moved_by_a_web_projects_variable(choose):
    choice = choose("[redis]\nuse_socket = true", REDIS_URL="redis://web:1")
    assert choice.embedded
    assert "REDIS_URL does not count" in describe(choice)


def test_relative_tls_files_belong_to_the_town(choose, town_paths: TownPaths):
    choice = choose('[redis]\nurl = "rediss://c:1"\ntls_ca_cert = "ca.pem"\ntls_key = "/abs.key"')
    assert (choice.tls_ca_cert, choice.tls_key, choice.tls_cert) == (str(town_paths.root / "ca.pem"), "/abs.key", None)


def test_a_node_on_another_server_is_said_and_one_on_the_same_is_not(choose, town_paths: TownPaths):
    town_paths.dot.mkdir()
    write_connection(town_paths, Connection(url="redis://own:1/0"))
    assert choose(OWN, node=True).notices == ()
    (notice,) = choose(OWN, node=True, TINYTOWN_REDIS_URL="redis://:pw@tt:1").notices
    assert "redis://own:1/0" in notice
    assert "tt stop" in notice
    assert "pw" not in notice


def test_a_round_of_another_town_does_not_revive_a_connection_that_a_dead_node_left(choose, town_paths: TownPaths):
    town_paths.dot.mkdir()
    write_connection(town_paths, Connection(url="redis://stale:1"))
    inside = {"TINYTOWN_ROUND_ID": "r-0123456789"}
    assert choose(**inside, TINYTOWN_TOWN="/another").url == "embedded:"
    assert choose(**inside, TINYTOWN_TOWN=str(town_paths.root)).url == "redis://stale:1"


def test_the_lock_of_the_node_is_not_asked_for_when_no_node_left_a_connection(
    town_paths: TownPaths, user_paths: UserPaths
):
    def asked() -> bool:
        raise AssertionError

    choice = choose_server(town_paths, parse_town('name="a"', "f"), node_alive=asked, env={}, user_paths=user_paths)
    assert choice.embedded


def test_data_of_the_embedded_server_is_seen_and_an_empty_folder_is_none(town_paths: TownPaths):
    assert not has_embedded_data(town_paths)
    town_paths.redis_data.mkdir(parents=True)
    town_paths.redis_lock.touch()
    assert not has_embedded_data(town_paths)
    (town_paths.redis_data / "dump.rdb").touch()
    assert has_embedded_data(town_paths)


def test_the_password_comes_from_the_variables_url_then_the_environment_then_the_credentials(
    choose, user_paths: UserPaths
):
    save_credential(user_paths, "own:1", "from-file", "u")
    assert choose(OWN).password == "from-file"
    assert choose(OWN).username == "u"
    assert choose(OWN, TINYTOWN_REDIS_PASSWORD="from-env").password == "from-env"
    both = choose(OWN, TINYTOWN_REDIS_PASSWORD="from-env", TINYTOWN_REDIS_URL="redis://me:from%2Furl@own:1")
    assert (both.username, both.password) == ("me", "from/url")
    assert choose(TINYTOWN_REDIS_PASSWORD="from-env").password is None


def test_a_password_is_in_no_printed_form(choose, town_paths: TownPaths, user_paths: UserPaths, password: str):
    town_paths.dot.mkdir()
    save_credential(user_paths, "redis://own:1/0", password)
    choice = choose(OWN)
    assert choice.password == password
    write_connection(town_paths, choice.connection)
    back = read_connection(town_paths)
    assert back == choice.connection
    found = find_credential(user_paths, "redis://own:1/0")
    for shown in (
        choice,
        back,
        found,
        describe(choice),
        choice.url,
        choose(OWN, node=True),
        split_url("redis://u:pw@h"),
    ):
        assert password not in f"{shown} {shown!r}"
        assert "pw" not in repr(shown)
    assert stat.S_IMODE(town_paths.connection.stat().st_mode) == 0o600


def test_a_wrong_variable_is_refused_without_its_secret(choose):
    for name in ("TINYTOWN_REDIS_URL", "REDIS_URL"):
        with pytest.raises(InvalidValueError) as caught:
            choose(**{name: "redis://:hunter2/x@host:1/0"})
        assert name in str(caught.value)
        assert "hunter2" not in f"{caught.value!r} {caught.value}"
        assert caught.value.__cause__ is None


def test_credentials_that_others_can_read_are_refused_with_the_remedy(choose, user_paths: UserPaths):
    save_credential(user_paths, "own:1", "x")
    user_paths.credentials.chmod(0o640)
    with pytest.raises(ConfigError, match="others can read") as caught:
        choose(OWN)
    assert "chmod 600" in (caught.value.hint or "")
    with pytest.raises(ConfigError):
        save_credential(user_paths, "own:1", "y")


def test_credentials_are_kept_private_with_comments_and_many_forms_of_key(user_paths: UserPaths, password: str):
    user_paths.home.mkdir(parents=True)
    user_paths.credentials.write_text('# mine\n"short:1" = "brief"\n')
    user_paths.credentials.chmod(0o600)
    save_credential(user_paths, "rediss://a:1/0", password, "u")
    save_credential(user_paths, "rediss://a:1/0", password + "2")
    assert "# mine" in user_paths.credentials.read_text()
    assert stat.S_IMODE(user_paths.credentials.stat().st_mode) == 0o600
    first, second = find_credential(user_paths, "rediss://a:1/0"), find_credential(user_paths, "redis://short:1/7")
    assert first is not None
    assert second is not None
    assert (first.password, first.username, second.password) == (password + "2", None, "brief")
    assert find_credential(user_paths, "redis://other:1") is None


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"{}", b'{"version": 2, "url": "x"}', b'{"version": 1, "url": 3}'])
def test_a_connection_that_was_not_written_by_this_version_is_a_typed_error(town_paths: TownPaths, data: bytes):
    town_paths.node_dir.mkdir(parents=True)
    town_paths.connection.write_bytes(data)
    town_paths.connection.chmod(0o600)
    with pytest.raises(ConfigError, match="no connection of this version"):
        read_connection(town_paths)


def test_a_connection_with_unknown_fields_or_open_to_others_is_refused(town_paths: TownPaths):
    town_paths.dot.mkdir()
    write_connection(town_paths, Connection(url="redis://a:1"))
    town_paths.connection.write_text(json.dumps({"version": 1, "url": "redis://a:1", "extra": "x"}))
    with pytest.raises(ConfigError):
        read_connection(town_paths)
    town_paths.connection.chmod(0o644)
    with pytest.raises(ConfigError, match="others can read"):
        read_connection(town_paths)


def test_the_rust_programs_own_server_in_the_users_file_does_not_count_but_another_machine_does(
    choose, user_paths: UserPaths
):
    user_paths.home.mkdir(parents=True)
    text = '[redis]\nhost = "{}"\nport = 16379\npassword = "tt_x"\nuse_central = true\n'
    user_paths.config.write_text(text.format("127.0.0.1"))
    user_paths.config.chmod(0o644)
    assert choose().embedded
    user_paths.config.write_text(text.format("cache"))
    with pytest.raises(ConfigError, match="others can read"):
        choose()
    user_paths.config.chmod(0o600)
    assert (choose().url, choose().password) == ("redis://cache:16379", "tt_x")
    assert "tt_x" not in repr(load_user(user_paths))


def test_a_choice_survives_as_what_a_node_leaves_for_its_rounds(choose):
    fields = {field.name for field in attrs.fields(Connection)}
    assert fields <= {field.name for field in attrs.fields(ServerChoice)}
    assert choose(OWN).connection.url == "redis://own:1/0"

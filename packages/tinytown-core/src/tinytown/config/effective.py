"""The settings that count: each with its value, and where that comes from. Starts nothing and connects to nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

import attrs

from tinytown.config.agent_clis import AgentCliConfig
from tinytown.config.files import read_text
from tinytown.config.keys import ENTRIES, PASSWORD, Key, holds, join_key, keys_of
from tinytown.config.paths import TownPaths, UserPaths
from tinytown.config.precedence import Layer, conductor_cli, default_cli
from tinytown.config.server_source import ServerChoice, ServerSource, choose_server
from tinytown.config.town import TownConfig, load_town, parse_toml
from tinytown.config.user import UserConfig, load_user

if TYPE_CHECKING:
    from tinytown.config.changing import SettingsFile

_SERVER_LAYERS: Mapping[str, tuple[Layer, str | None]] = {
    ServerSource.URL_VARIABLE: (Layer.ENVIRONMENT, "TINYTOWN_REDIS_URL"),
    ServerSource.REDIS_URL: (Layer.ENVIRONMENT, "REDIS_URL"),
    ServerSource.TOWN_FILE: (Layer.TOWN, None),
    ServerSource.USER_FILE: (Layer.USER, None),
    ServerSource.DEFAULT: (Layer.DEFAULT, None),
}


@attrs.frozen(kw_only=True)
class Shown:
    """A setting as people see it.

    Attributes:
        key: Its name.
        value: What counts; None for what is not set, and for a secret.
        source: Which layer it comes from.
        origin: The variable or file, where it is not the layer's own file.
        secret: Whether the value is kept back.
        is_set: Whether there is a value at all.
    """

    key: str
    value: Any
    source: Layer
    origin: str | None = None
    secret: bool = False
    is_set: bool = True


def settings_that_count(town: TownPaths | None, user: UserPaths, env: Mapping[str, str]) -> dict[str, Shown]:
    """Give every setting with where it comes from.

    Args:
        town: The town; None for what would count in a new one.
        user: The user's folder.
        env: Environment.

    Raises:
        ConfigError: A file is wrong, or one with secrets can be read by others.
    """
    config = TownConfig(name="") if town is None else load_town(town.config)
    own = load_user(user)
    raw = {} if town is None else _tables(town.config)
    found = {row.key: row for row in _plain_rows(config, raw) if town is not None or row.key != "name"}
    for name, choose, variable in (
        ("default_cli", default_cli, "TINYTOWN_DEFAULT_CLI"),
        ("conductor_cli", conductor_cli, "TINYTOWN_CONDUCTOR_CLI"),
    ):
        chosen = choose(config, own, env=env)
        origin = variable if chosen.layer is Layer.ENVIRONMENT else None
        found[name] = Shown(key=name, value=chosen.value, source=chosen.layer, origin=origin)
    for name, cli in {**own.agent_clis, **config.agent_clis}.items():
        layer = Layer.TOWN if name in config.agent_clis else Layer.USER
        found.update((row.key, row) for row in _cli_rows(name, cli, layer))
    for row in _server_rows(config, town or TownPaths(user.home), user, own, env):
        found[row.key] = row  # where no town is, none lies in the user's folder, so that nothing of one counts
    return found


def settings_of_file(file: SettingsFile) -> dict[str, Shown]:
    """Give just the settings that one file makes, as they stand there; secrets are kept back.

    Raises:
        ConfigError: The file is no TOML.
    """
    known = keys_of(file.schema)
    found: dict[str, Shown] = {}
    for parts, value in _leaves(_tables(file.path), ()):
        key = known.get(parts)
        secret = key is not None and key.secret
        shown: Any = None if secret else value
        if isinstance(value, str) and parts == ("redis", "url"):
            from tinytown.config.urls import redacted

            shown = redacted(value)
        name = join_key(parts)
        found[name] = Shown(key=name, value=shown, source=file.layer, secret=secret)
    return found


def _tables(path: Any) -> dict[str, Any]:
    return parse_toml(read_text(path) or "", str(path))


def _leaves(table: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in table.items():
        parts = (*above, name)
        if isinstance(value, dict) and value:
            yield from _leaves(cast("dict[str, Any]", value), parts)
        else:
            yield (*parts, "command") if len(parts) == 2 and above[0] in ENTRIES else parts, value  # noqa: PLR2004


def _plain_rows(config: TownConfig, raw: Mapping[str, Any]) -> Iterator[Shown]:
    for parts, key in keys_of(TownConfig).items():
        value, source = _at(config, parts, key), Layer.TOWN if holds(raw, parts) else Layer.DEFAULT
        is_set = value is not None
        yield Shown(key=key.name, value=None if key.secret else value, source=source, secret=key.secret, is_set=is_set)
    for gate in config.gates:
        yield Shown(key=join_key(("gates", gate.name, "command")), value=gate.command, source=Layer.TOWN)
        parts = ("gates", gate.name, "timeout_secs")
        source = Layer.TOWN if holds(raw, parts) else Layer.DEFAULT
        yield Shown(key=join_key(parts), value=gate.timeout_secs, source=source)


def _cli_rows(name: str, cli: AgentCliConfig, layer: Layer) -> Iterator[Shown]:
    for field in attrs.fields(AgentCliConfig):
        value = getattr(cli, field.name)
        if field.name == "argv" or (field.name != "command" and value == _default(field)):
            continue
        if field.name == "env":
            for variable, text in value.items():
                yield Shown(key=join_key(("agent_clis", name, "env", variable)), value=text, source=layer)
        else:
            yield Shown(key=join_key(("agent_clis", name, field.name)), value=value, source=layer)


def _default(field: Any) -> Any:
    return field.default.factory() if isinstance(field.default, attrs.Factory) else field.default  # pyright: ignore[reportArgumentType]


def _at(config: TownConfig, parts: tuple[str, ...], key: Key) -> Any:
    if parts[0] == "townhall" and config.townhall is None:
        return key.default
    value: Any = config
    for part in parts:
        value = getattr(value, part)
    return value


def _server_rows(
    config: TownConfig, town: TownPaths, user: UserPaths, own: UserConfig, env: Mapping[str, str]
) -> Iterator[Shown]:
    """Give the server and its password as the settings decide; what a running node still uses is for `tt status`."""
    outside = {name: value for name, value in env.items() if name != "TINYTOWN_ROUND_ID"}
    choice = choose_server(town, config, node_alive=lambda: False, env=outside, user_paths=user, user=own)
    source, origin = _SERVER_LAYERS[choice.source]
    yield Shown(key="redis.url", value=choice.url, source=source, origin=origin)
    source, origin = _password_source(choice, user, env)
    yield Shown(
        key=PASSWORD,
        value=None,
        secret=True,
        is_set=choice.password is not None,
        source=source,
        origin=origin,
    )
    for name in ("host", "port", "use_central"):  # as the Rust program calls them; they count where no town says more
        value = getattr(own.redis, name)
        if value is not None and getattr(config.redis, name, None) is None:
            yield Shown(key=f"redis.{name}", value=value, source=Layer.USER)


def _password_source(choice: ServerChoice, user: UserPaths, env: Mapping[str, str]) -> tuple[Layer, str | None]:
    if choice.password is None:
        return Layer.DEFAULT, None
    from tinytown.config.credentials import find_credential

    kept = find_credential(user, choice.url)
    if kept is not None and kept.password == choice.password:
        return Layer.USER, str(user.credentials)
    if choice.source in (ServerSource.URL_VARIABLE, ServerSource.REDIS_URL):
        return Layer.ENVIRONMENT, str(choice.source)
    if env.get("TINYTOWN_REDIS_PASSWORD") == choice.password:
        return Layer.ENVIRONMENT, "TINYTOWN_REDIS_PASSWORD"
    return _SERVER_LAYERS[choice.source]

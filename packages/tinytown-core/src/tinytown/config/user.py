"""The user's own settings for all towns, `~/.tt/config.toml`.

Annotations here are read at run time, so they must not be postponed.
"""

from collections.abc import Mapping
from typing import Any, cast

import attrs

from tinytown.config.agent_clis import AgentCliConfig, preset_name, read_agent_cli, read_agent_clis
from tinytown.config.command_line import needs_shell
from tinytown.config.files import private_dir, read_text
from tinytown.config.paths import UserPaths
from tinytown.config.schema import Place, option, read_table, read_value


def _read_cli(value: object, place: Place) -> str | None:
    text = cast("str", read_value(str, value, place)).strip()
    return (preset_name(text) or text) or None


def _read_clis(value: object, place: Place) -> Mapping[str, AgentCliConfig]:
    """Read the table; an entry that the Rust program wrote by itself yields to the adapter of that name."""
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value)
        value = {k: v for k, v in entries.items() if not (isinstance(v, str) and preset_name(v) == k)}
    return read_agent_clis(value, place)


@attrs.frozen(kw_only=True, eq=False)
class UserRedis:
    """The user's server for towns that name none.

    Attributes:
        url: Server as a URL. A password in it is used, but `credentials.toml` is the better place.
        host: Host of a server; counts when it is not this machine, see `server_source`.
        port: Its port.
        password: Its password, as the Rust program kept it.
        use_central: The Rust program's switch for its one server on this machine, which we do not use.
    """

    url: str | None = option(None, secret=True)
    host: str | None = None
    port: int | None = option(None, low=1, high=65535)
    password: str | None = option(None, secret=True)
    use_central: bool | None = None


@attrs.frozen(kw_only=True, eq=False)
class UserConfig:
    """All of `config.toml`; a missing file is an empty one."""

    default_cli: str | None = option(None, parse=_read_cli)
    conductor_cli: str | None = option(None, parse=_read_cli)
    agent_clis: Mapping[str, AgentCliConfig] = option(attrs.Factory(dict), parse=_read_clis)
    redis: UserRedis = attrs.Factory(UserRedis)


def load_user(paths: UserPaths) -> UserConfig:
    """Read the user's settings.

    Args:
        paths: The user's folder.

    Raises:
        ConfigError: The file cannot be read or holds something that it must not.
    """
    text = read_text(paths.config)
    return UserConfig() if text is None else parse_user(text, str(paths.config))


def parse_user(text: str, path: str) -> UserConfig:
    """Check the text of a `config.toml`, as `load_user` does. ``path`` is for errors alone."""
    from tinytown.config.town import parse_toml

    table = parse_toml(text, path)
    place = Place(path)
    shell = _taken_shell_commands(table)
    config = read_table(UserConfig, table, place)
    inner = place.child("agent_clis")
    extra = {name: read_agent_cli(command, inner.child(name), through_sh=True) for name, command in shell.items()}
    return attrs.evolve(config, agent_clis={**config.agent_clis, **extra}) if extra else config


def _taken_shell_commands(table: dict[str, Any]) -> dict[str, str]:
    """Take out commands of a file of the Rust program that need a shell: that program ran them all through one."""
    redis, clis = table.get("redis"), table.get("agent_clis")
    if not (isinstance(redis, dict) and "use_central" in redis and isinstance(clis, dict)):
        return {}
    entries = cast("dict[str, object]", clis)
    found = {name: entry for name, entry in entries.items() if isinstance(entry, str) and needs_shell(entry)}
    table["agent_clis"] = {name: entry for name, entry in entries.items() if name not in found}
    return found


def set_user_value(paths: UserPaths, key: str, value: object) -> None:
    """Set one key of the user's settings and keep comments and order; None takes the key out.

    Raises:
        ConfigError: The new file would be wrong; nothing was changed.
    """
    from tinytown.config.write import set_value

    private_dir(paths.home)
    set_value(paths.config, key, value, check=parse_user)

"""Which server a town uses, and why. Decides by files and environment alone: starts nothing, connects to nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

import attrs

from tinytown.config.files import check_private
from tinytown.config.paths import TownPaths, UserPaths, user_home
from tinytown.config.town import REFERENCE_SOCKET, TownConfig
from tinytown.config.urls import SplitUrl, split_url

if TYPE_CHECKING:
    # At run time each is imported where it is needed: most commands need none, and all pay for an import.
    from tinytown.config.connection import Connection
    from tinytown.config.user import UserConfig

EMBEDDED_URL = "embedded:"


class ServerSource(StrEnum):
    """Where the choice of a server came from."""

    ROUND = "the round"
    "A command inside a round: the server of the node that runs it."
    NODE = "the running node"
    URL_VARIABLE = "TINYTOWN_REDIS_URL"
    TOWN_FILE = "tinytown.toml"
    REDIS_URL = "REDIS_URL"
    "Counts only for a town that has neither a server in its file nor data of its own."
    USER_FILE = "~/.tt/config.toml"
    DEFAULT = "default"


@attrs.frozen(kw_only=True)
class ServerChoice:
    """The server of a town.

    Attributes:
        url: Without user name and password: safe to print. ``embedded:`` for the town's own.
        source: Where it came from.
        embedded: Whether it is the town's own server, which commands may start.
        username: User on the server.
        password: Its password. Never printed.
        tls_ca_cert: Absolute path of the certificates to trust, for TLS.
        tls_cert: Absolute path of the certificate to show.
        tls_key: Absolute path of its key.
        notices: Sentences that a person should see on standard error.
        ignored: Servers that were named but do not count, with the reason; for `status` and `doctor`.
    """

    url: str
    source: str
    embedded: bool = False
    username: str | None = None
    password: str | None = attrs.field(default=None, repr=False)
    tls_ca_cert: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    notices: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    @property
    def connection(self) -> Connection:
        """The same as what a node leaves for its rounds."""
        from tinytown.config.connection import Connection

        names = [field.name for field in attrs.fields(Connection)]
        return Connection(**{name: getattr(self, name) for name in names})


def describe(choice: ServerChoice) -> str:
    """Say in one line which server it is and where that came from, then what was named but does not count."""
    what = "the town's own server" if choice.embedded else choice.url
    return "; ".join((f"{what} (from {choice.source})", *choice.ignored))


def choose_server(
    paths: TownPaths,
    town: TownConfig,
    *,
    node_alive: Callable[[], bool],
    env: Mapping[str, str] | None = None,
    user_paths: UserPaths | None = None,
    user: UserConfig | None = None,
) -> ServerChoice:
    """Decide which server the town uses.

    In this order: inside a round the server of the round; a running node's server, with a notice when it is another
    than the rest says; ``TINYTOWN_REDIS_URL``; the town's file; and, for a town without data of its own,
    ``REDIS_URL`` and the user's file; else the embedded server.

    Args:
        paths: Files of the town.
        town: Settings of the town.
        node_alive: Says whether the node's lock is held. Asked only when a node has left a connection.
        env: Environment; that of the process when left out.
        user_paths: The user's folder; found by the environment when left out.
        user: The user's settings; read when needed and left out.

    Raises:
        ConfigError: A file with a server or password in it is wrong or can be read by others.
        InvalidValueError: A variable holds no URL.
    """
    env = os.environ if env is None else env
    user_paths = user_home(env) if user_paths is None else user_paths
    # A round may also name another town, whose node is not the one that runs it.
    own = os.path.realpath(env.get("TINYTOWN_TOWN") or paths.root) == os.path.realpath(paths.root)
    in_round = own and bool(env.get("TINYTOWN_ROUND_ID"))
    if os.path.lexists(paths.connection) and (in_round or node_alive()):
        from tinytown.config.connection import read_connection

        connection = read_connection(paths)
        if connection is not None:
            source = ServerSource.ROUND if in_round else ServerSource.NODE
            found = ServerChoice(source=source, **attrs.asdict(connection))
            return found if in_round else _with_notice(found, _by_settings(paths, town, env, user_paths, user))
    return _by_settings(paths, town, env, user_paths, user)


def has_embedded_data(paths: TownPaths) -> bool:
    """Say whether the town's own server has ever kept anything."""
    for folder in (paths.redis_data, paths.redis_dir):
        try:
            names = [each.name for each in folder.iterdir()]
        except OSError:
            continue
        if any(name.startswith("appendonly") or name.endswith((".rdb", ".aof")) for name in names):
            return True
    return False


def _with_notice(found: ServerChoice, wanted: ServerChoice) -> ServerChoice:
    """Add to the node's server what a person should know when the settings want another."""
    if (wanted.url, wanted.embedded) == (found.url, found.embedded):
        return attrs.evolve(found, notices=wanted.notices, ignored=wanted.ignored)
    notice = (
        f"the running node uses {describe(attrs.evolve(found, ignored=()))};"
        f" {describe(attrs.evolve(wanted, ignored=()))} counts after `tt stop`"
    )
    return attrs.evolve(found, notices=(notice,))


def _by_settings(
    paths: TownPaths, town: TownConfig, env: Mapping[str, str], user_paths: UserPaths, user: UserConfig | None
) -> ServerChoice:
    common = env.get("REDIS_URL", "").strip()
    if forced := env.get("TINYTOWN_REDIS_URL", "").strip():
        choice = _remote(ServerSource.URL_VARIABLE, split_url(forced, what="TINYTOWN_REDIS_URL"), paths, town)
    elif (choice := _of_town(paths, town)) is None and not has_embedded_data(paths):
        if common:
            return _secret(
                _remote(ServerSource.REDIS_URL, split_url(common, what="REDIS_URL"), paths, town), env, user_paths
            )
        choice = _of_user(paths, town, user_paths, user)
    if choice is None:
        choice = ServerChoice(url=EMBEDDED_URL, source=ServerSource.DEFAULT, embedded=True)
    ignored: tuple[str, ...] = ()
    if common:
        why = "TINYTOWN_REDIS_URL is set" if forced else "the town has a server of its own"
        ignored = (f"REDIS_URL does not count, because {why}",)
    return attrs.evolve(_secret(choice, env, user_paths), notices=town.notices + choice.notices, ignored=ignored)


def _of_town(paths: TownPaths, town: TownConfig) -> ServerChoice | None:
    """Read the server off the town's file, or give None when it says nothing of one."""
    redis = town.redis
    if redis.url:
        choice = _remote(ServerSource.TOWN_FILE, split_url(redis.url), paths, town)
    elif redis.use_socket:
        notices: tuple[str, ...] = ()
        if redis.socket_path not in (None, REFERENCE_SOCKET):
            text = (
                "`redis.socket_path` is not used: `use_socket = true` means the town's own server;"
                ' for a server of somebody else write `url = "unix:///PATH"`'
            )
            notices = (text,)
        return ServerChoice(url=EMBEDDED_URL, source=ServerSource.TOWN_FILE, embedded=True, notices=notices)
    elif redis.use_socket is False or redis.host or redis.port:
        host = redis.host or "127.0.0.1"
        host = f"[{host}]" if ":" in host and not host.startswith("[") else host
        url = f"{'rediss' if redis.tls_enabled else 'redis'}://{host}:{redis.port or 6379}"
        choice = _remote(ServerSource.TOWN_FILE, split_url(url), paths, town)
    elif redis.socket_path:
        url = f"unix://{paths.root / redis.socket_path}"
        choice = _remote(ServerSource.TOWN_FILE, split_url(url), paths, town)
    else:
        return None
    return attrs.evolve(choice, username=choice.username or redis.username, password=redis.password)


def _of_user(paths: TownPaths, town: TownConfig, user_paths: UserPaths, user: UserConfig | None) -> ServerChoice | None:
    """Read the server off the user's file."""
    if user is None:
        if not os.path.lexists(user_paths.config):
            return None
        from tinytown.config.user import load_user

        user = load_user(user_paths)
    parts = server_of_user(user)
    if parts is None:
        return None
    if parts.password:
        check_private(user_paths.config)
    return _remote(ServerSource.USER_FILE, parts, paths, town)


def server_of_user(user: UserConfig) -> SplitUrl | None:
    """Give the server that the user's file names, or None.

    The Rust program fills in its one server on this machine there, which nobody may be running; so a host counts
    only when it is another machine.
    """
    redis = user.redis
    if redis.url:
        return split_url(redis.url, what="`redis.url` of the user's file")
    if redis.host and not (redis.host in ("localhost", "::1") or redis.host.startswith("127.")):
        parts = split_url(f"redis://{redis.host}:{redis.port or 6379}", what="`redis.host` of the user's file")
        return attrs.evolve(parts, password=redis.password)
    return None


def _remote(source: ServerSource, parts: SplitUrl, paths: TownPaths, town: TownConfig) -> ServerChoice:
    """Make the choice of a URL. One that was written for the embedded server stays the embedded server."""
    if parts.url == EMBEDDED_URL:
        return ServerChoice(url=EMBEDDED_URL, source=source, embedded=True)

    def absolute(path: str | None) -> str | None:
        return str(paths.root / path) if path else None

    return ServerChoice(
        url=parts.url,
        source=source,
        username=parts.username,
        password=parts.password,
        tls_ca_cert=absolute(town.redis.tls_ca_cert),
        tls_cert=absolute(town.redis.tls_cert),
        tls_key=absolute(town.redis.tls_key),
    )


def _secret(choice: ServerChoice, env: Mapping[str, str], user_paths: UserPaths) -> ServerChoice:
    """Find the password: in the URL of a variable, in the environment, in the credentials, in a Rust program's file."""
    if choice.embedded or "://" not in choice.url:
        return choice
    in_file = choice.source == ServerSource.TOWN_FILE
    if choice.password and not in_file:
        return choice
    if password := env.get("TINYTOWN_REDIS_PASSWORD"):
        return attrs.evolve(choice, password=password)
    from tinytown.config.credentials import find_credential

    if known := find_credential(user_paths, choice.url):
        return attrs.evolve(choice, password=known.password, username=known.username or choice.username)
    return choice

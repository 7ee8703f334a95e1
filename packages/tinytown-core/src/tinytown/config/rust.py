"""Files of the Rust program that this one grew out of: they load, with what they meant, and a word where it differs.

Annotations here are read at run time, so they must not be postponed.
"""

from collections.abc import Mapping
from typing import Any, cast

import attrs

from tinytown.config.agent_clis import PRESETS, preset_name
from tinytown.config.command_line import needs_shell
from tinytown.config.rust_keys import RUST_KEYS, RUST_REDIS_KEYS
from tinytown.config.urls import has_secret, split_url
from tinytown.domain.names import agent_name
from tinytown.errors import InvalidValueError


@attrs.frozen(kw_only=True)
class Adapted:
    """What became of a file's tables.

    Attributes:
        table: The tables without what only the Rust program knows.
        password: Password that the file carried, or None.
        shell: Names of agent CLIs whose command needs a shell, which that program gave them.
        notices: One sentence for each thing that a person should know.
    """

    table: dict[str, Any]
    password: str | None = attrs.field(default=None, repr=False)
    shell: frozenset[str] = frozenset()
    notices: tuple[str, ...] = ()


def adapt(raw: Mapping[str, Any]) -> Adapted:
    """Translate the tables of a file that was written for the Rust program.

    Values of a wrong type are left for the ordinary check to report.
    """
    table = dict(raw)
    redis = _table(table, "redis")
    clis = _table(table, "agent_clis")
    notices: list[str] = []
    for key in RUST_KEYS:
        table.pop(key, None)
    password = _redis(table, redis, notices)
    shell = _agent_clis(table, clis, notices)
    _name(table, notices)
    return Adapted(table=table, password=password, shell=shell, notices=tuple(notices))


def _table(table: dict[str, Any], key: str) -> dict[str, Any]:
    value = table.get(key)
    return dict(cast("dict[str, Any]", value)) if isinstance(value, dict) else {}


def _redis(table: dict[str, Any], redis: dict[str, Any], notices: list[str]) -> str | None:
    if not isinstance(table.get("redis"), dict):
        return None
    for key in RUST_REDIS_KEYS:
        redis.pop(key, None)
    for key in ("tls_cert", "tls_key"):
        redis.pop(key, None)  # they were the server's own certificate, which no client sends
    password = redis.pop("password", None)
    url = redis.get("url")
    if isinstance(url, str) and has_secret(url):
        try:
            parts = split_url(url)
        except InvalidValueError:
            parts = None
        if parts is not None:
            redis["url"] = parts.url
            redis["username"] = parts.username
            password = parts.password
            if parts.username is None:
                del redis["username"]
    table["redis"] = redis
    if isinstance(password, str) and password:
        if "\0" in password:
            return None
        if redis.get("url") or redis.get("use_socket") is False:
            notices.append(
                "the town file holds the server's password, which everybody who has the file can read;"
                " move it to `~/.tt/credentials.toml` and change it"
            )
            return password
        notices.append("the town file holds a password that is not used; take it out")
    return None


def _agent_clis(table: dict[str, Any], clis: dict[str, Any], notices: list[str]) -> frozenset[str]:
    shell: set[str] = set()
    kept: dict[str, Any] = {}
    for name, entry in clis.items():
        if not isinstance(entry, dict):
            kept[name] = entry
            continue
        cli = dict(cast("dict[str, Any]", entry))
        cli.pop("name", None)
        command = cli.get("command")
        if isinstance(command, str):
            if PRESETS.get(name) == " ".join(command.split()):
                continue
            if needs_shell(command):
                shell.add(name)
                notices.append(f"`agent_clis.{name}` needs a shell and is run by `/bin/sh`; a script would be safer")
        kept[name] = cli
    if "agent_clis" in table and isinstance(table["agent_clis"], dict):
        table["agent_clis"] = kept
    for key in ("default_cli", "conductor_cli"):
        value = table.get(key)
        if isinstance(value, str) and (preset := preset_name(value)):
            table[key] = preset
    return frozenset(shell)


def _name(table: dict[str, Any], notices: list[str]) -> None:
    name = table.get("name")
    if not isinstance(name, str) or not name.strip():
        return
    try:
        agent_name(name, what="town name")
    except InvalidValueError:
        from tinytown.config.write import town_name_from

        table["name"] = town_name_from(name)
        notices.append(f"the town is called `{table['name']}` here, because `{name[:60]}` is not a name")

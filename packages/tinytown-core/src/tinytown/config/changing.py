"""Setting and unsetting one setting in the town's or the user's file. Passwords go to the credentials, never there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import attrs

from tinytown.config.credentials import find_credential, find_saved, restore_credential, save_credential
from tinytown.config.files import private_dir, read_text
from tinytown.config.keys import ENTRIES, PASSWORD, Key, find_key, holds, keys_of, split_key, unknown_key, value_of
from tinytown.config.paths import TownPaths, UserPaths
from tinytown.config.precedence import Layer
from tinytown.config.server_source import choose_server, server_of_user
from tinytown.config.town import TownConfig, load_town, parse_toml, parse_town
from tinytown.config.urls import has_secret, hosts_of, split_url
from tinytown.config.user import UserConfig, load_user, parse_user
from tinytown.config.write import set_value
from tinytown.errors import ConfigError, InvalidValueError, RefusedError

_MAY_BE_EMPTY = ("workspace", "branch_prefix")


@attrs.frozen(kw_only=True)
class SettingsFile:
    """A file that can be changed.

    Attributes:
        path: Where it lies.
        layer: Whose it is: the town's or the user's.
        schema: What it may hold.
        check: Reads its text and refuses what is wrong.
        user: The user's folder, where passwords are kept.
        town: The town, where it is the town's file.
    """

    path: Path
    layer: Layer
    schema: type[TownConfig | UserConfig]
    check: Callable[[str, str], object]
    user: UserPaths
    town: TownPaths | None = None


@attrs.frozen(kw_only=True)
class Changed:
    """What a change did.

    Attributes:
        path: File that now holds it; the credentials for a password.
        changed: Whether anything is different now.
        notices: Sentences that a person should see.
    """

    path: Path
    changed: bool
    notices: tuple[str, ...] = ()


def file_of_town(town: TownPaths, user: UserPaths) -> SettingsFile:
    """Give the town's file."""
    return SettingsFile(path=town.config, layer=Layer.TOWN, schema=TownConfig, check=parse_town, user=user, town=town)


def file_of_user(user: UserPaths) -> SettingsFile:
    """Give the user's file."""
    return SettingsFile(path=user.config, layer=Layer.USER, schema=UserConfig, check=parse_user, user=user)


def set_setting(file: SettingsFile, name: str, text: str) -> Changed:
    """Set a setting to what was typed for it.

    Args:
        file: Where to.
        name: Its dotted name.
        text: The value as it is typed, see `tinytown.config.keys.value_of`.

    Raises:
        InvalidValueError: There is no such setting, or the value is not allowed; nothing was changed.
        RefusedError: It must not be changed like this.
        ConfigError: A file cannot be read or written, or was wrong before.
    """
    key = _known(file, name)
    if key.name == PASSWORD:
        return _set_password(file, text)
    if not text.strip() and key.parts in keys_of(file.schema) and key.parts != _MAY_BE_EMPTY:
        raise InvalidValueError(
            what=f"`{key.name}`", detail="cannot be empty", hint=f"`tt config unset {key.name}` takes it out"
        )
    if key.parts == ("name",):
        _check_rename(file, text)
    if key.parts == ("redis", "url"):
        return _set_url(file, key, text)
    return Changed(path=file.path, changed=_write(file, key.parts, value_of(key, text)))


def unset_setting(file: SettingsFile, name: str) -> Changed:
    """Take a setting out of a file, so that what stands below it counts again. Once more changes nothing.

    Raises:
        InvalidValueError: There is no such setting and the file holds none of that name, or it must be there.
        ConfigError: A file cannot be read or written, or was wrong before.
    """
    parts = split_key(name)
    if find_key(file.schema, parts) is None and not _holds(file, parts):
        raise _unknown(file, name)
    changed = _write(file, parts, None)
    if ".".join(parts) != PASSWORD:
        return Changed(path=file.path, changed=changed)
    url = _server(file)
    for kept in (url, url.rstrip("/"), *hosts_of(url)):
        if find_saved(file.user, kept) is not None:
            restore_credential(file.user, kept, None)
            changed = True
    return Changed(path=file.user.credentials, changed=changed)


def _known(file: SettingsFile, name: str) -> Key:
    found = find_key(file.schema, split_key(name))
    if found is None:
        raise _unknown(file, name)
    return found


def _unknown(file: SettingsFile, name: str) -> InvalidValueError:
    here = "town" if file.layer is Layer.TOWN else "user"
    other = UserConfig if file.schema is TownConfig else TownConfig
    if find_key(other, split_key(name)) is not None:
        there, flag = ("user", "--user") if here == "town" else ("town", "--town-file")
        return InvalidValueError(
            what="setting",
            detail=f"`{name}` is one of the {there}'s file, not of the {here}'s",
            hint=f"repeat the command with `{flag}`",
        )
    return unknown_key(name, [key.name for key in keys_of(file.schema).values()])


def _holds(file: SettingsFile, parts: tuple[str, ...]) -> bool:
    return holds(parse_toml(read_text(file.path) or "", str(file.path)), parts)


def _in_long_form(tables: Mapping[str, Any], parts: tuple[str, ...], value: object) -> tuple[tuple[str, ...], object]:
    """Say where a value of an entry belongs: an entry is a bare command, or a table once there is more to say."""
    table, *rest = parts
    if table not in ENTRIES or not rest or value is None:
        return parts, value
    entries = tables.get(table)
    entry: Any = cast("dict[str, Any]", entries).get(rest[0]) if isinstance(entries, dict) else None
    place = (table, rest[0])
    if isinstance(entry, str) and len(rest) > 1:
        return (place, value) if rest[1] == "command" else (place, {"command": entry, **_nested(rest[1:], value)})
    if isinstance(entry, dict) and len(rest) == 1:
        return (*place, "command"), value
    return parts, value


def _nested(parts: list[str], value: object) -> dict[str, object]:
    first, *rest = parts
    return {first: _nested(rest, value) if rest else value}


def _write(file: SettingsFile, parts: tuple[str, ...], value: object) -> bool:
    """Write a value; what the reader refuses is told as a wrong value, unless the file was wrong before."""
    of_user = file.layer is Layer.USER
    if of_user:
        private_dir(file.path.parent)
    try:
        new = 0o600 if of_user else 0o644
        return set_value(file.path, parts, value, check=file.check, fit=_in_long_form, new=new)
    except ConfigError as error:
        file.check(read_text(file.path) or "", str(file.path))
        hint = error.hint or f"`tt config {'.'.join(parts)}` shows what counts now"
        raise InvalidValueError(what="setting", detail=error.detail, hint=hint) from None


def _check_rename(file: SettingsFile, text: str) -> None:
    """Refuse a new name for a town that has records: they are kept under the old one and would be out of sight."""
    if file.town is None or not file.town.instance.exists():
        return
    if (old := load_town(file.town.config).name) != text.lower():
        raise RefusedError(
            detail=f"the records of this town are kept under its name `{old}`, so a new name would leave them behind",
            refusal="town_named",
            hint="make a town of the new name in another folder and take the records there",
        )


def _set_url(file: SettingsFile, key: Key, text: str) -> Changed:
    """Set the server; a password in the URL is kept apart, before the URL is written, and taken back if that fails."""
    parts = split_url(text, what=f"`{key.name}`")
    if not parts.password:
        value = text.strip() if file.layer is Layer.USER else parts.url
        if file.layer is Layer.TOWN and parts.username:
            raise InvalidValueError(
                what=f"`{key.name}`",
                detail="holds a user name without a password, and this file is meant for git",
                hint="set `redis.username` apart, or give the password too; it is kept elsewhere",
            )
        return Changed(path=file.path, changed=_write(file, key.parts, value), notices=_left_behind(file))
    before = find_saved(file.user, parts.url)
    save_credential(file.user, parts.url, parts.password, parts.username)
    try:
        changed = _write(file, key.parts, parts.url)
    except BaseException:
        restore_credential(file.user, parts.url, before)
        raise
    kept = f"the password is kept in {file.user.credentials}"
    return Changed(path=file.path, changed=changed, notices=(kept, *_left_behind(file)))


def _left_behind(file: SettingsFile) -> tuple[str, ...]:
    if file.town is None or not file.town.instance.exists():
        return ()
    return ("records stay on the server where they are; a running node goes on there until `tt stop`",)


def _set_password(file: SettingsFile, text: str) -> Changed:
    """Keep the password of the server that the file names, and take an older one out of the file itself."""
    if not text or (has_secret(text) and "://" in text):
        raise InvalidValueError(
            what=f"`{PASSWORD}`", detail="is empty or a whole URL", hint="give the password alone, or set `redis.url`"
        )
    url = _server(file)
    known = find_credential(file.user, url)
    before = find_saved(file.user, url)
    user = (known.username if known else None) or (_username(file) if file.town else None)
    save_credential(file.user, url, text, user)
    try:
        _write(file, ("redis", "password"), None)
    except BaseException:
        restore_credential(file.user, url, before)
        raise
    return Changed(path=file.user.credentials, changed=True)


def _username(file: SettingsFile) -> str | None:
    return load_town(file.path).redis.username


def _server(file: SettingsFile) -> str:
    """Give the server whose password is meant, without its secrets: that of the files, whatever variables say."""
    if file.town is not None:
        choice = choose_server(file.town, load_town(file.path), node_alive=lambda: False, env={}, user_paths=file.user)
        url = None if choice.embedded or "://" not in choice.url else choice.url
    else:
        parts = server_of_user(load_user(file.user))
        url = None if parts is None else parts.url
    if url is None:
        whose = "the town has a server of its own, which needs no password" if file.town else "no server is named there"
        raise InvalidValueError(what=f"`{PASSWORD}`", detail=f"cannot be set: {whose}", hint="set `redis.url` first")
    return url

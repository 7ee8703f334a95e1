"""`tt config`: the settings that count, one of them, and changing one. Starts no server and connects to none."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tinytown.errors import InvalidValueError, NoTownError, UsageError

if TYPE_CHECKING:
    from tinytown.config.changing import Changed, SettingsFile
    from tinytown.config.effective import Shown
    from tinytown.config.paths import TownPaths

    from tinytown_cli.context import Context
    from tinytown_cli.output import Output


def config(context: Context, *, key: str | None, value: str | None, user: bool, town_file: bool) -> None:
    """Show all settings or one, or set one."""
    if key is None:
        list_settings(context, user=user, town_file=town_file)
    elif value is None:
        get(context, key=key, user=user, town_file=town_file)
    else:
        set_(context, key=key, value=value, user=user, town_file=town_file)


def list_settings(context: Context, *, user: bool, town_file: bool) -> None:
    """Show the settings that count, or those that one file makes."""
    _show_all(context, _settings(context, user=user, town_file=town_file).values())


def get(context: Context, *, key: str, user: bool, town_file: bool) -> None:
    """Show one setting, or all below a table."""
    from tinytown.config.keys import find_key, join_key, split_key, unknown_key
    from tinytown.config.town import TownConfig

    known = _settings(context, user=user, town_file=town_file)
    parts = split_key(key)
    name = join_key(parts)
    shown = known.get(name) or known.get(f"{name}.command")
    if shown is not None:
        context.out.either(lambda: {**_document(shown), "key": name}, lambda out: out.line(_plain(shown)))
        return
    below = [item for item in known.values() if item.key.startswith(f"{name}.")]
    if not below and find_key(TownConfig, parts) is None:
        raise unknown_key(key, list(known))
    if not below:
        raise InvalidValueError(what="setting", detail=f"`{name}` is not set", hint=f"`tt config {name} VALUE` sets it")
    _show_all(context, below)


def set_(context: Context, *, key: str, value: str, user: bool, town_file: bool) -> None:
    """Set one setting."""
    from tinytown.config.changing import set_setting

    from tinytown_cli.texts import read_text

    file = _file(context, user=user, town_file=town_file)
    changed = set_setting(file, key, read_text(value, what=f"`{key[:60]}`"))
    _say(context, key, changed, file, "set" if changed.changed else "set to that already", taken_out=False)


def unset(context: Context, *, key: str, user: bool, town_file: bool) -> None:
    """Take one setting out of a file."""
    from tinytown.config.changing import unset_setting

    file = _file(context, user=user, town_file=town_file)
    changed = unset_setting(file, key)
    _say(context, key, changed, file, "taken out" if changed.changed else "not set there", taken_out=True)


def _say(context: Context, key: str, changed: Changed, file: SettingsFile, what: str, *, taken_out: bool) -> None:
    """Say which file was written, and what counts now where that is something else."""
    from tinytown.config.keys import join_key, split_key

    name = join_key(split_key(key))
    document = {"key": name, "file": str(changed.path), "changed": changed.changed, "unset": taken_out}
    context.out.either(lambda: document, lambda out: out.line(f"{name}: {what} ({changed.path})"))
    for notice in changed.notices:
        context.out.note(notice)
    counts = _counting(context).get(name)
    if counts is not None and not taken_out and counts.source != file.layer:
        context.out.note(f"what counts comes from elsewhere: {_where(counts)}")


def _settings(context: Context, *, user: bool, town_file: bool) -> dict[str, Shown]:
    from tinytown.config.effective import settings_of_file

    if user or town_file:
        return settings_of_file(_file(context, user=user, town_file=town_file))
    return _counting(context)


def _counting(context: Context) -> dict[str, Shown]:
    from tinytown.config.effective import settings_that_count
    from tinytown.config.paths import user_home

    return settings_that_count(_town(context), user_home(), os.environ)


def _file(context: Context, *, user: bool, town_file: bool) -> SettingsFile:
    """Choose the file: the one that is named, else the town's, else the user's."""
    from tinytown.config.changing import file_of_town, file_of_user
    from tinytown.config.paths import user_home

    if user and town_file:
        raise UsageError(
            detail="`--user` and `--town-file` name two files", hint="give one of them, or neither for the usual file"
        )
    home = user_home()
    town = None if user else _town(context, needed=town_file)
    return file_of_user(home) if town is None else file_of_town(town, home)


def _town(context: Context, *, needed: bool = False) -> TownPaths | None:
    """Find the town; where none was named, there may be none."""
    from tinytown.config.discover import find_town
    from tinytown.config.paths import TownPaths

    try:
        return TownPaths(find_town(context.flags.town))
    except NoTownError:
        if needed or context.flags.town is not None or os.environ.get("TINYTOWN_TOWN"):
            raise
        return None


def _show_all(context: Context, settings: Iterable[Shown]) -> None:
    rows = sorted(settings, key=lambda item: item.key)

    def human(out: Output) -> None:
        out.table(("KEY", "VALUE", "FROM"), [(item.key, _plain(item), _where(item)) for item in rows])

    context.out.either(lambda: {"items": [_document(item) for item in rows], "next": None}, human)


def _document(item: Shown) -> dict[str, Any]:
    return {
        "key": item.key,
        "value": item.value,
        "set": item.is_set,
        "secret": item.secret,
        "source": str(item.source),
        "origin": item.origin,
    }


def _plain(item: Shown) -> str:
    if item.secret:
        return "(set)" if item.is_set else "(not set)"
    if item.value is None:
        return "(not set)"
    return item.value if isinstance(item.value, str) else json.dumps(item.value, ensure_ascii=False)


def _where(item: Shown) -> str:
    return f"{item.source} ({item.origin})" if item.origin else str(item.source)

"""Every setting by its dotted name: which there are in a file, of which type, and how one is typed on a command line.

The classes of the readers are the source, so a setting that can be read can be listed, set and completed.
"""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Iterator, Mapping
from typing import Any, Union, cast, get_args, get_origin

import attrs

from tinytown.config.agent_clis import AgentCliConfig
from tinytown.config.town import GateConfig, TownConfig
from tinytown.config.townhall import TownhallConfig
from tinytown.config.user import UserConfig
from tinytown.errors import InvalidValueError

ENTRIES: Mapping[str, type] = {"agent_clis": AgentCliConfig, "gates": GateConfig}
"""Tables whose keys are names that people choose, with the class of an entry."""

PASSWORD = "redis.password"  # noqa: S105 - the name of a setting
_URL = "redis.url"
_TABLES: Mapping[str, type] = {"townhall": TownhallConfig}
"""Tables that a reader loads only when they are there, so that the annotation names no class."""

_PART = re.compile(r'"([^"\\]+)"|([^."\s]+)')


@attrs.frozen
class Key:
    """A setting.

    Attributes:
        parts: Its name, split at the dots.
        annotation: Type of its value.
        default: What counts when nobody sets it.
        choices: The only texts that are allowed.
        secret: Whether its value is never shown.
    """

    parts: tuple[str, ...]
    annotation: Any = str
    default: object = None
    choices: tuple[str, ...] = ()
    secret: bool = False

    @property
    def name(self) -> str:
        """The name as it is typed."""
        return join_key(self.parts)


def join_key(parts: tuple[str, ...]) -> str:
    """Put the parts of a name together; a part with a dot in it is quoted."""
    return ".".join(part if "." not in part else f'"{part}"' for part in parts)


def split_key(name: str) -> tuple[str, ...]:
    """Split the name of a setting at its dots, but not within quotes.

    Raises:
        InvalidValueError: It is none.
    """
    parts: list[str] = []
    position = 0
    while (found := _PART.match(name, position)) is not None:
        parts.append(found[1] or found[2])
        position = found.end()
        if position == len(name) and all(part.isprintable() for part in parts):
            return tuple(parts)
        if name[position : position + 1] != ".":
            break
        position += 1
    raise InvalidValueError(
        what=f"{name[:60]!r}", detail="is not the name of a setting", hint="for example `agent.idle_timeout_secs`"
    )


def keys_of(cls: type[TownConfig | UserConfig]) -> dict[tuple[str, ...], Key]:
    """List the settings that a file may hold, apart from those below a chosen name."""
    return {key.parts: key for key in _walk(cls, ())}


def find_key(cls: type[TownConfig | UserConfig], parts: tuple[str, ...]) -> Key | None:
    """Look a setting up; entries below a chosen name are settings too, and so is the short form of an entry."""
    if len(parts) > 1 and parts[0] in ENTRIES and parts[0] in attrs.fields_dict(cast("Any", cls)):
        table, name, *rest = parts
        if not rest:
            return Key(parts)
        if (table, rest[0], len(rest)) == ("agent_clis", "env", 2):
            return Key(parts)
        return next((key for key in _walk(ENTRIES[table], (table, name)) if key.parts == parts), None)
    return keys_of(cls).get(parts)


def holds(tables: Mapping[str, Any], parts: tuple[str, ...]) -> bool:
    """Say whether the tables of a file have a key."""
    here: Any = tables
    for part in parts:
        if not isinstance(here, dict) or part not in here:
            return False
        here = cast("dict[str, Any]", here)[part]
    return True


def unknown_key(name: str, known: Iterator[str] | list[str]) -> InvalidValueError:
    """Make the error for a setting that does not exist, with the nearest one as a hint."""
    names = list(known)
    near = difflib.get_close_matches(name, names, 1) or [each for each in names if each.endswith(f".{name}")]
    return InvalidValueError(
        what="setting",
        detail=f"{name[:60]!r} is not known",
        hint=f"did you mean `{near[0]}`?" if near else "`tt config` lists the settings",
    )


def value_of(key: Key, text: str) -> object:
    """Read a value as it is typed for a setting.

    Args:
        key: The setting.
        text: The word. A list is written as in TOML, or with commas.

    Raises:
        InvalidValueError: It is not of the setting's type. Whether it is allowed is for the file's reader to say.
    """
    kind = _plain(key.annotation)
    if kind is str:
        return text
    if kind is bool:
        if text not in ("true", "false"):
            raise _wrong(key, "`true` or `false`")
        return text == "true"
    if get_origin(kind) is tuple:
        return _toml(key, text, list) if text.startswith("[") else [part.strip() for part in text.split(",") if part]
    if get_origin(kind) is Mapping:
        return _toml(key, text, dict)
    if not re.fullmatch(r"[+-]?[0-9][0-9_]{0,30}", text):
        if kind is float and re.fullmatch(r"[+-]?[0-9]{1,15}\.[0-9]{1,15}", text):
            return float(text)
        raise _wrong(key, "a number, as in `2.5`" if kind is float else "a whole number, as in `30`")
    return int(text)


def _toml(key: Key, text: str, kind: type) -> object:
    import tomli

    try:
        value = tomli.loads(f"v = {text}")
    except (ValueError, RecursionError):
        value = {}
    if list(value) != ["v"] or not isinstance(value["v"], kind):
        raise _wrong(key, 'a list, as in `["a", "b"]`' if kind is list else 'a table, as in `{ A = "x" }`')
    return value["v"]


def _wrong(key: Key, form: str) -> InvalidValueError:
    return InvalidValueError(what=f"`{key.name}`", detail=f"must be {form}", hint="see `tt config` for what counts now")


def _walk(cls: type, above: tuple[str, ...]) -> Iterator[Key]:
    for field in attrs.fields(cast("Any", cls)):
        parts = (*above, field.name)
        if field.metadata.get("internal") or (not above and field.name in ENTRIES):
            continue
        inner = _TABLES.get(field.name) if not above else None
        inner = inner or (field.type if attrs.has(field.type) else None)
        if inner is not None:
            yield from _walk(inner, parts)
            continue
        default = field.default.factory() if isinstance(field.default, attrs.Factory) else field.default  # pyright: ignore[reportArgumentType]
        yield Key(
            parts,
            field.type,
            None if default is attrs.NOTHING else default,
            cast("tuple[str, ...]", field.metadata.get("choices") or ()),
            field.repr is False and ".".join(parts) != _URL,
        )


def _plain(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, types.UnionType):
        return next(each for each in get_args(annotation) if each is not type(None))
    return annotation

"""Turn a table of a TOML file into an attrs object, with errors that a person can act on.

A class is its own schema: field names are keys, annotations are types, and the metadata of a field holds bounds. This
is on the start-up path of every command, so it stays small and imports nothing that costs time.
The classes it reads must not be in a module with postponed annotations.
"""

import math
import types
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, Union, cast, get_args, get_origin

import attrs

from tinytown.errors import ConfigError

T = TypeVar("T")

MAX_INT = 2**53


@attrs.frozen
class Place:
    """Where in a file something stands: for errors.

    Attributes:
        path: File as shown to people.
        key: Dotted path of the key, empty for the whole file.
    """

    path: str
    key: str = ""

    def child(self, key: str) -> "Place":
        """Give the place of a key of this table."""
        shown = key if key.isidentifier() or key.replace("-", "_").isidentifier() else repr(key[:60])
        return Place(self.path, f"{self.key}.{shown}" if self.key else shown)

    def error(self, detail: str, hint: str | None = None) -> ConfigError:
        """Make the error of this place. It never shows a value, which could be a secret."""
        return ConfigError(path=self.path, detail=f"`{self.key}` {detail}" if self.key else detail, hint=hint)


def option(
    default: Any = attrs.NOTHING,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    parse: Callable[[Any, Place], Any] | None = None,
    secret: bool = False,
) -> Any:
    """Declare a key.

    Args:
        default: Its value when left out; without one it is required.
        low: Smallest number allowed.
        high: Largest number allowed.
        choices: The only texts allowed.
        parse: Reads the value itself, instead of by its type.
        secret: Whether to keep it out of every printed form.
    """
    metadata = {"low": low, "high": high, "choices": choices, "parse": parse}
    return attrs.field(default=default, metadata=metadata, repr=not secret)


def internal(default: Any) -> Any:
    """Declare a field that is no key: it is worked out, not written."""
    return attrs.field(default=default, metadata={"internal": True})


def read_table(cls: type[T], table: object, place: Place) -> T:
    """Check a table and make the object of it.

    Args:
        cls: attrs class that says which keys there are.
        table: What the TOML reader gave.
        place: Where the table stands.

    Raises:
        ConfigError: An unknown key, with the nearest known one as a hint; a missing key; a value of a wrong type.
    """
    if not isinstance(table, dict):
        raise place.error(f"must be a table, not {kind(table)}", f"write `[{place.key}]` and its keys below it")
    items = cast("dict[str, Any]", table)
    known = {field.name: field for field in attrs.fields(cast("Any", cls)) if not field.metadata.get("internal")}
    values: dict[str, Any] = {}
    for key, value in items.items():
        field = known.get(key)
        if field is None:
            raise unknown(key, known, place)
        values[key] = _read(field, value, place.child(key))
    for key, field in known.items():
        if key not in values and field.default is attrs.NOTHING:
            raise place.error(f"has no `{key}`" if place.key else f"`{key}` is missing", f"add a line `{key} = …`")
    return cls(**values)


def unknown(key: str, known: Mapping[str, object], place: Place) -> ConfigError:
    """Make the error for a key that does not exist, with the nearest one that does."""
    import difflib

    near = difflib.get_close_matches(key, list(known), n=1, cutoff=0.6)
    hint = f"did you mean `{place.child(near[0]).key}`?" if near else f"known keys: {', '.join(known)}"
    return place.child(key).error("is not a key of this file", hint)


def read_value(annotation: Any, value: object, place: Place) -> Any:
    """Check one value against an annotation: text, number, truth, table, list of texts, or one of these or nothing."""
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = next(each for each in get_args(annotation) if each is not type(None))
    if attrs.has(annotation):
        return read_table(annotation, value, place)
    if get_origin(annotation) is tuple:
        if not isinstance(value, list):
            raise place.error(f"must be a list of texts, not {kind(value)}", 'for example `["a", "b"]`')
        return tuple(read_value(str, each, place) for each in cast("list[object]", value))
    if get_origin(annotation) is Mapping:
        if not isinstance(value, dict):
            raise place.error(f"must be a table, not {kind(value)}", 'for example `{ KEY = "value" }`')
        return {name: read_value(str, each, place.child(name)) for name, each in cast("dict[str, Any]", value).items()}
    if annotation is float and type(value) is int:
        value = float(value) if abs(value) < MAX_INT else value
    if type(value) is not annotation:  # `true` is no number, though it is an int to Python
        raise place.error(f"must be {_WORDS[annotation]}, not {kind(value)}", _EXAMPLES[annotation])
    if isinstance(value, str) and "\0" in value:
        raise place.error("holds a NUL character", "take it out")
    return value


def _read(field: Any, value: object, place: Place) -> Any:
    metadata = cast("Mapping[str, Any]", field.metadata)
    if parse := metadata.get("parse"):
        return parse(value, place)
    result = read_value(field.type, value, place)
    choices = cast("tuple[str, ...]", metadata.get("choices") or ())
    if choices and result not in choices:
        raise place.error(f"must be one of {', '.join(f'`{each}`' for each in choices)}")
    if isinstance(result, (int, float)) and not isinstance(result, bool):
        low, high = metadata.get("low"), metadata.get("high")
        low = 0 if low is None else low
        high = MAX_INT if high is None else high
        if math.isnan(result) or not low <= result <= high:
            raise place.error(f"must be from {low} to {high}")
    return result


def kind(value: object) -> str:
    """Name the type of a TOML value in words."""
    return _WORDS.get(type(value), "a date or time")


_WORDS: Mapping[type, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "a table",
}
_EXAMPLES: Mapping[type, str] = {
    str: "put it in quotes",
    bool: "write `true` or `false`, without quotes",
    int: "write digits without quotes",
    float: "write digits without quotes",
}

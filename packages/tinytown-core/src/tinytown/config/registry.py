"""The towns of this machine, `~/.tt/towns.toml`: a convenience for `tt towns`, never a truth about a town.

Annotations here are read at run time, so they must not be postponed.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import attrs

from tinytown.config.files import locked, private_dir, read_text, write_private
from tinytown.config.paths import UserPaths
from tinytown.config.schema import Place, read_table
from tinytown.crash import point
from tinytown.errors import ConfigError, InvalidValueError


@attrs.frozen
class RegisteredTown:
    """One entry: where the town lies and what it was called when it was last registered."""

    path: str
    name: str = ""


def registered_towns(paths: UserPaths) -> tuple[RegisteredTown, ...]:
    """List the towns of this machine in the order of their making.

    Raises:
        ConfigError: The file cannot be read; it is left as it is.
    """
    text = read_text(paths.registry)
    return () if text is None else _parse(text, str(paths.registry))


def register_town(paths: UserPaths, root: Path, name: str) -> None:
    """Add a town, or note its new name. Commands that do so at once all succeed.

    Args:
        paths: The user's folder, made when missing.
        root: Folder of the town.
        name: Name of the town.

    Raises:
        ConfigError: The file cannot be read or written; one that cannot be read is never overwritten.
        InvalidValueError: The path cannot be written as text.
    """
    real = os.path.realpath(root)
    if not real.isprintable():
        raise InvalidValueError(what="folder", detail=f"{real[:80]!r} cannot be kept as text", hint="rename it")

    def change(towns: Any, toml: Any) -> bool:
        for entry in towns:
            if entry.get("path") == real:
                if entry.get("name") == name:
                    return False
                entry["name"] = name
                return True
        entry = toml.table() if isinstance(towns, toml.items.AoT) else toml.inline_table()
        entry["path"], entry["name"] = real, name
        towns.append(entry)
        return True

    _change(paths, change)


def forget_town(paths: UserPaths, root: Path | str) -> bool:
    """Take a town off the list; nothing of the town itself is touched.

    Returns:
        Whether it was there.
    """
    names = {str(root), os.path.realpath(root)}
    found = False

    def change(towns: Any, _toml: Any) -> bool:
        nonlocal found
        for index in reversed(range(len(towns))):
            if towns[index].get("path") in names:
                del towns[index]
                found = True
        return found

    _change(paths, change)
    return found


def _change(paths: UserPaths, change: Callable[[Any, Any], bool]) -> None:
    import tomlkit

    from tinytown.config.write import parse_document

    private_dir(paths.home)
    with locked(paths.home):
        text = read_text(paths.registry) or ""
        _parse(text, str(paths.registry))
        document = cast("Any", parse_document(text, str(paths.registry)))
        if not document.get("towns"):
            document["towns"] = tomlkit.aot()
        if change(document["towns"], tomlkit):
            changed = tomlkit.dumps(document)
            _parse(changed, str(paths.registry))  # what would not load again is never written
            write_private(paths.registry, changed.encode())
            point("verb.list_written")


def _parse(text: str, path: str) -> tuple[RegisteredTown, ...]:
    from tinytown.config.town import parse_toml

    table = parse_toml(text, path)
    towns = table.get("towns", [])
    if not isinstance(towns, list):
        raise ConfigError(path=path, detail="`towns` must be a list of tables", hint="write `[[towns]]`")
    place = Place(path, "towns")
    return tuple(read_table(RegisteredTown, entry, place) for entry in cast("list[object]", towns))

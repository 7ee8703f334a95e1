"""The settings of a town as `section.key` pairs, for `tt config`. Starts nothing and connects to nothing."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, cast

import attrs
from tinytown.errors import InvalidValueError

_HIDDEN = frozenset({"password", "notices", "rust"})


def flat_settings(town: str | None) -> dict[str, Any]:
    """Read the settings that count for a town, defaults included and secrets left out.

    Args:
        town: What ``--town`` said.

    Raises:
        TinytownError: There is no town, or its file is wrong.
    """
    from tinytown.config.discover import find_town
    from tinytown.config.paths import TownPaths
    from tinytown.config.town import load_town

    found: dict[str, Any] = {}
    _flatten("", attrs.asdict(load_town(TownPaths(find_town(town)).config)), found)
    return found


def one_setting(settings: Mapping[str, Any], key: str) -> Any:
    """Give one setting, or all below a section.

    Raises:
        InvalidValueError: There is none of that name.
    """
    if key in settings:
        return settings[key]
    below = {name: value for name, value in settings.items() if name.startswith(f"{key}.")}
    if below:
        return below
    near = difflib.get_close_matches(key, list(settings), 1)
    raise InvalidValueError(
        what="setting",
        detail=f"{key[:60]!r} is not known",
        hint=f"did you mean `{near[0]}`?" if near else "`tt config` lists the settings",
    )


def _flatten(prefix: str, value: Any, found: dict[str, Any]) -> None:
    if isinstance(value, Mapping) and value:
        for name, item in cast("Mapping[str, Any]", value).items():
            if name not in _HIDDEN:
                _flatten(f"{prefix}.{name}" if prefix else name, item, found)
    elif prefix:
        found[prefix] = value

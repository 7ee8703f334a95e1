"""Values for completion: settings, agent CLIs, and what a server that runs already knows. Mistakes give nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress

from tinytown.config.paths import TownPaths, user_home
from tinytown.errors import NoTownError, TinytownError

Pair = tuple[str, str]
_CLIS = ("default_cli", "conductor_cli", "fallback_clis")


def _paths(town: str | None) -> TownPaths | None:
    from tinytown.config.discover import find_town

    try:
        return TownPaths(find_town(town))
    except NoTownError:
        return None


def keys(town: str | None) -> Iterable[Pair]:
    """List settings with what counts now."""
    from tinytown.config.effective import settings_that_count

    found: dict[str, str] = {}
    with suppress(TinytownError):
        for name, item in settings_that_count(_paths(town), user_home(), os.environ).items():
            found[name.removesuffix(".command")] = "" if item.secret or item.value is None else str(item.value)
    return found.items()


def values_of(town: str | None, key: str) -> Iterable[Pair]:
    """List what may be set for a setting, where there is a choice."""
    from tinytown.config.keys import find_key, split_key
    from tinytown.config.town import TownConfig
    from tinytown.config.user import UserConfig

    with suppress(TinytownError):
        parts = split_key(key)
        if key in _CLIS:
            return agent_clis(town)
        if key == "scheduler":
            from tinytown.plugins.installed import installed

            return [(plugin.name, "") for plugin in installed("schedulers")]
        found = find_key(TownConfig, parts) or find_key(UserConfig, parts)
        if found is not None and found.choices:
            return [(word, "") for word in found.choices]
        if found is not None and "bool" in str(found.annotation):
            return [("true", ""), ("false", "")]
    return []


def adapters() -> Iterable[Pair]:
    """List the installed adapters."""
    from tinytown.plugins.installed import installed

    return [(plugin.name, " ".join(plugin.distribution)) for plugin in installed("adapters")]


def agent_clis(town: str | None) -> Iterable[Pair]:
    """List the installed adapters and the user's own command lines."""
    from tinytown.config.town import load_town
    from tinytown.config.user import load_user

    found = dict(adapters())
    with suppress(TinytownError):
        found |= {name: cli.command for name, cli in load_user(user_home()).agent_clis.items()}
        paths = _paths(town)
        if paths is not None:
            found |= {name: cli.command for name, cli in load_town(paths.config).agent_clis.items()}
    return [(name, about) for name, about in found.items() if name != "command"]


def agents(town: str | None) -> Iterable[Pair]:
    """List the agents, if the server runs."""
    from tinytown.services.glimpse import glimpse

    return [(agent.name, agent.role) for agent in glimpse(_safe(town)).agents]


def tasks(town: str | None) -> Iterable[Pair]:
    """List the open tasks, if the server runs."""
    from tinytown.services.glimpse import glimpse

    found = glimpse(_safe(town)).tasks
    return [(task.id, f"{task.state}: {' '.join(task.description.split())[:60]}") for task in found]


def _safe(town: str | None) -> TownPaths | None:
    try:
        return _paths(town)
    except TinytownError:
        return None

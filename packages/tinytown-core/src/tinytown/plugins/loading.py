"""Load one plugin by its name and prove that it fits the hooks of its kind.

Built-in names are looked up in a table of strings, so the metadata of installed distributions is read only for other
names, and no other plugin is imported. Each load gets a manager of its own: there is no global state.

Source: hatch's manager, which asks entry points only on a miss, and pluggy's loading of one named entry point.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import pluggy

from tinytown.errors import PluginBrokenError, PluginNotFoundError
from tinytown.hookspecs.markers import PROJECT
from tinytown.plugins.installed import distribution_of, entry_points_of, installed
from tinytown.plugins.kinds import PluginKind, kind_named


def load(kind: str, name: str) -> pluggy.PluginManager:
    """Load a plugin.

    Args:
        kind: Plural name of the kind, for example ``adapters``.
        name: Name of the plugin.

    Returns:
        A manager in which this plugin alone is registered.

    Raises:
        PluginNotFoundError: Nothing provides the name (code ``plugin_not_found``).
        PluginBrokenError: It cannot be imported, provides no fitting hooks, or two distributions claim the name
            (code ``plugin_broken``).
    """
    what = kind_named(kind)
    plugin = _import(what, name)
    specs = importlib.import_module(what.specs)
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(specs)
    _refuse_unmarked(what, name, plugin, specs)
    try:
        manager.register(plugin, name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise _broken(what, name, str(error)) from error
    for hook in what.required:
        if not getattr(manager.hook, hook).get_hookimpls():
            raise _broken(what, name, f"it does not implement `{hook}`, which every {what.singular} needs")
    return manager


def _import(what: PluginKind, name: str) -> Any:
    if module := what.built_in.get(name):
        return importlib.import_module(module)
    points = entry_points_of(what.group, name)
    if not points:
        raise PluginNotFoundError(kind=what.singular, name=name, hint=_how_to_get(what, name))
    if len(points) > 1:
        claims = " and ".join(f"`{distribution_of(point)}`" for point in points)
        raise _broken(what, name, f"it is provided by {claims}", hint="uninstall all but one of them")
    try:
        return points[0].load()
    except Exception as error:
        origin = distribution_of(points[0])
        raise _broken(
            what,
            name,
            f"`{points[0].value}` cannot be imported: {type(error).__name__}: {error}",
            hint=f"install `{origin}` again, or report it to its authors",
        ) from error


def _how_to_get(what: PluginKind, name: str) -> str:
    if command := what.elsewhere.get(name):
        return f"install it with `{command}`"
    names = ", ".join(f"`{plugin.name}`" for plugin in installed(what.name))
    return f"installed are {names}; others come as distributions with an entry point in `{what.group}`"


def _refuse_unmarked(what: PluginKind, name: str, plugin: Any, specs: ModuleType) -> None:
    """A function with a hook's name that lacks the marker would be passed over in silence."""
    for hook in vars(specs):
        function = getattr(plugin, hook, None) if hook.startswith("tinytown_") else None
        if callable(function) and not hasattr(function, f"{PROJECT}_impl"):
            raise _broken(what, name, f"`{hook}` lacks the decorator `@tinytown.hookimpl`")


def _broken(what: PluginKind, name: str, detail: str, hint: str | None = None) -> PluginBrokenError:
    return PluginBrokenError(
        kind=what.singular,
        name=name,
        detail=" ".join(detail.split()),
        hint=hint
        or f"see the page of {what.singular} hooks in the documentation, or report it to the plugin's authors",
    )

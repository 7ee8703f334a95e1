"""List what is installed without importing any of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

from tinytown.plugins.kinds import kind_named

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


@attrs.frozen(kw_only=True)
class InstalledPlugin:
    """A plugin that could be loaded by its name.

    Attributes:
        name: The name.
        module: Module that would be imported.
        distribution: Distributions that provide it; more than one makes the name unusable.
        version: Their versions, in the same order.
        built_in: Whether core brings it along.
        shadowed: Whether a built-in plugin of the same name goes first, so that this one is never loaded.
    """

    name: str
    module: str
    distribution: tuple[str, ...]
    version: tuple[str, ...]
    built_in: bool = False
    shadowed: bool = False


def entry_points_of(group: str, name: str | None = None) -> list[EntryPoint]:
    """Give the entry points of a group, or those of one name in it, sorted by name and distribution."""
    from importlib.metadata import entry_points  # built-in names never need it, and it is slow to import

    found: Iterable[EntryPoint] = entry_points(group=group) if name is None else entry_points(group=group, name=name)
    return sorted(found, key=lambda point: (point.name, distribution_of(point)))


def distribution_of(point: EntryPoint) -> str:
    """Give the name of the distribution that an entry point comes from."""
    return point.dist.name if point.dist is not None else "?"


def installed(kind: str) -> tuple[InstalledPlugin, ...]:
    """List the plugins of a kind, built-in ones first.

    Args:
        kind: Plural name of the kind, for example ``adapters``.

    Returns:
        One entry per name and origin. Nothing was imported to make the list.
    """
    what = kind_named(kind)
    from tinytown._version import __version__

    found = [
        InstalledPlugin(
            name=name, module=module, distribution=("tinytown-core",), version=(__version__,), built_in=True
        )
        for name, module in what.built_in.items()
    ]
    by_name: dict[str, list[EntryPoint]] = {}
    for point in entry_points_of(what.group):
        by_name.setdefault(point.name, []).append(point)
    for name, points in by_name.items():
        found.append(
            InstalledPlugin(
                name=name,
                module=points[0].value,
                distribution=tuple(distribution_of(point) for point in points),
                version=tuple(point.dist.version if point.dist is not None else "?" for point in points),
                shadowed=name in what.built_in,
            )
        )
    return tuple(found)

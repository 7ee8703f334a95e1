"""The kinds of plugin: entry-point group, hooks, and the names that are built in, as strings that nothing imports."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from tinytown.errors import UsageError


@attrs.frozen(kw_only=True)
class PluginKind:
    """One kind of plugin.

    Attributes:
        name: Plural name, the last word of the entry-point group.
        singular: How errors call one of it.
        specs: Module that holds its hooks.
        required: Hooks without which a plugin of this kind is of no use.
        built_in: Name to module of what core brings along.
        elsewhere: Name to the command that installs it, for plugins of ours that are distributions of their own.
    """

    name: str
    singular: str
    specs: str
    required: tuple[str, ...]
    built_in: Mapping[str, str]
    elsewhere: Mapping[str, str] = {}

    @property
    def group(self) -> str:
        """The entry-point group."""
        return f"tinytown.{self.name}"


KINDS: Mapping[str, PluginKind] = {
    kind.name: kind
    for kind in (
        PluginKind(
            name="adapters",
            singular="adapter",
            specs="tinytown.hookspecs.adapters",
            required=("tinytown_adapter_info", "tinytown_round_command"),
            built_in={"command": "tinytown.adapters.command", "script": "tinytown.adapters.script"},
            elsewhere={
                name: f'pip install "tinytown[{name}]"'
                for name in ("claude", "codex", "gemini", "aider", "auggie", "copilot", "cursor")
            },
        ),
        PluginKind(
            name="schedulers",
            singular="scheduler",
            specs="tinytown.hookspecs.schedulers",
            required=("tinytown_schedule",),
            built_in={"roles": "tinytown.schedulers.roles", "fifo": "tinytown.schedulers.fifo"},
        ),
        PluginKind(
            name="storages",
            singular="storage",
            specs="tinytown.hookspecs.storages",
            required=("tinytown_storage_open",),
            built_in={"redis": "tinytown.storage.redis.hooks", "memory": "tinytown.storage.memory.hooks"},
        ),
    )
}
"""Every kind by its plural name."""


def kind_named(name: str) -> PluginKind:
    """Give the kind of a plural name, for example ``adapters``.

    Raises:
        UsageError: There is no such kind.
    """
    if name not in KINDS:
        known = ", ".join(f"`{kind}`" for kind in KINDS)
        raise UsageError(detail=f"there is no kind of plugin called `{name}`", hint=f"the kinds are {known}")
    return KINDS[name]

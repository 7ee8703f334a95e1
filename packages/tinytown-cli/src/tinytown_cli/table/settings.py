"""Commands about settings and about the towns of this machine."""

from __future__ import annotations

from tinytown_cli.table.model import Command, Param

_GROUP = "Town"
_USER = Param("user", "The user's file, for all towns", kind="bool")
_TOWN_FILE = Param("town_file", "The town's file", kind="bool")
_FILES = (_USER, _TOWN_FILE)


def _key(*, required: bool = True) -> Param:
    return Param("key", "Setting, with dots between its parts", positional=True, required=required)


def _value(*, required: bool = True) -> Param:
    return Param("value", "What to set; `-` reads it, as a password", positional=True, required=required, text=True)


COMMANDS: tuple[Command, ...] = (
    Command(
        ("config",),
        "settings:config",
        _GROUP,
        "Show the settings that count, or one, or set one",
        ("tt config", "tt config agent.round_timeout_secs 7200"),
        (_key(required=False), _value(required=False), *_FILES),
    ),
    Command(
        ("config", "list"),
        "settings:list_settings",
        _GROUP,
        "List the settings, or just those of one file",
        ("tt config list", "tt config list --user"),
        _FILES,
        aliases=("ls",),
    ),
    Command(
        ("config", "get"),
        "settings:get",
        _GROUP,
        "Show one setting, its bare value alone",
        ("tt config get default_cli", "tt config get gates.test"),
        (_key(), *_FILES),
    ),
    Command(
        ("config", "set"),
        "settings:set_",
        _GROUP,
        "Set one, in the town's file or the user's",
        ("tt config set max_agents 4", "tt config set default_cli codex --user"),
        (_key(), _value(), *_FILES),
    ),
    Command(
        ("config", "unset"),
        "settings:unset",
        _GROUP,
        "Take one out of a file",
        ("tt config unset max_agents", "tt config unset default_cli --user"),
        (_key(), *_FILES),
    ),
    Command(
        ("towns",),
        "towns:towns",
        _GROUP,
        "List the towns of this machine; starts none",
        ("tt towns", "tt towns --prune --dry-run"),
        (
            Param("forget", "Take the town of this folder off the list; the town itself stays"),
            Param("prune", "Take towns off the list whose folder or file is gone", kind="bool"),
            Param("dry_run", "Only say what would be taken off", kind="bool"),
            Param("force", "Do not ask", kind="bool"),
        ),
    ),
)

"""What to do next, for errors that came without a hint: the command line knows the command that shows more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tinytown.errors import TinytownError

_LISTS: Mapping[str, str] = {
    "agent": "`tt list` shows the agents",
    "task": "`tt task list` shows the tasks",
    "message": "`tt inbox` shows mail with its ids",
    "attention": "`tt attention list` shows the items",
    "node": "`tt nodes` shows the nodes",
}
_BY_CODE: Mapping[str, str] = {
    "wrong_state": "`tt why {id}` says how it stands, `tt trace {id}` how that came to be",
    "not_found": "`tt list`, `tt task list` and `tt events` show ids that can be typed back",
    "storage_unavailable": "`tt doctor` looks at the server and names a remedy",
    "storage_refused": "`tt doctor` looks at the server and names a remedy",
    "server_start": "`tt doctor` looks at the server program and names a remedy",
    "node_start": "`tt logs` shows the log of the node, `tt doctor` what it needs",
    "ended_badly": "`tt why` and `tt trace` say what happened, `tt logs` shows the output",
    "agent_cli": "`tt adapters doctor` checks the agent CLIs",
    "plugin_not_found": "`tt adapters list` shows the installed ones",
    "plugin_broken": "`tt adapters list` shows what is installed and from where",
    "config": "correct the file, then run `tt doctor`",
}
_ELSE = "`tt doctor` checks the town, `tt why` says what something waits for"


def hint_for(error: TinytownError) -> str:
    """Give the hint of an error, its own where it has one."""
    if error.hint:
        return error.hint
    if error.code == "not_found" and (found := _LISTS.get(getattr(error, "kind", ""))):
        return found
    return _BY_CODE.get(error.code, _ELSE).format(id=getattr(error, "id", ""))

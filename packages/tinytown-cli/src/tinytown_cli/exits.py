"""Exit codes: the one table from codes of errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

DONE: Final = 0
REFUSED: Final = 1
USAGE: Final = 2
UNREACHABLE: Final = 3
RAN_OUT: Final = 4
AGENT_CLI: Final = 5
INTERRUPTED: Final = 130

EXITS: Mapping[str, int] = {
    "agent_cli": AGENT_CLI,
    "ambiguous": REFUSED,
    "config": REFUSED,
    "ended_badly": REFUSED,
    "error": REFUSED,
    "events_trimmed": REFUSED,
    "invalid_value": USAGE,
    "launch": REFUSED,
    "name_taken": REFUSED,
    "needs_attention": REFUSED,
    "no_town": REFUSED,
    "node_start": REFUSED,
    "not_found": REFUSED,
    "outcome_unknown": UNREACHABLE,
    "plan_conflict": REFUSED,
    "plugin_broken": REFUSED,
    "plugin_not_found": REFUSED,
    "refused": REFUSED,
    "save_file": REFUSED,
    "server_start": UNREACHABLE,
    "stale_node": REFUSED,
    "stale_round": REFUSED,
    "storage_corrupt": REFUSED,
    "storage_refused": UNREACHABLE,
    "storage_unavailable": UNREACHABLE,
    "town_conflict": REFUSED,
    "town_unfinished": REFUSED,
    "unknown_cause": REFUSED,
    "usage": USAGE,
    "wait_timeout": RAN_OUT,
    "wrong_state": REFUSED,
}
"""Code of an error to exit code; a test holds it against every class of `tinytown.errors`."""


def exit_code(code: str) -> int:
    """Give the exit code of an error; one that a plugin brought along counts as a refusal."""
    return EXITS.get(code, REFUSED)

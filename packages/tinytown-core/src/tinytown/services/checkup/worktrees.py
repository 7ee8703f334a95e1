"""Worktrees: whose agents are gone, and what lies in the trash. Nothing is removed here: `tt prune` does that."""

from __future__ import annotations

from collections.abc import Iterator

from tinytown.errors import NotFoundError
from tinytown.node.workspaces.note import notes
from tinytown.node.workspaces.trash import Stage, trashed
from tinytown.services.checkup.model import Place, Row, ok, warn
from tinytown.storage.calls import town

_CHECK = "worktrees"


def worktrees(place: Place) -> Iterator[Row]:
    """Look for worktrees that nobody works in any more."""
    rows = 0
    for note in notes(place.paths):
        if note.agent_id and _is_gone(place, note.agent_id):
            rows += 1
            text = f"{place.paths.workspace(note.agent)} is the worktree of an agent that is gone"
            yield warn(_CHECK, text, "tt prune --dry-run")
    lying = [entry for entry in trashed(place.paths) if entry.stage is not Stage.DELETED]
    if lying:
        rows += 1
        names = ", ".join(f"`{entry.name}`" for entry in lying[:5])
        more = f" and {len(lying) - 5} more" if len(lying) > 5 else ""  # noqa: PLR2004
        text = f"{len(lying)} worktrees lie in {place.paths.trash}: {names}{more}"
        yield warn(_CHECK, text, "tt prune --dry-run says why; tt prune --undo brings one back")
    if not rows:
        yield ok(_CHECK, "no worktree was left behind")


def _is_gone(place: Place, agent_id: str) -> bool:
    """Say whether the server answers that an agent is off the books; no answer proves nothing."""
    storage = place.server.storage
    if storage is None:
        return False
    try:
        shown = storage.run(town.show(agent_id, "agent"))
    except NotFoundError:
        return True
    return getattr(shown.record, "state", None) == "removed"

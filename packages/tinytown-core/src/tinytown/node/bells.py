"""What the node learns from a bell alone, without a question to the server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tinytown.node.work_round import WorkRound
from tinytown.storage.protocol import Entry

BELLS_KEPT = 16
"""The server keeps about so many bells of a node; of more than these some may be gone."""


def heard(bells: Sequence[Entry], works: Mapping[str, WorkRound], grace_secs: float) -> bool:
    """Note what live rounds have said of their tasks, and give each of them some time to end by itself.

    Args:
        bells: Entries of the node's bell.
        works: The work rounds that go on, by id.
        grace_secs: How long a round that has spoken may go on.

    Returns:
        Whether that was all that the bells rang for; otherwise the node asks what there is to do.
    """
    known = len(bells) < BELLS_KEPT
    for _, fields in bells:
        work = works.get(fields.get("said", ""))
        if work is None or work.followed is None:
            known = False
            continue
        work.said = fields["verb"]
        work.followed.end_after(grace_secs, "verdict")
    return known

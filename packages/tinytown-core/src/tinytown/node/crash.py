"""Named places where a fault test may kill the process: between any two durable steps.

Standard library only, since the launcher and its shims import it. In ordinary life :func:`point` is one look into
the environment. With ``TINYTOWN_CRASH_AT=name`` (or ``name:3`` for the third passing) the process kills itself there
with SIGKILL, as a power cut or the kernel's memory killer would. ``TINYTOWN_CRASH_ONCE=FILE`` lets that happen one
time: the file is created first, and whoever finds it goes on.
"""

from __future__ import annotations

import os
import signal
from typing import Final

CRASH_AT: Final = "TINYTOWN_CRASH_AT"
CRASH_ONCE: Final = "TINYTOWN_CRASH_ONCE"

POINTS: Final[dict[str, str]] = {
    "launcher.received": "the launcher has read a line and done nothing yet",
    "launcher.locked": "the launcher holds the round's lock and its life line, and has not forked",
    "launcher.handed": "a shim has the round, the node has no answer",
    "launcher.answered": "the node has its answer, there is no spare shim",
    "spare.forked": "a spare shim runs for a round to come",
    "spare.gated": "the process of its CLI waits behind the gate",
    "shim.handed": "the shim has its round and has claimed nothing",
    "shim.claim_written": "the claim is written under a name of its own, not linked",
    "shim.claimed": "the round is claimed, the CLI is not on record",
    "shim.cli_recorded": "the CLI's pid is on disk, the gate is shut",
    "shim.released": "the gate is open",
    "shim.running": "the CLI executes",
    "shim.segment_dropped": "the oldest tail segment of a long log is gone, the next one not yet there",
    "shim.segment_opened": "a new tail segment of a long log exists and is empty",
    "ending.collected": "the round is to end, its processes are known, none has been signalled",
    "ending.signalled": "the first signal of an ending is out",
    "shim.cli_exited": "the CLI is gone, its leftovers are not looked at",
    "shim.swept": "the leftovers are gone, the log is in pieces",
    "shim.join_indexed": "the index of a long log is written, its pieces are apart",
    "shim.join_copied": "a tail segment is copied into the log and still there as well",
    "shim.joined": "the log is whole, the exit is not written",
    "shim.exit_written": "the exit is written, not yet forced to disk",
    "shim.exit_synced": "all is on disk, the shim has not left",
    "prepare.spec_written": "the node has written a round's spec, its exit file and life line are missing",
    "prepare.done": "the round's folder is complete, the launcher knows nothing of it",
    "void.written": "a recovering node has written a void claim, not linked",
    "void.linked": "a recovering node has claimed a round as never started",
    "node.locked": "the node holds its lock, the server does not know it",
    "node.joined": "the node has its lease, and has adopted nothing",
    "node.pulled": "the node knows what to do and has begun none of it",
    "node.ready": "an agent is prepared and on record as ready",
    "node.taken": "a round is on record, its folder may be missing",
    "node.prompt_written": "the prompt is on disk, the spec is not",
    "node.launched": "the launcher has answered, nobody follows the round",
    "node.recovered": "a round of an earlier node is decided on, nothing is recorded",
    "node.process_gone": "the processes of a round are gone, nothing is recorded",
    "git.snapshot_written": "the snapshot commit exists, no ref names it",
    "node.snapshot_taken": "the work of a round is kept, its end is not recorded",
    "node.before_end": "all is known of a round's end, the server is not told",
    "node.end_recorded": "the end of a round is on record, the node has not gone on",
    "node.scheduled": "the scheduler has decided, nothing is assigned",
    "gate.taken": "a gate's round is on record, its folder may be missing",
    "gate.checked_out": "the commit is checked out, no process is prepared",
    "gate.launched": "the gate's process is launched, nobody follows it",
    "gate.recovered": "a gate of an earlier node is decided on, nothing is recorded",
    "gate.process_gone": "the gate's process is gone, nothing is recorded",
    "gate.before_end": "all is known of a gate's end, the server is not told",
    "gate.end_recorded": "the end of a gate is on record, its checkout is still there",
    "node.stopping": "the node takes no new rounds and has ended none",
    "node.left": "the server knows that the node is down, its process is not gone",
}
"""Each crash point with what is true there. A part of the node that adds a durable step adds its name here."""

_passings: dict[str, int] = {}


def point(name: str) -> None:
    """Die here if the environment says so.

    Args:
        name: One of :data:`POINTS`.

    Raises:
        KeyError: The name is not registered, so no test could ever reach it.
    """
    if name not in POINTS:
        raise KeyError(name)
    wanted = os.environ.get(CRASH_AT)
    if wanted is None:
        return
    target, _, nth = wanted.partition(":")
    if target != name:
        return
    _passings[name] = _passings.get(name, 0) + 1
    if _passings[name] != int(nth or 1):
        return
    once = os.environ.get(CRASH_ONCE)
    if once is not None:
        try:
            os.close(os.open(once, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            return
    os.kill(os.getpid(), signal.SIGKILL)

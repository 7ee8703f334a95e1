"""Named places where a fault test may kill the process: between any two durable steps.

Standard library only, since the launcher, its shims and the keeper of the town's own server import it. In ordinary life
:func:`point` is one look into the environment. With ``TINYTOWN_CRASH_AT=name`` (or ``name:3`` for the third passing)
the process kills itself there with SIGKILL, as a power cut or the kernel's memory killer would.
``TINYTOWN_CRASH_ONCE=FILE`` lets that happen one time: the file is created first, and whoever finds it goes on.
"""

from __future__ import annotations

import os
import signal
from typing import Final

CRASH_AT: Final = "TINYTOWN_CRASH_AT"
CRASH_ONCE: Final = "TINYTOWN_CRASH_ONCE"

VARIABLES: Final = (CRASH_AT, CRASH_ONCE)
"""What is passed on to the programs that a command starts, so that a fault test reaches them too."""

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
    "node.connection_written": "commands in rounds know the server, the node has no lease",
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
    "workspace.noted": "it is written down that an agent is to have a worktree, there is none",
    "workspace.branch_moved": "a branch without commits of its own is where a new worktree begins",
    "workspace.branched": "the branch of an agent exists, its worktree does not",
    "workspace.added": "a worktree is checked out, nothing is copied into it",
    "workspace.file_copied": "a file is in a new worktree, others may be missing",
    "workspace.made": "a worktree is whole, its set-up has not begun",
    "workspace.setup_noted": "the run of a set-up has an id, nothing runs",
    "workspace.setup_launched": "the set-up of a worktree runs, nobody follows it",
    "workspace.setup_ended": "the set-up of a worktree is over, the worktree does not count as ready",
    "workspace.ready": "a worktree is ready, its agent is not",
    "workspace.leaving": "it is written down that a worktree goes into the trash, nothing is done",
    "workspace.snapshot_kept": "a worktree that leaves is kept as a snapshot, it is in its place",
    "workspace.locked": "git may not forget a worktree that leaves, it is in its place",
    "workspace.moved": "a worktree lies in the trash, git believes it in its place",
    "workspace.repaired": "git knows that a worktree is in the trash, its place and ports are not free",
    "workspace.note_dropped": "the place and the ports of a worktree are free",
    "workspace.in_trash": "a worktree is in the trash, nobody has looked at it there",
    "workspace.move_forgotten": "a worktree that was not moved is not on its way any more",
    "workspace.half_dropped": "a worktree that was never whole is gone, its note is there",
    "workspace.deleting": "nothing keeps a worktree in the trash, it is there as a whole",
    "workspace.deleted": "the folder of a worktree is deleted, git has an entry of it",
    "workspace.branch_dropped": "the branch of a worktree without commits of its own is gone",
    "workspace.gone": "a worktree is deleted, its snapshot is there",
    "workspace.adopted": "a worktree that was brought back belongs to an agent",
    "workspace.returning": "it is written down that a worktree comes back, it is in the trash",
    "workspace.moved_back": "a worktree is in its place, git believes it in the trash",
    "workspace.repaired_back": "git knows that a worktree is back, it is locked",
    "workspace.branch_back": "the branch of a deleted worktree exists again",
    "workspace.added_back": "a deleted worktree exists again, without what was not committed",
    "workspace.filled_back": "a deleted worktree is as it was, it has no note",
    "workspace.noted_back": "a worktree that is back has its note, the trash lists it as well",
    "workspace.back": "a worktree is back",
    "workspace.ref_dropped": "the snapshot of a deleted worktree is gone, the trash lists it as well",
    "workspace.forgotten": "nothing of a deleted worktree is left",
    "workspace.merge_written": "the commit of a landing exists, no branch has it",
    "workspace.landed": "a branch is landed, the checkout of its target is as before",
    "workspace.checkout_moved": "the checkout of the target of a landing has followed it",
    "node.stopping": "the node takes no new rounds and has ended none",
    "node.left": "the server knows that the node is down, its process is not gone",
    "verb.file_aside": "a small file is whole under a name beside its own, which has the old content or none",
    "verb.file_replaced": "a small file has its new content, nothing that follows from it is done",
    "verb.folder_made": "the folder of a new town exists, nothing is in it",
    "verb.instance_made": "a folder has an id of its own, its server knows nothing of it",
    "verb.town_claimed": "the server has a town for this folder, the folder has no note of that",
    "verb.claim_noted": "the folder has noted that its town is claimed",
    "verb.password_kept": "the password of a server that took it is kept, the new town has no file",
    "verb.git_told": "git leaves `.tt/` out, the new town is in no list",
    "verb.list_written": "the list of towns is changed, a new town there has no file yet",
    "verb.town_written": "the file of a town is written, which makes it one",
    "verb.setting_written": "a setting is changed, nobody has said so",
    "verb.node_named": "the node of this folder has an id, nobody has used it",
    "verb.spawn_noted": "it is noted which agent is about to be made, nothing is done for it",
    "verb.variables_kept": "the variables of an agent are kept, the agent is not on record",
    "verb.variables_dropped": "the variables of an agent that was refused are gone, its note is there",
    "verb.agent_recorded": "the agent is on record, its note is there as well",
    "verb.spawn_closed": "the agent has its node and the note of its spawn is gone, nobody has said so",
    "verb.agent_removed": "an agent is off the books, its variables are there",
    "verb.variables_removed": "the variables of an agent that is off the books are gone",
    "verb.work_recorded": "work is on record, nobody has looked for the node",
    "verb.stop_lifted": "the town no longer counts as stopped, its node does not run",
    "verb.node_log_moved": "the large log of earlier nodes is moved away",
    "verb.node_sent_off": "the node is on its way, nobody waits for it",
    "verb.stop_noted": "the town counts as stopped, its node runs and knows nothing",
    "verb.stop_asked": "it is written down how the node shall stop, it has no signal",
    "verb.stop_signalled": "the node is told to stop, nobody waits for it",
    "verb.node_ended": "the node is gone, the town's own server runs",
    "verb.program_beside": "a proven server lies beside its place, nothing is known of it",
    "verb.program_noted": "it is noted which server is about to be put in place, the one before is there",
    "verb.program_placed": "a file of a server is in its place, others may be missing",
    "server.locked": "the lock of the town's own server is held, nothing of its start is done",
    "server.program_noted": "the version of the server's program is remembered",
    "server.folder_made": "a private folder for a socket exists",
    "server.log_moved": "the large log of earlier servers is moved away",
    "server.configured": "the server's settings are written, its socket is not noted",
    "server.socket_noted": "it is noted where the server will listen, it does not run",
    "server.keeper_started": "the server's keeper is on its way, its starter looks for no answer",
    "server.keeper_alone": "the keeper is nobody's child and holds the lock, it has started no server",
    "server.begun": "the server's process exists, the keeper holds the lock as well",
    "server.told_to_end": "the server is told to end, nobody waits for it",
}
"""Each crash point with what is true there. Whoever adds a durable step adds its name here."""

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

"""What an error that the server answered means: wait and try again, or which typed error.

No message here repeats what the client sent, so no secret can slip into one.
"""

from __future__ import annotations

import re

import attrs

from tinytown.errors import StorageCorruptError, StorageRefusedError, TinytownError

_PASSES = frozenset({"LOADING", "BUSY", "CLUSTERDOWN", "TRYAGAIN", "MASTERDOWN"})
"""The same server will answer once it is through with something."""

_MOVED_AWAY = frozenset({"MOVED", "ASK", "READONLY"})
"""Another server answers now, or soon.

ASK is not followed as a client library would: while a slot moves, a town's keys lie on two servers, and a script that
ran on either would see half a town. It waits until the slot has moved.
"""

_STATES = frozenset({"MISCONF", "OOM", "NOREPLICAS", "UNKILLABLE"})
"""It takes no work as it is now; people can mend that while it runs, and whoever can wait may try again."""

_MEANINGS: dict[str, tuple[str, str]] = {
    "NOAUTH": ("it wants a password", "set TINYTOWN_REDIS_PASSWORD, or put it into ~/.tt/credentials.toml"),
    "WRONGPASS": (
        "user name or password is wrong",
        "correct TINYTOWN_REDIS_PASSWORD, or the entry in ~/.tt/credentials.toml",
    ),
    "NOPERM": (
        "this user may not do what Tinytown needs",
        "grant the user the keys `tt:*`, and the commands that scripts, streams and INFO need: `~tt:* +@all -@admin`",
    ),
    "MISCONF": ("it cannot write to its disk and takes no changes", "free disk space on the server, then repeat"),
    "OOM": ("its memory is full", "raise `maxmemory` of the server, or remove data it does not need"),
    "READONLY": ("it is a read-only replica", "name the primary, or use redis+sentinel://"),
    "DENIED": ("protected mode forbids connections from other machines", "give the server a password"),
    "NOREPLICAS": ("it has too few replicas to take changes", "restore the replicas, or lower `min-replicas-to-write`"),
    "LOADING": ("it is still loading its data", "wait a moment and repeat"),
    "BUSY": ("it is busy with a script of another program", "wait, or end that script with SCRIPT KILL"),
    "CLUSTERDOWN": ("the cluster is not complete", "see `CLUSTER INFO` on the server"),
    "TRYAGAIN": ("the town's slot is being moved", "wait until the move is done and repeat"),
    "ASK": ("the town's slot is being moved", "wait until the move is done and repeat"),
    "MOVED": ("the town's slot lies on another server of a cluster", "use redis+cluster:// in the address"),
    "MASTERDOWN": ("it is a replica that lost its primary", "wait for the failover, or name the primary"),
    "UNKILLABLE": ("it is busy with a script of another program", "restart the server"),
}

_KEY = re.compile(r"tt:\{[^}]*\}:[^\s'\"]+")
_LONGEST = 200


@attrs.frozen
class Fault:
    """What to do about an error reply.

    Attributes:
        again: Trying again shortly may help.
        elsewhere: And should be tried on a new connection, to the server that is found then.
        error: What to raise when that is out of the question.
    """

    again: bool
    elsewhere: bool
    error: TinytownError


def read_fault(text: str, *, url: str, prefix: str = "") -> Fault:
    """Say what an error reply means.

    Args:
        text: What the server wrote.
        url: Address without secrets.
        prefix: The town's key prefix, named where the server does not say which key is wrong.
    """
    word = text.partition(" ")[0]
    if word == "WRONGTYPE" or "WRONGTYPE" in text:
        found = _KEY.search(text)
        return Fault(False, False, StorageCorruptError(key=found.group() if found else f"{prefix}*"))
    return Fault(word in _PASSES or word in _MOVED_AWAY, word in _MOVED_AWAY, _refusal(word, text, url))


def _refusal(word: str, text: str, url: str) -> StorageRefusedError:
    if word == "ERR" and "AUTH" in text and "password" in text:
        return StorageRefusedError(
            url=url, detail="it has no password, but one was given", hint="leave out the password, or set one there"
        )
    if "DB index is out of range" in text or "SELECT is not allowed" in text:
        return StorageRefusedError(
            url=url, detail="it has no database of that number", hint="name another one, or leave out the number"
        )
    if "max number of clients" in text:
        return StorageRefusedError(
            url=url, detail="it takes no more connections", hint="raise `maxclients` of the server", passes=True
        )
    detail, hint = _MEANINGS.get(word, (_short(text), None))
    passes = word in _PASSES or word in _MOVED_AWAY or word in _STATES
    return StorageRefusedError(url=url, detail=detail, hint=hint, passes=passes)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"

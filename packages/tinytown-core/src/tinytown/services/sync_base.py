"""`.tt/sync.json`: what plan and town said when they last agreed, and a change that was begun and not yet finished.

The file is replaced whole. Before the first step of a push or the one write of a pull it says what is about to be done,
so that a command that was killed is finished by the next one, or known not to have happened.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any, cast

import attrs

from tinytown.config.files import private_dir, read_bytes, write_private
from tinytown.config.paths import TownPaths
from tinytown.domain.clock import SystemClock
from tinytown.domain.plan_entries import FIELDS, Entry, entry_from, same
from tinytown.errors import ConfigError

VERSION = 1
MAX_BASE_BYTES = 64 * 1024 * 1024
"""It holds a plan up to three times, and what was taken out of it since; the plan itself may have 1 MiB."""
FRESH_SECS = 540.0
"""So long the server surely repeats its answer to a step that was sent before; a little less than it keeps them."""


@attrs.frozen(kw_only=True)
class Base:
    """What the file holds.

    Attributes:
        entries: What both sides said when they last agreed.
        push: A push that was begun, as its steps were planned, or None.
        lost: Why there is no base, for a person; None where there is one or never was one.
    """

    entries: Mapping[str, Entry] = attrs.Factory(dict[str, Entry])
    push: Mapping[str, Any] | None = None
    lost: str | None = None


def read_base(paths: TownPaths, town: str, file: Mapping[str, Entry], text: str | None) -> Base:
    """Read it; one that cannot be read, or that is of another town, counts as lost.

    Args:
        paths: Files of the town.
        town: Its name.
        file: What the plan says now: tells whether a pull that was begun has been written.
        text: The text of that.
    """
    try:
        data = read_bytes(paths.sync_base, MAX_BASE_BYTES)
        if data is None:
            return Base()
        stored = json.loads(data)
        if stored["version"] != VERSION or stored["town"] != town:
            return Base(lost="it is of another town or version")
        entries = {str(each["id"]): entry_from(each) for each in stored["entries"]}
        pull = stored.get("pull")
        if pull is not None:
            after = {str(each["id"]): entry_from(each) for each in pull["entries"]}
            if pull["sha"] == _sha(text) or _shows(file, entries, after):
                entries = after
        return Base(entries=entries, push=_fresh(stored.get("push")))
    except (ValueError, KeyError, TypeError, AttributeError, ConfigError):
        return Base(lost="it cannot be read")


def _fresh(push: Any) -> Mapping[str, Any] | None:
    """An old push is not finished: whether its steps were done is no longer known, so the sides are compared."""
    if push is None or not 0 <= _now_secs() - float(push["at"]) <= FRESH_SECS:
        return None
    return cast("Mapping[str, Any]", push)


def _shows(file: Mapping[str, Entry], before: Mapping[str, Entry], after: Mapping[str, Entry]) -> bool:
    """Say whether a file that was edited since shows a change of the pull somewhere."""
    for ref, entry in after.items():
        old, now = before.get(ref), file.get(ref)
        if now is None or (old is None and ref in file):
            if now is not None:
                return True
            continue
        for field in FIELDS if old is not None else ():
            changed = not same(field, entry.get(field), old.get(field)) if old is not None else False
            if changed and same(field, now.get(field), entry.get(field)):
                return True
    return False


def write_base(
    paths: TownPaths,
    town: str,
    entries: Mapping[str, Entry],
    *,
    push: Mapping[str, Any] | None = None,
    pull: tuple[Mapping[str, Entry], str] | None = None,
) -> None:
    """Write it.

    Args:
        paths: Files of the town.
        town: Its name.
        entries: What both sides say.
        push: Steps that are about to be done.
        pull: What both sides will say once a text of the plan is written, and that text.
    """
    stored: dict[str, Any] = {"version": VERSION, "town": town, "entries": _plain(entries)}
    if push is not None:
        stored["push"] = {**push, "at": _now_secs()}
    if pull is not None:
        stored["pull"] = {"entries": _plain(pull[0]), "sha": _sha(pull[1])}
    private_dir(paths.dot)
    write_private(paths.sync_base, json.dumps(stored).encode())


def _plain(entries: Mapping[str, Entry]) -> list[dict[str, Any]]:
    return [attrs.asdict(entry) for entry in entries.values()]


def _now_secs() -> float:
    return SystemClock().now_ms() / 1000


def _sha(text: str | None) -> str:
    return hashlib.sha256((text or "").encode()).hexdigest()


def lock(paths: TownPaths) -> int:
    """Wait until no other command of this folder syncs; gives a descriptor that holds the lock until it is closed."""
    private_dir(paths.dot)
    descriptor = os.open(paths.dot, os.O_RDONLY | os.O_CLOEXEC)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor

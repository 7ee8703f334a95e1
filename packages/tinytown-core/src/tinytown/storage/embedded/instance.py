"""Which town a folder is: a random id, with the folder's device and inode to tell a copy from the original.

A moved folder keeps its inode and stays the same town. A copied one has another, gets an id of its own, and may not
touch the server or the rounds of the original.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

import attrs

from tinytown.config.files import private_dir, write_private
from tinytown.config.paths import TownPaths
from tinytown.crash import point

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@attrs.frozen
class Instance:
    """Identity of a town's folder.

    Attributes:
        id: Random; 16 hexadecimal digits.
        copied: The folder came to be as a copy of another town's.
        copied_from: Id of that town.
    """

    id: str
    copied: bool = False
    copied_from: str | None = None


def read_instance(paths: TownPaths) -> Instance | None:
    """Give the identity if it is on record and fits the folder; changes nothing."""
    record = _read(paths)
    if record is None or not _fits(record, paths.root):
        return None
    return _from(record)


def ensure_instance(paths: TownPaths) -> Instance:
    """Give the identity of a town's folder; makes one for a new town or a copy.

    Rounds that were copied along name the town they belong to in their own folders, so no node takes them for its own.

    Raises:
        ConfigError: The town's folder cannot be written to.
    """
    found = read_instance(paths)
    if found is not None:
        return found
    private_dir(paths.dot)
    with (paths.dot / "instance.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two commands in a fresh copy must agree on its id
        record = _read(paths)
        if record is not None and _fits(record, paths.root):
            return _from(record)
        if record is not None and _same_folder_after_boot(record, paths.root):
            fresh = record | _place(paths.root)
        else:
            source = record["id"] if record else None
            fresh = {"version": 1, "id": os.urandom(8).hex(), "copied_from": source, **_place(paths.root)}
        write_private(paths.instance, json.dumps(fresh).encode())
        point("verb.instance_made")
        return _from(fresh)


def _from(record: dict[str, Any]) -> Instance:
    source = record.get("copied_from")
    return Instance(str(record["id"]), copied=source is not None, copied_from=source)


def _read(paths: TownPaths) -> dict[str, Any] | None:
    try:
        record = json.loads(paths.instance.read_text())
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and isinstance(record.get("id"), str) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]


def _place(root: Path) -> dict[str, Any]:
    found = root.stat()
    return {"device": found.st_dev, "inode": found.st_ino, "boot": _boot_id()}


def _fits(record: dict[str, Any], root: Path) -> bool:
    found = root.stat()
    return (record.get("device"), record.get("inode")) == (found.st_dev, found.st_ino)


def _same_folder_after_boot(record: dict[str, Any], root: Path) -> bool:
    """Device numbers may change when a machine starts; then the inode alone decides."""
    found = root.stat()
    return record.get("inode") == found.st_ino and record.get("boot") not in (None, "", _boot_id())


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""

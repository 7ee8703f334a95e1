"""The machine below: room on its disks, limits, and what guarantees that a round leaves no process."""

from __future__ import annotations

import os
import resource
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tinytown.node import processes
from tinytown.services.checkup.model import Place, Row, bad, ok, warn

_FULL, _LITTLE = 100 << 20, 1 << 30
_FEW_FILES = 1000
_FILES_PER_ROUND, _FILES_BESIDE = 8, 128


def disk(place: Place) -> Iterator[Row]:
    """Look at the file systems that the town writes to."""
    paths = place.paths
    places = {
        "the town": paths.dot if paths.dot.exists() else paths.root,
        "the server's data": paths.redis_data,
        "workspaces": paths.workspaces,
        "temporary files": Path(tempfile.gettempdir()),
        "the user's files": place.machine.user.home,
    }
    seen: set[int] = set()
    for what, path in places.items():
        try:
            device = path.stat().st_dev
            found = os.statvfs(path)
        except OSError:
            continue
        if device in seen:
            continue
        seen.add(device)
        free = found.f_bavail * found.f_frsize
        text = f"{free / (1 << 30):.1f} GiB are free for {what} ({path})"
        remedy = f"make room: du -xh {path} | sort -h | tail; rounds are not started on a full disk"
        if free < _FULL:
            yield bad("disk", f"only {free >> 20} MiB are free for {what} ({path})", remedy)
        elif found.f_files and found.f_favail < _FEW_FILES:
            yield bad("disk", f"only {found.f_favail} more files fit for {what} ({path})", remedy)
        elif free < _LITTLE:
            yield warn("disk", text, remedy)
        else:
            yield ok("disk", text)


def limits(place: Place) -> Iterator[Row]:
    """Compare how many files a process may open with what so many rounds need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = place.config.max_agents * _FILES_PER_ROUND + _FILES_BESIDE
    if soft == resource.RLIM_INFINITY or soft >= needed:
        yield ok(
            "open files",
            f"{'no limit' if soft == resource.RLIM_INFINITY else soft} for {place.config.max_agents} rounds at a time",
        )
        return
    text = f"a process may open {soft} files, and {place.config.max_agents} rounds at a time need about {needed}"
    high_enough = hard == resource.RLIM_INFINITY or hard >= needed
    remedy = (
        f"ulimit -n {needed}, then tt stop and tt start"
        if high_enough
        else "lower `max_agents`, or have the limit raised"
    )
    yield bad("open files", text, remedy)


def guarantee(place: Place) -> Iterator[Row]:
    """Say what ends a round's processes here, whatever they do."""
    _ = place
    yield from round_guarantee(Path("/sys/fs/cgroup"), Path("/proc/self/cgroup"))


def round_guarantee(tree: Path, own: Path) -> Iterator[Row]:
    """The same for a tree of control groups.

    Args:
        tree: Where the tree is mounted.
        own: File that names the group of this process.
    """
    check = "round processes"
    session = "rounds are ended by session, process group and a mark in the environment"
    if not processes.carries(os.getpid(), _any_mark()):
        text = "the environment of processes cannot be read here, so only session and process group end a round"
        yield warn(check, text, "mount /proc without hidepid, or run the node as the user of its agents")
        return
    if sys.platform != "linux":
        yield ok(check, f"{session}; this system has no control groups")
        return
    place = _group(tree, own)
    if place is None:
        yield ok(check, f"{session}; what drops all three outlives its round, and no control group can be had here")
    else:
        yield ok(check, f"{session}; a control group could be made below {place}")


def _any_mark() -> str:
    """An entry of the environment that this process was started with."""
    try:
        return Path(f"/proc/{os.getpid()}/environ").read_bytes().split(b"\0")[0].decode("utf-8", "surrogateescape")
    except OSError:
        return next((f"{name}={value}" for name, value in os.environ.items()), "")


def _group(tree: Path, own: Path) -> Path | None:
    """Give the group below which this user may make another, its own or that of its systemd instance."""
    try:
        line = next(line for line in own.read_text().splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        return None
    uid = os.getuid()
    mine = tree / line.removeprefix("0::").lstrip("/")
    for place in (mine, tree / f"user.slice/user-{uid}.slice/user@{uid}.service"):
        if os.access(place, os.W_OK) and os.access(place / "cgroup.procs", os.W_OK):
            return place
    return None

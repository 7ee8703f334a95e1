"""The node of this machine, its service, its lease; the clocks of machine, server and history."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

from tinytown._version import __version__
from tinytown.domain.records import Node
from tinytown.node.control import IDENTITY, node_pid, node_ready, node_runs, node_version, was_stopped
from tinytown.services.checkup.model import Place, Row, bad, ok, unknown, warn
from tinytown.storage.calls import nodes

SKEW_MS = 2_000
"""A difference of two clocks that is worth telling."""

LEASE_MS = 45_000
_CHECK = "node"


def node(place: Place) -> Iterator[Row]:
    """Look at the node and its lease."""
    paths = place.paths
    if not node_runs(paths):
        why = "it was stopped" if was_stopped(paths) else "none runs here (no_node)"
        yield warn(_CHECK, f"{why}, so nothing is done on this machine", "tt start")
        return
    if not node_ready(paths):
        yield warn(_CHECK, f"it starts, or cannot get any further; its log is {paths.node_log}", "tt logs")
        return
    version = node_version(paths)
    if version not in (None, __version__):
        yield warn(_CHECK, f"it runs version {version}, and this is {__version__}", "tt stop, then tt start")
        return
    record = _record(place)
    facts = place.server.facts
    if record is None or facts is None:
        yield ok(_CHECK, f"it runs as process {node_pid(paths)}")
        return
    silent = facts.now_ms - record.beat_at
    if silent > LEASE_MS:
        text = f"it runs, but the server has not heard from it for {silent // 1000} s"
        yield bad(_CHECK, text, f"see {paths.node_log}; then tt stop --now and tt start")
    else:
        yield ok(_CHECK, f"it runs as process {node_pid(paths)}, version {version or __version__}")


def service(place: Place) -> Iterator[Row]:
    """Look at the user service, where one is installed."""
    file = place.service
    if file is None or not file.is_file():
        return
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        yield bad("service", f"{file} cannot be read", "tt start --install")
        return
    start = next((line for line in text.splitlines() if line.startswith("ExecStart=")), None)
    if start is None:
        yield unknown("service", f"{file} is installed")
        return
    words = shlex.split(start.removeprefix("ExecStart=").replace("%%", "%").replace("$$", "$"))
    root = words[words.index("--town") + 1] if "--town" in words else ""
    if not Path(words[0]).is_file():
        yield bad("service", f"{file} starts {words[0]}, which is gone", "tt start --install")
    elif root != str(place.paths.root):
        yield bad("service", f"{file} starts the town in {root}, not this one", "tt start --install")
    else:
        yield ok("service", f"{file} starts the node with the machine")


def clock(place: Place) -> Iterator[Row]:
    """Compare the clocks. Nothing is decided by them, but people and other machines read them."""
    facts = place.server.facts
    if facts is None:
        return
    check = "clock"
    ahead = facts.here_ms - facts.now_ms
    rows: list[Row] = []
    if abs(ahead) > SKEW_MS + facts.took_ms:
        word = "ahead of" if ahead > 0 else "behind"
        text = f"this machine is {abs(ahead) / 1000:.0f} s {word} the server"
        rows.append(warn(check, text, "set the clocks by NTP: timedatectl set-ntp true"))
    record = _record(place)
    future = record.beat_at - facts.now_ms if record is not None else 0
    if future > SKEW_MS:
        text = f"the node's last sign of life is {future // 1000} s in the future: the server's clock went back"
        rows.append(warn(check, text, "set the server's clock; new records carry its time"))
    storage = place.server.storage
    if storage is not None:
        newest = int(storage.newest_id("events").partition("-")[0])
        if newest - facts.now_ms > SKEW_MS:
            text = (
                f"the newest event is {(newest - facts.now_ms) // 1000} s in the future: the server's clock went back"
            )
            rows.append(warn(check, text, "set the server's clock by NTP; the order of events holds all the same"))
    yield from rows or [ok(check, f"machine and server differ by {abs(ahead)} ms")]


def _record(place: Place) -> Node | None:
    if place.server.storage is None:
        return None
    try:
        own = str(json.loads((place.paths.node_dir / IDENTITY).read_bytes())["id"])
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return next((each for each in place.server.storage.run(nodes.listing()).items if each.id == own), None)

"""End what a test's town left running: for tear-downs, whatever state the town is in."""

from __future__ import annotations

from pathlib import Path

from tinytown.config.paths import TownPaths
from tinytown.node.control import stop_node
from tinytown.storage.embedded.server import stop_server


def end_town(root: Path) -> None:
    """End a town's node with its rounds, and then its own server; a folder that is no town has none.

    Args:
        root: The town's folder.
    """
    paths = TownPaths(root.resolve())
    if paths.node_dir.is_dir():
        stop_node(paths, timeout=0, now=True)
    if paths.redis_dir.is_dir():
        stop_server(paths)

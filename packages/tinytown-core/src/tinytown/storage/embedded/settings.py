"""The configuration file that the town's server is started with; written anew at each start."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path

from tinytown.config.paths import TownPaths


class Fsync(StrEnum):
    """When the server's file reaches the disk."""

    ALWAYS = "always"
    """Before a command is answered: what `tt` accepted survives a power cut."""
    EVERYSEC = "everysec"
    """About once a second: quicker, and up to two seconds of what was accepted may be lost with the machine."""


def config_text(paths: TownPaths, at: Path, fsync: Fsync) -> str:
    """Write the file.

    Args:
        paths: The town's files.
        at: Where the server listens.
        fsync: When its file reaches the disk.
    """
    settings = {
        "port": "0",
        "unixsocket": _quoted(os.fsencode(at)),
        "unixsocketperm": "600",
        "dir": _quoted(os.fsencode(paths.redis_data)),
        "pidfile": _quoted(os.fsencode(paths.redis_pid)),
        "logfile": _quoted(os.fsencode(paths.redis_log)),
        "loglevel": "notice",
        "daemonize": "no",
        "databases": "1",
        "appendonly": "yes",
        "appendfsync": fsync.value,
        "no-appendfsync-on-rewrite": "no",
        "auto-aof-rewrite-min-size": "16mb",
        "save": '""',
        "maxmemory-policy": "noeviction",
    }
    head = "# Written by Tinytown at each start of the town's server; changes here do not last.\n"
    return head + "".join(f"{name} {value}\n" for name, value in settings.items())


def _quoted(path: bytes) -> str:
    """Write a path as the server reads it: in quotes, with everything unusual as a hexadecimal number."""
    plain = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+ "
    return '"' + "".join(chr(byte) if byte in plain else f"\\x{byte:02x}" for byte in path) + '"'

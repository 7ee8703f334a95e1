"""How a file of the Rust program is told from one of ours: by the keys that only it has. Cheap, as every start asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

RUST_KEYS = ("use_central_redis", "use_streams")
RUST_REDIS_KEYS = ("persist", "aof_path", "bind")


def for_rust(table: Mapping[str, Any]) -> bool:
    """Say whether the tables of a `tinytown.toml` were written for the Rust program."""
    redis, clis = table.get("redis"), table.get("agent_clis")
    return (
        any(key in table for key in RUST_KEYS)
        or (isinstance(redis, dict) and any(key in redis for key in (*RUST_REDIS_KEYS, "use_socket")))
        or (
            isinstance(clis, dict)
            and any(isinstance(entry, dict) and "name" in entry for entry in cast("dict[str, Any]", clis).values())
        )
    )

"""Which server answers, and whether it is new enough.

Valkey answers an old ``redis_version`` for the sake of other clients, so its own field is read first.
"""

from __future__ import annotations

import attrs

from tinytown.errors import StorageRefusedError

OLDEST_MAJOR = 8


@attrs.frozen
class ServerInfo:
    """What a server says of itself.

    Attributes:
        kind: ``Redis`` or ``Valkey``.
        version: For example ``9.1.2``.
        run_id: Id of the server's present life.
    """

    kind: str
    version: str
    run_id: str


def read_info(text: str) -> ServerInfo:
    """Read the answer to ``INFO server``."""
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    if "valkey_version" in fields or fields.get("server_name") == "valkey":
        return ServerInfo("Valkey", fields.get("valkey_version", "0"), fields.get("run_id", ""))
    return ServerInfo("Redis", fields.get("redis_version", "0"), fields.get("run_id", ""))


def new_enough(version: str) -> bool:
    """Say whether a version of either server has all that the scripts need."""
    major = version.partition(".")[0]
    return major.isdigit() and int(major) >= OLDEST_MAJOR


def check_server(text: str, url: str) -> ServerInfo:
    """Refuse a server that is too old.

    Args:
        text: Answer to ``INFO server``.
        url: Address without secrets, for the message.

    Raises:
        StorageRefusedError: The server is older than Redis 8.0 or Valkey 8.0.
    """
    info = read_info(text)
    if not new_enough(info.version):
        raise StorageRefusedError(
            url=url,
            detail=f"it is {info.kind} {info.version}, and Tinytown needs Redis 8.0 or Valkey 8.0 or newer",
            hint="upgrade that server, or leave out the address to use the embedded one",
        )
    return info

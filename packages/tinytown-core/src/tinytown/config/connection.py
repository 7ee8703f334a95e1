"""The file by which a node tells the commands of its rounds how to reach the server, password and all."""

from __future__ import annotations

import json
from typing import Any, cast

import attrs

from tinytown.config.files import check_private, private_dir, read_bytes, write_private
from tinytown.config.paths import TownPaths
from tinytown.crash import point
from tinytown.errors import ConfigError

VERSION = 1


@attrs.frozen(kw_only=True)
class Connection:
    """How to reach a server.

    Attributes:
        url: Without user name and password: safe to print.
        embedded: Whether it is the town's own server.
        username: User on the server.
        password: Its password. Never printed.
        tls_ca_cert: Absolute path of the certificates to trust.
        tls_cert: Absolute path of the certificate to show.
        tls_key: Absolute path of its key.
    """

    url: str
    embedded: bool = False
    username: str | None = None
    password: str | None = attrs.field(default=None, repr=False)
    tls_ca_cert: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None


def write_connection(paths: TownPaths, connection: Connection) -> None:
    """Leave the connection for commands inside rounds, mode 0600 in a 0700 folder.

    Raises:
        ConfigError: It cannot be written.
    """
    private_dir(paths.node_dir)
    data = {"version": VERSION, **attrs.asdict(connection)}
    write_private(paths.connection, json.dumps(data).encode())
    point("node.connection_written")


def read_connection(paths: TownPaths) -> Connection | None:
    """Read the connection that the node left, or None when there is none.

    Raises:
        ConfigError: It cannot be read, others can read it, or it is of another version.
    """
    check_private(paths.connection)
    data = read_bytes(paths.connection)
    if data is None:
        return None
    broken = ConfigError(
        path=str(paths.connection), detail="is no connection of this version", hint="run `tt stop`, then `tt start`"
    )
    try:
        table = json.loads(data)
    except (ValueError, RecursionError):
        raise broken from None
    if not isinstance(table, dict):
        raise broken
    fields = cast("dict[str, Any]", table)
    if fields.pop("version", None) != VERSION or not isinstance(fields.get("url"), str):
        raise broken
    embedded = fields.pop("embedded", False)
    if not all(value is None or isinstance(value, str) for value in fields.values()):
        raise broken
    try:
        return Connection(embedded=embedded is True, **fields)
    except TypeError:
        raise broken from None

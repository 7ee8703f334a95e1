"""Moving a town to another server: it is restored there, and only then does its file name that server."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tinytown.config.credentials import save_credential
from tinytown.config.paths import TownPaths, user_home
from tinytown.config.urls import SplitUrl, split_url
from tinytown.config.write import set_value
from tinytown.errors import UsageError
from tinytown.services.restoring import Restored, restore_settled
from tinytown.services.town import Town

if TYPE_CHECKING:
    from tinytown.services.context import NodeControl

_VARIABLE = "TINYTOWN_REDIS_URL"


def move_town(
    path: str | Path | None,
    url: str,
    file: str | Path | IO[bytes] | None = None,
    *,
    force: bool = False,
    dry_run: bool = False,
    env: Mapping[str, str] | None = None,
    node_control: NodeControl | None = None,
) -> Restored:
    """Restore a town on another server, and have its settings name that one. The old server keeps what it has.

    The file of the town changes before the restore counts as finished: killed at any moment, the town is either still
    on its old server, or its next command says that the restore has to be repeated.

    Args:
        path: Folder of the town; found as `Town.open` finds it when left out.
        url: The other server. A password in it goes to the user's credentials.
        file: What `Town.save` wrote.
        force: Even if that server holds something under this town's name.
        dry_run: Check everything, also that the server answers, and say what would be done.
        env: Environment; that of the process when left out.
        node_control: As for `Town.open`.

    Raises:
        UsageError: The environment names a server, which would win over the file.
        TinytownError: As `Town.open` and `Town.restore`.
    """
    known = os.environ if env is None else env
    parts = split_url(url, what="--to")
    if known.get(_VARIABLE, "").strip():
        raise UsageError(
            detail=f"{_VARIABLE} is set and wins over `tinytown.toml`", hint=f"unset {_VARIABLE}, then repeat"
        )
    there = {**known, _VARIABLE: url}
    with Town.open(path, env=there, node_control=node_control, unfinished=True) as town:
        settle = lambda: name_server(town.paths, parts, known)  # noqa: E731 - a name for what is passed on
        return town.run_steps(restore_settled(town.context, file, settle, force=force, dry_run=dry_run))


def name_server(paths: TownPaths, parts: SplitUrl, env: Mapping[str, str]) -> None:
    """Write a server into the town's file, its password apart.

    Raises:
        ConfigError: One of them cannot be written.
    """
    if parts.password:
        save_credential(user_home(env), parts.url, parts.password, parts.username)
    set_value(paths.config, "redis.url", parts.url)

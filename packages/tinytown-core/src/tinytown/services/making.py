"""Making a town: its file, its place in git and in the list of towns."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import attrs

from tinytown.config.credentials import save_credential
from tinytown.config.files import write_shared
from tinytown.config.paths import TownPaths, user_home
from tinytown.config.registry import register_town
from tinytown.config.urls import split_url
from tinytown.config.write import add_to_gitignore, check_town_name, render_town_file, town_name_from
from tinytown.errors import ConfigError, RefusedError


@attrs.frozen(kw_only=True)
class NewTown:
    """The files of a town that is being made.

    Attributes:
        root: Its folder.
        paths: Its files.
    """

    root: Path
    paths: TownPaths

    def undo(self) -> None:
        """Take back what was written, after its server refused; what was there before stays."""
        self.paths.config.unlink(missing_ok=True)

    def register(self, name: str, env: Mapping[str, str]) -> None:
        """Have git leave `.tt/` out, and note the town for `tt towns`."""
        add_to_gitignore(self.root)
        register_town(user_home(env), self.root, name)


def write_town(
    path: str | Path | None = None,
    *,
    name: str | None = None,
    redis_url: str | None = None,
    cli: str | None = None,
    env: Mapping[str, str],
) -> NewTown:
    """Write the file of a new town.

    A server that is named, by argument or by ``REDIS_URL``, is written down; its password is kept apart, in the
    user's credentials.

    Args:
        path: Its folder, made when missing; the working directory when left out.
        name: Its name; made of the folder's when left out.
        redis_url: Its server; the town's own when left out and ``REDIS_URL`` is not set.
        cli: Agent CLI of agents that name none.
        env: Environment.

    Raises:
        RefusedError: There is a town already.
        InvalidValueError: The name or the URL is none.
        ConfigError: The file cannot be written.
    """
    root = Path(path if path is not None else Path.cwd()).expanduser()
    try:
        root.mkdir(parents=True, exist_ok=True)
        root = root.resolve(strict=True)
    except OSError as error:
        raise ConfigError(path=str(root), detail=f"cannot be made a town: {error.strerror}") from None
    paths = TownPaths(root)
    if os.path.lexists(paths.config):
        raise RefusedError(
            detail=f"`{root}` is a town already",
            refusal="town_exists",
            hint="use it as it is, or change it with `tt config`",
        )
    chosen = check_town_name(name) if name is not None else town_name_from(root.name)
    url = redis_url or env.get("REDIS_URL", "").strip() or None
    if url is not None:
        parts = split_url(url, what="--redis-url" if redis_url else "REDIS_URL")
        url = parts.url
        if parts.password:
            save_credential(user_home(env), url, parts.password, parts.username)
    write_shared(paths.config, render_town_file(chosen, default_cli=cli, redis_url=url).encode())
    return NewTown(root=root, paths=paths)

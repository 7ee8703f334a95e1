"""Making a town: its file, its place in git and in the list of towns."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import attrs

from tinytown.config.credentials import find_saved, restore_credential, save_credential
from tinytown.config.files import write_shared
from tinytown.config.paths import TownPaths, user_home
from tinytown.config.registry import register_town
from tinytown.config.urls import split_url
from tinytown.config.write import add_to_gitignore, check_town_name, render_town_file, town_name_from
from tinytown.errors import ConfigError, InvalidValueError, RefusedError, TinytownError


@attrs.frozen(kw_only=True)
class NewTown:
    """The files of a town that is being made.

    Attributes:
        root: Its folder.
        paths: Its files.
        forget: Takes back the password that was kept for its server; other towns may use another one there.
    """

    root: Path
    paths: TownPaths
    forget: Callable[[], None] | None = None

    def undo(self) -> None:
        """Take back what was written, after its server refused; what was there before stays."""
        self.paths.config.unlink(missing_ok=True)
        if self.forget is not None:
            self.forget()

    def register(self, name: str, env: Mapping[str, str]) -> list[str]:
        """Have git leave `.tt/` out, and note the town for `tt towns`; neither decides whether there is a town.

        Returns:
            What a person should know because one of them could not be done.
        """
        troubles: list[str] = []
        for step in (
            lambda: add_to_gitignore(self.root),
            lambda: register_town(user_home(env), self.root, name),
        ):
            try:
                step()
            except TinytownError as error:
                troubles.append(f"the town was made, but {error}")
        return troubles


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
        InvalidValueError: The name or the URL is none, or the folder's name holds a line break.
        ConfigError: The file cannot be written.
    """
    root = Path(path if path is not None else Path.cwd()).expanduser()
    try:
        root.mkdir(parents=True, exist_ok=True)
        root = root.resolve(strict=True)
    except OSError as error:
        raise ConfigError(path=str(root), detail=f"cannot be made a town: {error.strerror}") from None
    if "\n" in str(root):
        raise InvalidValueError(
            what="folder",
            detail=f"{str(root)[-80:]!r} holds a line break, so no round could run there",
            hint="rename it",
        )
    paths = TownPaths(root)
    if os.path.lexists(paths.config):
        raise RefusedError(
            detail=f"`{root}` is a town already",
            refusal="town_exists",
            hint="use it as it is; its settings are in `tinytown.toml`",
        )
    chosen = check_town_name(name) if name is not None else town_name_from(root.name)
    new = NewTown(root=root, paths=paths)
    url = redis_url or env.get("REDIS_URL", "").strip() or None
    if url is not None:
        parts = split_url(url, what="--redis-url" if redis_url else "REDIS_URL")
        url = parts.url
        if parts.password:
            home = user_home(env)
            before = find_saved(home, url)
            save_credential(home, url, parts.password, parts.username)
            new = attrs.evolve(new, forget=partial(restore_credential, home, url, before))
    try:
        write_shared(paths.config, render_town_file(chosen, default_cli=cli, redis_url=url).encode())
    except BaseException:
        new.undo()
        raise
    return new

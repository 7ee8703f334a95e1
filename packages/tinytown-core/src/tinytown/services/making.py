"""Making a town: what is checked before its server is asked, and what is written once the server has taken it.

The file `tinytown.toml` is what makes a folder a town, so it is written last. Whoever is killed before leaves a folder
that is no town yet, and the same command begins again and finds done what is done.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Mapping
from pathlib import Path

import attrs

from tinytown.config.credentials import Credential, check_password, save_credential
from tinytown.config.files import private_dir, take_file, write_shared
from tinytown.config.paths import TownPaths, user_home
from tinytown.config.registry import forget_town, register_town
from tinytown.config.server_source import ServerChoice, ServerSource
from tinytown.config.town import TownConfig, parse_town
from tinytown.config.urls import split_url
from tinytown.config.write import add_to_gitignore, check_town_name, render_town_file, town_name_from
from tinytown.crash import point
from tinytown.errors import ConfigError, InvalidValueError, RefusedError, TinytownError
from tinytown.services.servers import check_scheme

_LOCK = "making.lock"


@attrs.frozen(kw_only=True)
class NewTown:
    """A town that is to be made; all of it is checked and its folder is there.

    Attributes:
        paths: Its files.
        text: What its file will hold.
        config: The same, read.
        url: The server that was named, without its password.
        secret: The password that came with it, kept for later commands when the server has taken it.
    """

    paths: TownPaths
    text: str
    config: TownConfig
    url: str | None = None
    secret: Credential | None = None

    @contextlib.contextmanager
    def alone(self) -> Generator[None]:
        """Make it while nobody else makes a town of this folder.

        Raises:
            RefusedError: Somebody does, or there is a town already.
        """
        lock = private_dir(self.paths.dot) / _LOCK
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            try:
                mine = take_file(lock, descriptor, wait=False)
            except BlockingIOError:
                mine = False
            if os.path.lexists(self.paths.config):
                raise _exists(self.paths.root)
            if not mine:
                raise RefusedError(
                    detail=f"`{self.paths.root}` is being made a town by another command just now",
                    refusal="town_exists",
                    hint="wait for its end; if it fails, repeat this one",
                )
            yield
        finally:
            os.close(descriptor)

    def with_secret(self, choice: ServerChoice, env: Mapping[str, str]) -> ServerChoice:
        """Give the server with the password that was named for it; one in the environment wins, as it always does."""
        if self.secret is None or choice.source != ServerSource.TOWN_FILE or env.get("TINYTOWN_REDIS_PASSWORD"):
            return choice
        return attrs.evolve(choice, password=self.secret.password, username=self.secret.username or choice.username)

    def finish(self, env: Mapping[str, str], tried: ServerChoice) -> list[str]:
        """Make it a town, after its server has taken it: keep the password, tell git and `tt towns`, write its file.

        Args:
            env: Environment.
            tried: The server that has taken it, with the password that it took.

        Returns:
            What a person should know because git or `tt towns` could not be told; neither decides about the town.

        Raises:
            ConfigError: The password or the file cannot be written; then it is no town.
        """
        home, root = user_home(env), self.paths.root
        troubles: list[str] = []
        if self.url is not None and self.secret is not None:
            if tried.source == ServerSource.TOWN_FILE and tried.password == self.secret.password:
                save_credential(home, self.url, self.secret.password, self.secret.username)
            else:
                troubles.append(f"the password for {self.url} was not kept: the environment names another, or a server")
        for step in (lambda: add_to_gitignore(root), lambda: register_town(home, root, self.config.name)):
            try:
                step()
            except TinytownError as error:
                troubles.append(f"the town was made, but {error}")
        try:
            write_shared(self.paths.config, self.text.encode())
        except BaseException:
            with contextlib.suppress(TinytownError):
                forget_town(home, root)
            raise
        point("verb.town_written")
        return troubles


def plan_town(
    path: str | Path | None = None,
    *,
    name: str | None = None,
    redis_url: str | None = None,
    cli: str | None = None,
    env: Mapping[str, str],
) -> NewTown:
    """Check what a new town shall be, and make its folder.

    A server that is named, by argument or by ``REDIS_URL``, will be written down; its password is kept apart, in the
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
        ConfigError: The folder cannot be made, or the settings would not load.
    """
    root = Path(path if path is not None else Path.cwd()).expanduser()
    try:
        root.mkdir(parents=True, exist_ok=True)
        root = root.resolve(strict=True)
    except OSError as error:
        raise ConfigError(path=str(root), detail=f"cannot be made a town: {error.strerror}") from None
    point("verb.folder_made")
    if "\n" in str(root):
        raise InvalidValueError(
            what="folder",
            detail=f"{str(root)[-80:]!r} holds a line break, so no round could run there",
            hint="rename it",
        )
    paths = TownPaths(root)
    if os.path.lexists(paths.config):
        raise _exists(root)
    chosen = check_town_name(name) if name is not None else town_name_from(root.name)
    url, secret = redis_url or env.get("REDIS_URL", "").strip() or None, None
    if url is not None:
        parts = split_url(url, what="--redis-url" if redis_url else "REDIS_URL")
        check_scheme(parts.url)
        url = parts.url
        if parts.password:
            check_password(parts.password)
            secret = Credential(password=parts.password, username=parts.username)
    text = render_town_file(chosen, default_cli=cli, redis_url=url)
    return NewTown(paths=paths, text=text, config=parse_town(text, str(paths.config)), url=url, secret=secret)


def _exists(root: Path) -> RefusedError:
    return RefusedError(
        detail=f"`{root}` is a town already",
        refusal="town_exists",
        hint="use it as it is; its settings are in `tinytown.toml`",
    )

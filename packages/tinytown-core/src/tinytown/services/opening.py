"""Making and finding towns: which folder, which settings, which server, and whose town that is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import attrs

from tinytown.config.discover import find_town
from tinytown.config.paths import TownPaths, user_home
from tinytown.config.server_source import choose_server
from tinytown.config.town import load_town
from tinytown.errors import ConfigError, RefusedError
from tinytown.services import servers
from tinytown.services.claiming import Claim, claim_town, is_claimed
from tinytown.services.context import LocalNode, NodeControl, NoNode, TownContext, actor_from
from tinytown.services.steps import Patience, Steps

ROUND_PATIENCE_SECS = 10.0
"""How long a command inside a round waits for a server that its node brings back."""


@attrs.frozen(kw_only=True)
class Opened:
    """A town that was found.

    Attributes:
        context: What its operations need.
        reach: Where its server answers.
        claim: Steps that claim the town there, or None when this folder has done so before.
    """

    context: TownContext
    reach: servers.Reach
    claim: Steps[bool] | None

    def patience(self) -> Patience:
        """Give what is done when the server does not answer."""
        context = self.context
        if context.in_round:
            return Patience(secs=ROUND_PATIENCE_SECS)
        revive = servers.reviver(context.paths, context.config, context.server, context.env) if context.starts else None
        return Patience(revive=revive)


def open_town(
    path: str | Path | None = None,
    *,
    env: Mapping[str, str] | None = None,
    start: bool = True,
    node_control: NodeControl | None = None,
) -> Opened:
    """Find a town and its server.

    Args:
        path: Its folder; found by ``TINYTOWN_TOWN`` or upwards from the working directory when left out.
        env: Environment; that of the process when left out.
        start: Whether the town's own server, and later the node, may be started.
        node_control: The node of this machine; that of `tinytown.node.control` when left out.

    Raises:
        NoTownError: There is no town.
        ConfigError: Its settings cannot be read.
        ServerStartError: Its own server cannot be started.
    """
    env = os.environ if env is None else env
    root = find_town(path, env)
    paths = TownPaths(root)
    config = load_town(paths.config)
    node = node_control or LocalNode()
    choice = choose_server(paths, config, node_alive=lambda: node.node_runs(paths), env=env)
    if choice.url == servers.MEMORY_URL and node_control is None:
        node = NoNode()
    actor = actor_from(env)
    in_round = actor.round_id is not None
    reach = servers.find_server(paths, config, choice, start=start and not in_round, env=env)
    context = TownContext(
        root=root,
        config=config,
        paths=paths,
        server=choice,
        actor=actor,
        env=env,
        node_control=node,
        starts=start,
    )
    context.notices.extend(choice.notices)
    claim = Claim(choice.url, config.name, reach.instance)
    needed = not in_round and (reach.started or choice.url == servers.MEMORY_URL or not is_claimed(paths, claim))
    steps = claim_town(paths, config, claim, own_server=choice.embedded, copied=reach.copied) if needed else None
    return Opened(context=context, reach=reach, claim=steps)


@attrs.frozen(kw_only=True)
class NewTown:
    """The files of a town that is being made.

    Attributes:
        root: Its folder.
        paths: Its files.
        made_folder: The folder did not exist before.
    """

    root: Path
    paths: TownPaths
    made_folder: bool

    def undo(self) -> None:
        """Take back what was written, after its server refused; what was there before stays."""
        self.paths.config.unlink(missing_ok=True)

    def register(self, name: str, env: Mapping[str, str]) -> None:
        """Have git leave `.tt/` out, and note the town for `tt towns`."""
        from tinytown.config.registry import register_town
        from tinytown.config.write import add_to_gitignore

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
    from tinytown.config.credentials import save_credential
    from tinytown.config.files import write_shared
    from tinytown.config.urls import split_url
    from tinytown.config.write import check_town_name, render_town_file, town_name_from

    root = Path(path if path is not None else Path.cwd()).expanduser()
    made = not root.exists()
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
    return NewTown(root=root, paths=paths, made_folder=made)

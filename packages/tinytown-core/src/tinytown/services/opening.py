"""Making and finding towns: which folder, which settings, which server, and whose town that is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from tinytown.config.discover import find_town
from tinytown.config.paths import TownPaths
from tinytown.config.server_source import choose_server
from tinytown.config.town import TownConfig, load_town
from tinytown.errors import ConfigError
from tinytown.services import servers
from tinytown.services.claiming import Claim, claim_town, is_claimed
from tinytown.services.context import LocalNode, NodeControl, NoNode, TownContext, actor_from
from tinytown.services.steps import Patience, Steps

if TYPE_CHECKING:
    from tinytown.services.making import NewTown

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
    unfinished: bool = False,
    new: NewTown | None = None,
) -> Opened:
    """Find a town and its server.

    Args:
        path: Its folder; found by ``TINYTOWN_TOWN`` or upwards from the working directory when left out.
        env: Environment; that of the process when left out.
        start: Whether the town's own server, and later the node, may be started.
        node_control: The node of this machine; that of `tinytown.node.control` when left out.
        unfinished: Open it though a restore or a reset of it was interrupted, to go on with that.
        new: A town that is being made and has no file yet; it is taken as it is and claimed in any case.

    Raises:
        NoTownError: There is no town.
        ConfigError: Its settings cannot be read.
        ServerStartError: Its own server cannot be started.
    """
    env = os.environ if env is None else env
    paths = new.paths if new is not None else TownPaths(find_town(path, env))
    actor = actor_from(env)
    in_round = actor.round_id is not None
    if actor.by == "conductor":
        from tinytown.services.conversation import with_variables

        env = with_variables(paths, env)
    config = new.config if new is not None else _settings(paths, in_round=in_round)
    node = node_control or LocalNode()
    choice = choose_server(paths, config, node_alive=lambda: node.node_runs(paths), env=env)
    if new is not None:
        choice = new.with_secret(choice, env)
    if choice.url == servers.MEMORY_URL and node_control is None:
        node = NoNode()
    reach = servers.find_server(paths, config, choice, start=start and not in_round, env=env)
    context = TownContext(
        root=paths.root,
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
    sure = new is None and not reach.started and choice.url != servers.MEMORY_URL and is_claimed(paths, claim)
    needed = not in_round and not sure
    steps = (
        claim_town(paths, config, claim, own_server=choice.embedded, copied=reach.copied, unfinished=unfinished)
        if needed
        else None
    )
    return Opened(context=context, reach=reach, claim=steps)


def _settings(paths: TownPaths, *, in_round: bool) -> TownConfig:
    """Read the settings; inside a round those that its node could read last will do, so that no result is lost."""
    try:
        return load_town(paths.config)
    except ConfigError:
        if not in_round or not paths.node_settings.exists():
            raise
        return load_town(paths.node_settings)

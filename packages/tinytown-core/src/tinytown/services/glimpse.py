"""A quick look at a town whose server runs already, for completion: what cannot be seen at once is left out."""

from __future__ import annotations

import os

import attrs

from tinytown.config.paths import TownPaths
from tinytown.config.server_source import choose_server
from tinytown.config.town import load_town
from tinytown.domain.records import Agent, Task
from tinytown.errors import TinytownError

_MOST = 100


@attrs.frozen
class Glimpse:
    """Agents and open tasks, the first hundred of each; nothing where nobody answered."""

    agents: tuple[Agent, ...] = ()
    tasks: tuple[Task, ...] = ()


def glimpse(paths: TownPaths | None) -> Glimpse:
    """Look at a town. Starts nothing and never fails.

    Args:
        paths: Its files; None for no town.
    """
    from tinytown.domain.states import OPEN_TASKS, TaskState
    from tinytown.node.control import node_runs
    from tinytown.services.neighbours import running_url
    from tinytown.services.servers import MEMORY_URL, open_storage
    from tinytown.storage.calls import agents, tasks

    if paths is None:
        return Glimpse()
    try:
        config = load_town(paths.config)
        server = choose_server(paths, config, node_alive=lambda: node_runs(paths), env=os.environ)
        url = running_url(paths, server)
        if url is None or url == MEMORY_URL:
            return Glimpse()
        storage = open_storage(paths, config.name, server, url)
        try:
            found = storage.run(agents.listing(limit=_MOST)).items
            states = [state for state in TaskState if state in OPEN_TASKS]
            pages = [storage.run(tasks.listing(state=state, limit=_MOST)).items for state in states]
        finally:
            storage.close()
    except (TinytownError, OSError, ValueError):
        return Glimpse()
    return Glimpse(tuple(found), tuple(task for page in pages for task in page)[:_MOST])

"""After work was added: see that somebody will do it, or say who must start what."""

from __future__ import annotations

from tinytown.crash import point
from tinytown.errors import NodeStartError
from tinytown.services.context import NodeControl, TownContext
from tinytown.services.steps import Steps, local

NO_NODE = "no_node: no node runs here, so nothing is started; `tt start` starts it"


def see_to_it(context: TownContext, *, restart: bool = False) -> Steps[None]:
    """Start the node if none runs here and it may be started; otherwise leave a notice that says so.

    The work is on record by now, so a node that does not start is a notice and no error.

    Args:
        context: The town.
        restart: Start it even after `tt stop`.
    """
    node = context.node_control
    point("verb.work_recorded")
    if context.in_round:
        return
    yield from local(lambda: _start_if_needed(context, node, restart=restart))


def _start_if_needed(context: TownContext, node: NodeControl, *, restart: bool) -> None:
    if node.node_runs(context.paths):
        return
    if not context.starts or (not restart and node.was_stopped(context.paths)):
        context.notices.append(NO_NODE)
        return
    try:
        node.ensure_node(context.paths, env=context.env)
    except NodeStartError as error:
        context.notices.append(f"no_node: {error.message}; see `{context.paths.node_log}`")

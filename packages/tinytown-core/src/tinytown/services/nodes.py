"""Operations on the node of this machine and on those on record; the town in counts."""

from __future__ import annotations

import contextlib

from tinytown.crash import point
from tinytown.domain.records import Node
from tinytown.errors import NodeStartError, StorageUnavailableError
from tinytown.services import checks
from tinytown.services.context import NodeControl, TownContext
from tinytown.services.steps import Steps, ask, hang_up, local
from tinytown.storage.calls import nodes as node_calls
from tinytown.storage.calls import town as town_calls
from tinytown.storage.calls.answers import Overview, Page

STOP_SECS = 10.0


def status(context: TownContext, *, limit: int = 100) -> Steps[Overview]:
    """Count everything, with the first agents, nodes and open items, in one round trip."""
    _ = context
    return (yield from ask(town_calls.status(limit=checks.limit(limit))))


def nodes(context: TownContext) -> Steps[Page[Node]]:
    """List all nodes that ever joined, by their names."""
    _ = context
    return (yield from ask(node_calls.listing()))


def node_runs(context: TownContext) -> bool:
    """Say whether the node of this town runs on this machine, by its lock."""
    return context.node_control.node_runs(context.paths)


def start_node(context: TownContext) -> Steps[None]:
    """Start the node of this machine if it does not run; the town then no longer counts as stopped.

    Raises:
        NodeStartError: It could not be started, or this town can have no node.
    """
    node = _control(context)

    yield from local(lambda: node.ensure_node(context.paths, env=context.env))


def stop(context: TownContext, *, timeout: float = STOP_SECS, now: bool = False) -> Steps[bool]:
    """Stop the node of this machine: no new rounds, wait for the live ones, hand the rest back, then end.

    The town's own server is ended too, once nobody else uses it. Until `start_node` or `spawn` the town stays
    stopped: other verbs only say so.

    Args:
        context: The town.
        timeout: How many seconds live rounds have.
        now: End them at once.

    Returns:
        Whether a node was running.

    Raises:
        NodeStartError: This town can have no node, or a round must not stop it.
    """
    node = _control(context)
    secs = checks.secs(timeout, what="timeout") or 0.0
    was_running = yield from local(lambda: node.stop_node(context.paths, timeout=secs, now=now))
    point("verb.node_ended")
    if context.server.embedded:
        yield from hang_up()
        yield from local(lambda: _end_unused_server(context))
    return was_running


def _end_unused_server(context: TownContext) -> None:
    """End the town's own server; one that others use, or that does not answer, is left to its idle end."""
    from tinytown.storage.embedded.server import stop_server

    with contextlib.suppress(StorageUnavailableError):
        stop_server(context.paths, only_unused=True)


def _control(context: TownContext) -> NodeControl:
    if context.in_round:
        raise NodeStartError(
            detail="a round may not start or stop the node it runs under", hint="ask a person with `tt send conductor`"
        )
    return context.node_control

"""Nodes as causes: is there one that can do the work?"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from tinytown.config.paths import TownPaths
from tinytown.domain.records import Node, Record, Round
from tinytown.domain.states import NodeState, RoundState
from tinytown.services.causes import Cause, cause, one_line, span
from tinytown.services.context import TownContext
from tinytown.services.steps import Steps, local

LOST_AFTER_MS = 45_000
"""A node that has not beaten for so long counts as lost; one on this machine is judged by its lock instead."""


_LAST_BYTES = 4096


@attrs.frozen(kw_only=True)
class NodesView:
    """The nodes of the town at one moment.

    Attributes:
        nodes: Those on record.
        local_id: Id of this machine's node.
        local_runs: Whether its lock is held.
        now: The server's time in milliseconds.
        ages_ms: For how long live rounds of this machine have gone on, measured here, by id.
        said: The error with which the last node of this machine ended, if it did not simply stop.
    """

    nodes: Sequence[Node]
    local_id: str
    local_runs: bool
    now: int
    said: str = ""
    ages_ms: Mapping[str, float] = attrs.field(factory=dict[str, float])

    def _no_node(self, ref: str) -> Cause:
        return cause("no_node", ref, said=f"; the last one ended with: {self.said}" if self.said else "")

    def age_ms(self, live: Round) -> float:
        """Say for how long a live round has gone on: measured if it is here, else by the server's clock."""
        return self.ages_ms.get(live.id, self.now - live.started_at)

    def named(self, node_id: str | None) -> Node | None:
        """Give a node on record."""
        return next((node for node in self.nodes if node.id == node_id), None)

    def hindrance(self, node_id: str | None) -> Cause | None:
        """Say why a node does no work, or None when it does."""
        node = self.named(node_id)
        if node_id is not None and node_id == self.local_id:
            if not self.local_runs:
                return self._no_node(node_id)
            return cause("node_stopping", node.id, node=node.name) if _is(node, NodeState.STOPPING) and node else None
        if node is None:
            return self._no_node(node_id or "town")
        if node.state is NodeState.DOWN:
            return cause("node_down", node.id, node=node.name, host=node.host)
        silent = self.now - node.beat_at
        if abs(silent) > LOST_AFTER_MS:  # a beat of the future is of a clock that has gone back since
            ago = f"for {span(silent)}" if silent > 0 else "since the server's clock went back"
            return cause("node_lost", node.id, node=node.name, host=node.host, ago=ago)
        if node.state is NodeState.STOPPING:
            return cause("node_stopping", node.id, node=node.name)
        return None

    def any_hindrance(self) -> Cause | None:
        """Say why no node at all does any work, or None when one does."""
        if self.local_runs and self.hindrance(self.local_id) is None:
            return None
        others = [node for node in self.nodes if node.id != self.local_id]
        if any(self.hindrance(node.id) is None for node in others):
            return None
        if self.local_runs or not others:
            return self.hindrance(self.local_id) or self._no_node("town")
        return self._no_node("town")

    def full(self, node_id: str | None) -> Cause | None:
        """Say that a node runs as many rounds as it may, or None."""
        node = self.named(node_id)
        if node is None or not node.capacity or node.running < node.capacity:
            return None
        return cause("capacity_full", node.id, node=node.name, running=node.running, capacity=node.capacity)


def _is(node: Node | None, state: NodeState) -> bool:
    return node is not None and node.state is state


def view_nodes(context: TownContext, nodes: Sequence[Node], now: int, *rounds: Record | None) -> Steps[NodesView]:
    """Put what is on record together with what this machine's lock says, and how long rounds of it have gone on."""
    local_id, runs = yield from own_node(context)
    said = "" if runs else (yield from local(lambda: _last_error(context.paths.node_log)))
    live = [each.id for each in rounds if isinstance(each, Round) and each.state is RoundState.LIVE]
    ages = (yield from local(lambda: _ages(context.paths, live))) if live else {}
    return NodesView(nodes=nodes, local_id=local_id, local_runs=runs, now=now, said=said, ages_ms=ages)


def _ages(paths: TownPaths, live: Sequence[str]) -> dict[str, float]:
    """Measure how long ago the processes of rounds were started, by what no setting of a clock moves."""
    from tinytown.node import processes
    from tinytown.node.launch.files import read_claim

    ages: dict[str, float] = {}
    for round_id in live:
        try:
            claim = read_claim(paths.round_dir(round_id))
        except (OSError, ValueError, KeyError):
            continue
        if claim is not None and claim.boot_id == processes.boot_id():
            ages[round_id] = processes.secs_since(claim.since) * 1000
    return ages


def _last_error(log: Path) -> str:
    """Give the error that is the last line of a node's log; one that was stopped has left none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LAST_BYTES))
            lines = file.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    _, found, words = (lines[-1] if lines else "").partition(" ERROR ")
    return one_line(words) if found else ""


def own_node(context: TownContext) -> Steps[tuple[str, bool]]:
    """Give the id of this machine's node, and whether its lock is held."""
    control, paths = context.node_control, context.paths

    def look() -> tuple[str, bool]:
        return control.node_identity(paths), control.node_runs(paths)

    return (yield from local(look))

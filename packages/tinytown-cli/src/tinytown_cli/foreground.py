"""Running in front: the node itself for `tt start --foreground`, one agent for `tt spawn --foreground`."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from tinytown.domain.states import AgentState
from tinytown.errors import RefusedError

from tinytown_cli import views
from tinytown_cli.exits import DONE, INTERRUPTED, REFUSED
from tinytown_cli.round_log import POLL_SECS, RoundLog, shown

if TYPE_CHECKING:
    from tinytown import Town
    from tinytown.domain.records import Agent, Event

    from tinytown_cli.context import Context

_OVER = frozenset({AgentState.STOPPED, AgentState.ERROR})


def run_node(context: Context) -> int:
    """Become the node of the town. Does not return.

    Raises:
        RefusedError: One runs here already, or a round asks.
    """
    from tinytown.config.discover import find_town
    from tinytown.config.paths import TownPaths
    from tinytown.node.control import STOPPED, node_runs

    paths = TownPaths(find_town(context.flags.town))
    if os.environ.get("TINYTOWN_ROUND_ID"):
        raise RefusedError(
            detail="a round may not start the node it runs under", hint="ask a person with `tt send conductor`"
        )
    if node_runs(paths):
        raise RefusedError(detail="the node of this town runs already", hint="`tt stop` ends it, `tt logs -f` shows it")
    (paths.node_dir / STOPPED).unlink(missing_ok=True)
    context.out.note(f"running the node of {paths.root}; Ctrl-C ends it")
    context.out.end()
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-P", "-m", "tinytown.node", "--town", str(paths.root)])  # noqa: S606


def spawn_in_front(context: Context, **fields: object) -> int:
    """Make an agent and show its rounds until it has stopped; Ctrl-C closes it, a second one kills it.

    A node that was started for it ends with it, unless other agents are at work by then.

    Returns:
        The exit code: 0 when it has stopped, 1 when it cannot work, 130 after Ctrl-C.
    """
    from tinytown.services.watching import now

    town = context.town
    hosted = not town.node_runs()
    beginning = town.run_steps(now())
    agent = town.spawn(**fields)  # pyright: ignore[reportArgumentType] - the fields of the command's row
    context.out.end()
    follower = _Follower(context, agent, beginning)
    code = DONE
    closes = [town.close_agent, town.kill]
    while True:
        try:
            code = code or (REFUSED if follower.run().state == AgentState.ERROR else DONE)
            break
        except KeyboardInterrupt:
            code = INTERRUPTED
            if not closes:
                break
            verb = closes.pop(0)
            context.out.note("closing the agent; Ctrl-C again kills it" if closes else "killing the agent")
            verb(agent.id, wait=False)
    if hosted and town.status().live == 0:
        town.stop()
        context.out.note("the node that was started for it has ended")
    return code


class _Follower:
    """Shows what an agent does."""

    def __init__(self, context: Context, agent: Agent, position: str) -> None:
        self._context = context
        self._agent = agent
        self._seen: set[str] = set()
        self._position = position

    @property
    def _town(self) -> Town:
        return self._context.town

    def run(self) -> Agent:
        """Show everything until the agent has stopped, and give it as it is then."""
        from tinytown.services import watching

        chosen = watching.Filter(agent_id=self._agent.id)
        while True:
            now = self._town.agent(self._agent.id)
            if now.round_id is not None:
                self._show_round(now.round_id)
            if now.state in _OVER:
                self._context.out.note(f"{now.name} is {views.agent_state(now)}")
                return now
            self._position, found = self._town.run_steps(watching.next_events(self._position, chosen))
            for event in found:
                self._show(event)

    def _show(self, event: Event) -> None:
        out = self._context.out
        if out.json:
            out.record(event, lambda _: None)
            out.flush()
        else:
            out.note(views.event_line(event))
        if event.type == "round.started" and event.round_id is not None:
            self._show_round(event.round_id)

    def _show_round(self, round_id: str) -> None:
        if round_id in self._seen or self._context.out.json:
            return
        self._seen.add(round_id)
        log = RoundLog(self._town.paths.round_dir(round_id))
        while not log.begun:  # its event comes before its workspace and files
            if self._town.agent(self._agent.id).round_id != round_id:
                return
            time.sleep(POLL_SECS)
        for piece in shown(log.chunks(follow=True), raw=False):
            self._context.out.raw(piece)

"""`tt init`, `start`, `stop` and `status`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinytown.domain.states import TaskState

from tinytown_cli import views

_OUTPUT_LINES = 8

if TYPE_CHECKING:
    from tinytown.domain.records import Agent
    from tinytown.storage.calls.answers import Overview

    from tinytown_cli.context import Context
    from tinytown_cli.output import Output


def init(context: Context, *, name: str | None, cli: str | None, redis_url: str | None) -> None:
    """Make a town of the folder that `--town` names, or of the working directory."""
    from tinytown import Town
    from tinytown.domain.names import plain_name

    cli = None if cli is None else plain_name(cli, what="agent CLI")
    town = context.adopt(Town.init(context.flags.town, name=name, redis_url=redis_url, cli=cli))

    def human(out: Output) -> None:
        out.line(f"town `{town.name}` in {town.root}")
        out.line(f"server: {_server(town.server)}")
        out.note("next: tt spawn w1")

    context.out.either(lambda: {"name": town.name, "root": str(town.root), "server": _server(town.server)}, human)


def start(context: Context, *, foreground: bool, install: bool) -> int:
    """Start the node, or write a service that does."""
    if install:
        from tinytown_cli.service import install as write

        return write(context)
    town = context.town
    if foreground:
        from tinytown_cli.foreground import run_node

        return run_node(context)
    town.start_node()
    _say(context, {"node": "running", "town": town.name}, "the node is running")
    return 0


def stop(context: Context, *, timeout: float | None, now: bool) -> None:
    """End the node."""
    town = context.open(start=False)
    from tinytown_cli.progress import working

    with working(context.out, "the node ends its rounds"):
        stopped = town.stop(timeout=10.0 if timeout is None else timeout, now=now)
    text = "the node has ended; `tt start` starts it again" if stopped else "no node was running"
    _say(context, {"node": "stopped", "was_running": bool(stopped), "town": town.name}, text)


def status(context: Context, *, deep: bool, tasks: bool) -> None:
    """Show the town at a glance."""
    town = context.town
    overview = town.status()
    page = town.tasks(limit=100) if tasks else None

    def document() -> dict[str, Any]:
        from tinytown.storage.codec import as_json

        found: dict[str, Any] = {
            "town": town.name,
            "root": str(town.root),
            "server": _server(town.server),
            "tasks": {str(state): overview.tasks.get(state, 0) for state in TaskState},
            "agents_total": overview.agents_total,
            "agents": [as_json(agent) for agent in overview.agents],
            "nodes": [as_json(node) for node in overview.nodes],
            "attention_total": overview.attention_total,
            "attention": [as_json(item) for item in overview.attention],
            "conductor_mail": overview.conductor_mail,
            "live_rounds": overview.live,
        }
        if page is not None:
            found["task_list"] = {"items": [as_json(task) for task in page.items], "next": page.next}
        return found

    def human(out: Output) -> None:
        out.line(f"town    {town.name}  {town.root}")
        out.line(f"server  {_server(town.server)}")
        _counts(out, overview)
        out.line()
        views.agents(out, overview.agents, empty="no agents yet: tt spawn w1")
        if overview.agents_total > len(overview.agents):
            out.note(f"{overview.agents_total - len(overview.agents)} more agents: tt list")
        if deep:
            for agent in overview.agents:
                out.line()
                views.agent(out, agent)
                _last_output(context, out, agent)
        if page is not None:
            out.line()
            views.tasks(out, page.items, empty="no tasks yet")
        if overview.attention:
            out.line()
            views.attention(out, overview.attention, empty="")

    context.out.either(document, human)


def _last_output(context: Context, out: Output, agent: Agent) -> None:
    """Show the end of what an agent printed in its last round, where that was on this machine."""
    if not agent.rounds_completed and agent.round_id is None:
        return
    from tinytown.errors import NotFoundError

    from tinytown_cli.round_log import RoundLog, last_lines, shown

    try:
        log = RoundLog(context.town.log_file(agent.id).parent)
    except NotFoundError:
        return
    if log.begun:
        text = last_lines(shown(log.chunks(follow=False), raw=False), _OUTPUT_LINES)
        for line in text.splitlines():
            out.line(f"  | {line}", "dim")


def _counts(out: Output, overview: Overview) -> None:
    up = [node for node in overview.nodes if node.state == "up"]
    out.line(
        f"nodes   {len(up)} up, {overview.live} live rounds" if up else "nodes   none is up (no_node): tt start",
        None if up else "yellow",
    )
    counts = ", ".join(f"{overview.tasks[state]} {state}" for state in TaskState if overview.tasks.get(state))
    out.line(f"tasks   {counts or 'none'}")
    if overview.conductor_mail:
        out.line(f"mail    {overview.conductor_mail} for the conductor: tt inbox conductor")
    if overview.attention_total:
        out.line(f"needs you: {overview.attention_total}, see `tt attention list`", "yellow")


def _say(context: Context, document: dict[str, Any], text: str) -> None:
    context.out.either(lambda: document, lambda out: out.line(text))


def _server(choice: Any) -> str:
    from tinytown.config.server_source import describe

    return describe(choice)

"""`tt wait`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinytown_cli import views

if TYPE_CHECKING:
    from tinytown_cli.context import Context


def wait(context: Context, *, ref: str, timeout: float | None) -> None:
    """Wait until a task is closed, or until an agent has nothing to do."""
    from tinytown_cli.progress import working

    with working(context.out, f"waiting for {ref}"):
        found = context.town.wait(ref, timeout=timeout)
    from tinytown.domain.records import Agent

    if isinstance(found, Agent):
        agent = found
        context.out.record(agent, lambda out: out.line(f"{agent.name}  {agent.id}  {views.agent_state(agent)}"))
    else:
        task = found
        context.out.record(task, lambda out: out.line(f"{task.id}  {task.state}"))

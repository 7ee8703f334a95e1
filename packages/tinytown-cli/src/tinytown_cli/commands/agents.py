"""Commands about agents."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tinytown.errors import UsageError

from tinytown_cli import views

if TYPE_CHECKING:
    from tinytown.domain.records import Agent

    from tinytown_cli.context import Context


def spawn(
    context: Context,
    *,
    name: str,
    cli: str | None,
    role: str | None,
    nickname: str | None,
    parent: str | None,
    model: str | None,
    max_rounds: int | None,
    worktree: bool,
    no_worktree: bool,
    base: str | None,
    foreground: bool,
) -> int:
    """Make an agent."""
    if worktree and no_worktree:
        raise UsageError(detail="`--worktree` and `--no-worktree` exclude each other", hint="give one of them")
    fields = {
        "name": name,
        "cli": cli,
        "role": role,
        "nickname": nickname,
        "parent": parent,
        "model": model,
        "worktree": True if worktree else False if no_worktree else None,
        "base": base,
        "max_rounds": max_rounds,
    }
    if foreground:
        from tinytown_cli.foreground import spawn_in_front

        return spawn_in_front(context, **fields)
    _show(context, context.town.spawn(**fields))  # pyright: ignore[reportArgumentType] - named as in the service
    return 0


def list_agents(context: Context, *, state: str | None, role: str | None, limit: int | None, after: int | None) -> None:
    """List the agents."""
    page = context.town.agents(state=state, role=role, after=after, limit=100 if limit is None else limit)
    empty = "no agents yet: tt spawn w1" if state is role is None else "no such agents"
    context.out.items(page.items, lambda out: views.agents(out, page.items, empty=empty), next_=page.next)


def nodes(context: Context) -> None:
    """List the nodes."""
    page = context.town.nodes()
    context.out.items(
        page.items, lambda out: views.nodes(out, page.items, empty="no node has joined yet: tt start"), next_=page.next
    )


def kill(context: Context, *, agent: str, no_wait: bool) -> None:
    """Stop an agent at once."""
    _ended(context, context.town.kill, agent, wait=not no_wait)


def interrupt(context: Context, *, agent: str, no_wait: bool) -> None:
    """End an agent's round and pause it."""
    _ended(context, context.town.interrupt, agent, wait=not no_wait)


def restart(context: Context, *, agent: str, no_wait: bool) -> None:
    """Stop an agent and start it anew."""
    _ended(context, context.town.restart, agent, wait=not no_wait)


def close(context: Context, *, agent: str) -> None:
    """Let an agent finish what it has."""
    _show(context, context.town.close_agent(agent, wait=False))


def resume(context: Context, *, agent: str) -> None:
    """Let an agent go on."""
    _show(context, context.town.resume(agent, wait=False))


def _ended(context: Context, verb: Callable[..., Agent], ref: str, *, wait: bool) -> None:
    agent = verb(ref, wait=False)
    if agent.round_id is not None:
        context.say_notices()
        context.out.note(
            f"{'waiting until' if wait else 'told to end:'} round `{agent.round_id}` of {agent.name}"
            f"{' has ended' if wait else ''}"
        )
        if wait:
            from tinytown.services.agents import ROUND_SECS
            from tinytown.services.settling import agent_settled

            from tinytown_cli.progress import working

            with working(context.out, f"round {agent.round_id} ends"):
                agent = context.town.run_steps(agent_settled(agent, timeout=ROUND_SECS))
    _show(context, agent)


def _show(context: Context, agent: Agent) -> None:
    state = views.agent_state(agent)
    if agent.wanted not in {"run", state} and state not in {"stopped", "error"}:
        state += f" ({agent.wanted})"  # its live round goes on until it has ended
    context.out.record(agent, lambda out: out.line(f"{agent.name}  {agent.id}  {state}  [{agent.role}] {agent.cli}"))

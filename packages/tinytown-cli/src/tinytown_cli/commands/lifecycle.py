"""`tt prune` and `tt recover`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from tinytown.errors import UsageError
from tinytown.services.pruning import Pruned

from tinytown_cli import views
from tinytown_cli.asking import agree

if TYPE_CHECKING:
    from tinytown.domain.records import Agent
    from tinytown.services.recovering import Recovered

    from tinytown_cli.context import Context
    from tinytown_cli.output import Output


def prune(
    context: Context,
    *,
    agents: tuple[str, ...],
    all: bool,  # noqa: A002
    trash: bool,
    undo: bool,
    refs: bool,
    dry_run: bool,
    force: bool,
) -> int:
    """Remove agents that have ended and hold nothing, and their worktrees."""
    town = context.town
    if sum((all, trash, undo, refs)) > 1 or ((trash or refs) and agents) or (undo and len(agents) > 1):
        raise UsageError(
            detail="`--all`, `--trash`, `--undo` and `--refs` exclude each other; only `--undo` takes one name",
            hint="give one of them",
        )
    if undo:
        done = Pruned(dry_run=dry_run, workspaces=(town.undo_prune(agents[0] if agents else None, dry_run=dry_run),))
    elif trash or refs:
        verb = town.empty_trash if trash else town.forget_refs
        going = [each for each in verb(dry_run=True) if each.action != "kept"]
        if going and not dry_run:
            what = "worktrees in the trash" if trash else "snapshots of worktrees"
            agree(context.out, f"This would delete {len(going)} {what}.", force=force)
        done = Pruned(dry_run=dry_run, workspaces=verb(dry_run=dry_run))
    else:
        done = _prune_agents(context, agents, all=all, dry_run=dry_run, force=force)
    context.out.either(lambda: _pruned(done), lambda out: _show_pruned(out, done))
    return 1 if agents and done.kept else 0


def _prune_agents(context: Context, agents: tuple[str, ...], *, all: bool, dry_run: bool, force: bool) -> Pruned:  # noqa: A002
    town = context.town
    plan = town.prune(agents, all=all, dry_run=True)
    going = [each for each in plan.workspaces if each.action != "kept"]
    if not dry_run and (plan.removed or plan.killed or going):
        stopped = f"stop {_names(plan.killed)} and " if plan.killed else ""
        beside = f", and put {len(going)} worktrees away" if going else ""
        agree(context.out, f"This would {stopped}remove {_names(plan.removed)}{beside}.", force=force)
    return plan if dry_run else town.prune(agents, all=all)


def _pruned(found: Pruned) -> dict[str, Any]:
    return {
        "dry_run": found.dry_run,
        "killed": [_short(agent) for agent in found.killed],
        "removed": [_short(agent) for agent in found.removed],
        "kept": [
            {
                **_short(each.agent),
                "open_tasks": each.agent.open_tasks,
                "mail": each.agent.mail,
                "why": each.why,
                "command": each.command,
            }
            for each in found.kept
        ],
        "workspaces": [attrs.asdict(each) for each in found.workspaces],
    }


def _short(agent: Agent) -> dict[str, Any]:
    return {"agent": agent.name, "agent_id": agent.id, "state": views.agent_state(agent)}


def _show_pruned(out: Output, found: Pruned) -> None:
    would = "would be " if found.dry_run else ""
    rows = [(agent.name, agent.id, f"{would}stopped", "") for agent in found.killed]
    rows += [(agent.name, agent.id, f"{would}removed", "") for agent in found.removed]
    rows += [(each.agent.name, each.agent.id, "kept", f"{each.why}: {each.command}") for each in found.kept]
    rows += [
        (
            each.name or each.agent,
            "worktree",
            each.action if each.action == "kept" else f"{would}{each.action}",
            "; ".join(each.why),
        )
        for each in found.workspaces
    ]
    if rows:
        out.table(("NAME", "ID", "WHAT", "WHY"), rows)
    else:
        out.note("no agent has ended; `tt prune --all` stops the living ones first")


def _names(agents: tuple[Agent, ...]) -> str:
    shown = ", ".join(f"`{agent.name}`" for agent in agents[:5]) or "no agent"
    return shown + (f" and {len(agents) - 5} more" if len(agents) > 5 else "")  # noqa: PLR2004


def recover(context: Context, *, agents: tuple[str, ...], dry_run: bool) -> int:
    """Start the node if it does not run, and agents that failed."""
    found = context.town.recover(agents, dry_run=dry_run)
    context.out.either(lambda: _recovered(found), lambda out: _show_recovered(out, found))
    return 1 if any(each.failed for each in found.agents) else 0


def _recovered(found: Recovered) -> dict[str, Any]:
    return {
        "dry_run": found.dry_run,
        "node_started": found.node_started,
        "agents": [
            {
                **_short(each.agent),
                "cause": each.cause.code,
                "why": each.cause.text,
                "command": each.cause.command,
                "restarted": each.restarted,
                "failed": each.failed,
            }
            for each in found.agents
        ],
    }


def _show_recovered(out: Output, found: Recovered) -> None:
    would = "would be " if found.dry_run else ""
    out.line(f"node: {would}started, because none ran here" if found.node_started else "node: runs")
    rows = [
        (
            each.agent.name,
            views.state_cell(views.agent_state(each.agent)),
            f"{would}restarted" if each.restarted else f"not restarted: {each.failed}" if each.failed else "left alone",
            each.cause.text,
        )
        for each in found.agents
    ]
    if rows:
        out.table(("AGENT", "WAS", "NOW", "BECAUSE"), rows)

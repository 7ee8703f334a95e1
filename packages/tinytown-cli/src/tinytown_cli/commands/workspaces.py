"""`tt workspace`: worktrees of agents, and how their work gets into other branches."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tinytown.node.workspaces.landing import Landed

    from tinytown_cli.context import Context
    from tinytown_cli.output import Output


def list_workspaces(context: Context) -> None:
    """List the worktrees of agents."""
    import attrs

    found = context.town.workspaces()

    def show(out: Output) -> None:
        rows = [
            (
                each.agent,
                each.agent_state or "gone",
                each.branch,
                each.base,
                f"{each.first_port}-{each.first_port + each.ports - 1}" if each.first_port else "",
                "ready" if each.ready else "not ready",
            )
            for each in found
        ]
        if rows:
            out.table(("AGENT", "STATE", "BRANCH", "BASE", "PORTS", "WORKTREE"), rows)
        else:
            out.note("no agent has a worktree: tt spawn w1 --worktree")

    context.out.either(lambda: {"items": [attrs.asdict(each) for each in found], "next": None}, show)


def land(context: Context, *, agent: str, into: str | None, message: str | None, dry_run: bool) -> None:
    """Merge an agent's branch into another one."""
    import attrs

    done = context.town.land(agent, into=into, message=message, dry_run=dry_run)
    context.out.either(lambda: attrs.asdict(done), lambda out: _show_landed(out, done))
    if done.loose:
        context.out.note(f"{done.loose} files in the worktree of {done.agent} are not committed, so they stay there")


def _show_landed(out: Output, done: Landed) -> None:
    if done.state == "already":
        out.line(f"{done.branch} is landed in {done.into} already")
        return
    how = f"landed in {done.into} as {(done.commit or '')[:12]}" if done.commit else f"would land in {done.into}"
    tasks = f", of {', '.join(done.tasks)}" if done.tasks else ""
    out.line(f"{done.branch} {how}: {done.commits} commits, {len(done.files)} files{tasks}")

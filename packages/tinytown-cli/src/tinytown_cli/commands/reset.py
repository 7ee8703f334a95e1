"""`tt reset`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinytown_cli.asking import agree

if TYPE_CHECKING:
    from tinytown.services.resetting import Reset

    from tinytown_cli.context import Context
    from tinytown_cli.output import Output


def reset(context: Context, *, agents_only: bool, dry_run: bool, force: bool) -> None:
    """Take everything in the town away, after a save of it."""
    import attrs
    from tinytown import Town

    town = context.adopt(Town.open(context.flags.town, unfinished=True))
    plan = town.reset(agents_only=agents_only, dry_run=True)
    if not dry_run:
        agree(context.out, f"This would take away {_sentence(plan)}.", force=force)
    found = plan if dry_run else town.reset(agents_only=agents_only)
    context.out.either(lambda: attrs.asdict(found), lambda out: _show(out, found))


def _sentence(found: Reset) -> str:
    if found.agents_only:
        return f"{len(found.agents)} agents, and their {len(found.mail)} messages; {len(found.requeued)} tasks stay"
    tasks, mail = found.counts.get("task", 0), found.counts.get("message", 0)
    return f"{len(found.agents)} agents, {tasks} tasks, {mail} messages and the whole history"


def _show(out: Output, found: Reset) -> None:
    out.line(f"{'would take' if found.dry_run else 'took'} away {_sentence(found)}")
    if found.node_stopped:
        out.line("the node would be stopped first" if found.dry_run else "the node was stopped; `tt start` starts it")
    if found.kept:
        out.line(f"everything that was there is saved in {found.kept}")

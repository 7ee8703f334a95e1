"""`tt bootstrap`: a server program of the user's own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tinytown_cli.asking import can_ask, said_yes

if TYPE_CHECKING:
    from tinytown_cli.context import Context
    from tinytown_cli.output import Output


def bootstrap(
    context: Context,
    *,
    version: str | None,
    wheel: bool,
    source: str | None,
    sha256: str | None,
    agent: bool,
    cli: str | None,
    server: str | None,
    force: bool,
    dry_run: bool,
) -> None:
    """Get a server and put it in place."""
    import attrs
    from tinytown.services.bootstrap.model import wanted_from
    from tinytown.services.bootstrap.operation import Bootstrap

    wanted = wanted_from(
        version, wheel=wheel, source=source, sha256=sha256, agent=agent, cli=cli, kind=server, force=force
    )
    run = Bootstrap(
        wanted=wanted,
        env=os.environ,
        town=context.flags.town,
        say=context.out.note,
        ask=(lambda question: said_yes(context.out, question)) if can_ask(context.out) else None,
    )
    done = run.run(dry_run=dry_run)

    def human(out: Output) -> None:
        name = f"{(done.kind or 'server').capitalize()} {done.version or ''}".strip()
        if done.state == "planned":
            out.line(f"would put {name} from {done.origin} into {done.path or 'the folder of programs'}")
        elif done.state == "unchanged":
            out.line(f"{name} from {done.origin} is there already: {done.path}")
        else:
            out.line(f"{name} from {done.origin} was started, kept what it was given, and is now {done.path}")
        if done.sha256:
            out.line(f"sha256 {done.sha256}")
        if done.replaces:
            out.line(f"{'would replace' if done.state == 'planned' else 'replaced'}: {done.replaces}")
        if done.used and done.path and done.used != done.path:
            out.warn(f"towns start {done.used}, which comes before it; `tt doctor` shows the order")

    context.out.either(lambda: attrs.asdict(done), human)

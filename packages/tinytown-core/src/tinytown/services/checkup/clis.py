"""The agent CLIs that the town or its agents use: installed, new enough, signed in."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from tinytown.adapters.command import diagnose_command
from tinytown.config.precedence import agent_cli, default_cli
from tinytown.domain.states import AgentState
from tinytown.errors import TinytownError
from tinytown.hookspecs.values import AgentSpec, Diagnosis
from tinytown.plugins.adapters import Adapter
from tinytown.services.checkup.model import Level, Place, Row, warn
from tinytown.storage.calls import agents

_PAGES = 20


def clis(place: Place) -> Iterator[Row]:
    """Look at each agent CLI that is used, by its adapter's own eyes."""
    chosen = {
        cli
        for cli in (
            place.config.default_cli or place.settings.default_cli or place.machine.env.get("TINYTOWN_DEFAULT_CLI"),
            place.config.conductor_cli or place.settings.conductor_cli,
            *place.config.fallback_clis,
            *_of_agents(place),
        )
        if cli
    }
    if not chosen:
        name = default_cli(place.config, place.settings, env=place.machine.env).value
        text = f"no agent CLI is chosen, so a spawn without `--cli` takes `{name}`"
        yield warn(
            "agent CLI", text, "choose one with `tt spawn NAME --cli CLI`, or set `default_cli` in the town file"
        )
        return
    for cli in sorted(chosen):
        yield from _look_at(cli, place)


def _of_agents(place: Place) -> set[str]:
    """Give the agent CLIs of agents that live."""
    found: set[str] = set()
    if place.server.storage is None:
        return found
    after: int | None = None
    for _ in range(_PAGES):
        page = place.server.storage.run(agents.listing(after=after, limit=500))
        found.update(each.cli for each in page.items if each.cli and each.state is not AgentState.STOPPED)
        if page.next is None:
            break
        after = int(page.next)
    return found


def _look_at(cli: str, place: Place) -> Iterator[Row]:
    check = f"agent CLI {cli}"
    own = agent_cli(cli, place.config, place.settings)
    env = place.machine.env
    if own is not None:
        spec = AgentSpec(id="a-doctor", name="doctor", cli=cli, options=attrs.asdict(own, recurse=False))
        yield _row(
            check, diagnose_command(spec, env), f"correct `command` in `[agent_clis.{cli}]`, or install the program"
        )
        return
    try:
        adapter = Adapter.load(cli)
    except TinytownError as error:
        yield Row(check=check, level=Level.BAD, text=error.message, remedy=error.hint or "tt adapters list")
        return
    install = adapter.info.install_hint or f"see {adapter.info.homepage}".rstrip()
    for found in adapter.diagnose(env):
        yield _row(check, found, install)


def _row(check: str, found: Diagnosis, remedy: str) -> Row:
    level = {True: Level.OK, False: Level.BAD, None: Level.UNKNOWN}[found.ok]
    return Row(
        check=check,
        level=level,
        text=f"{found.what}: {found.text}",
        remedy=found.hint or (remedy if found.ok is False else None),
    )

"""The commands of `tt adapters`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinytown.hookspecs.values import AdapterInfo, Diagnosis

    from tinytown_cli.context import Context
    from tinytown_cli.output import Output

MARKS = {True: ("ok", "green"), False: ("bad", "red"), None: ("?", "yellow")}
"""How a finding is marked."""


def list_adapters(context: Context) -> None:
    """List the adapters without importing any."""
    from tinytown.plugins.installed import installed

    found = installed("adapters")

    def document() -> dict[str, Any]:
        items = [
            {
                "name": each.name,
                "built_in": each.built_in,
                "shadowed": each.shadowed,
                "distributions": list(each.distribution),
                "versions": list(each.version),
            }
            for each in found
        ]
        return {"items": items, "next": None}

    def human(out: Output) -> None:
        rows = [(each.name, ", ".join(each.distribution), ", ".join(each.version)) for each in found]
        out.table(("NAME", "FROM", "VERSION"), rows)

    context.out.either(document, human)


def show(context: Context, *, name: str) -> None:
    """Show what an adapter can do."""
    from tinytown.plugins.adapters import Adapter

    info = Adapter.load(name).info
    context.out.either(lambda: _document(info), lambda out: _card(out, info))


def doctor(context: Context, *, name: str | None) -> int:
    """Check whether agent CLIs are ready; with a name 5 when that one is not."""
    from tinytown.plugins.adapters import Adapter
    from tinytown.plugins.installed import installed

    names = [name] if name is not None else [each.name for each in installed("adapters") if not each.built_in]
    items: list[dict[str, Any]] = []
    for each in dict.fromkeys(names):
        findings = _own_findings(context, each) or Adapter.load(each).diagnose(os.environ)
        items += [
            {"adapter": each, "what": finding.what, "ok": finding.ok, "text": finding.text, "hint": finding.hint}
            for finding in findings
        ]

    def human(out: Output) -> None:
        for item in items:
            mark, colour = MARKS[item["ok"]]
            out.line(f"{mark:<4}{item['adapter']}: {item['text']}", colour if item["ok"] is not True else None)
            if item["hint"] and item["ok"] is not True:
                out.line(f"    -> {item['hint']}")
        if not items:
            out.note("no adapter of an agent CLI is installed: pip install 'tinytown[claude]'")

    context.out.either(lambda: {"items": items, "next": None}, human)
    from tinytown_cli.exits import AGENT_CLI

    return AGENT_CLI if name is not None and any(item["ok"] is False for item in items) else 0


def _own_findings(context: Context, name: str) -> tuple[Diagnosis, ...]:
    """Look at a command line of the town's own, which goes before an adapter of that name."""
    import attrs
    from tinytown.adapters.command import diagnose_command
    from tinytown.config.discover import find_town
    from tinytown.config.paths import TownPaths
    from tinytown.config.town import load_town
    from tinytown.errors import ConfigError, NoTownError
    from tinytown.hookspecs.values import AgentSpec

    try:
        own = load_town(TownPaths(find_town(context.flags.town)).config).agent_clis.get(name)
    except (NoTownError, ConfigError):
        return ()
    if own is None:
        return ()
    agent = AgentSpec(id="", name=name, cli=name, options=attrs.asdict(own, recurse=False))
    return (diagnose_command(agent, os.environ),)


def _abilities(info: AdapterInfo) -> list[str]:
    return [flag.name.lower() for flag in type(info.capabilities) if flag in info.capabilities and flag.name]


def _document(info: AdapterInfo) -> dict[str, str | list[str]]:
    return {
        "name": info.name,
        "executable": info.executable,
        "capabilities": _abilities(info),
        "env_vars": list(info.env_vars),
        "install_hint": info.install_hint,
        "homepage": info.homepage,
        "min_version": info.min_version,
        "tested_version": info.tested_version,
    }


def _card(out: Output, info: AdapterInfo) -> None:
    fields: dict[str, str | list[str]] = _document(info)
    for name, value in fields.items():
        text = ", ".join(value) if isinstance(value, list) else value
        if text:
            out.line(f"{name.replace('_', ' '):<15} {text}")

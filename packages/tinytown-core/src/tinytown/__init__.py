"""Tinytown coordinates AI coding agents through Redis. Here are the public names; each is imported when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tinytown._version import __version__ as __version__
    from tinytown.adapters.tools import fingerprint as fingerprint
    from tinytown.adapters.tools import json_object as json_object
    from tinytown.adapters.tools import probe_executable as probe_executable
    from tinytown.domain.outcomes import Outcome as Outcome
    from tinytown.hookspecs.markers import hookimpl as hookimpl
    from tinytown.hookspecs.snapshot import Decision as Decision
    from tinytown.hookspecs.snapshot import IdleAgent as IdleAgent
    from tinytown.hookspecs.snapshot import ReadyTask as ReadyTask
    from tinytown.hookspecs.snapshot import TownSnapshot as TownSnapshot
    from tinytown.hookspecs.values import AdapterInfo as AdapterInfo
    from tinytown.hookspecs.values import AgentSpec as AgentSpec
    from tinytown.hookspecs.values import Capability as Capability
    from tinytown.hookspecs.values import Command as Command
    from tinytown.hookspecs.values import Diagnosis as Diagnosis
    from tinytown.hookspecs.values import EndReason as EndReason
    from tinytown.hookspecs.values import EventKind as EventKind
    from tinytown.hookspecs.values import OutcomeReport as OutcomeReport
    from tinytown.hookspecs.values import OutputEvent as OutputEvent
    from tinytown.hookspecs.values import ProcessEnd as ProcessEnd
    from tinytown.hookspecs.values import RoundSpec as RoundSpec
    from tinytown.hookspecs.values import Stdin as Stdin
    from tinytown.hookspecs.values import UsageScope as UsageScope
    from tinytown.services.async_town import AsyncTown as AsyncTown
    from tinytown.services.causes import Cause as Cause
    from tinytown.services.causes import Why as Why
    from tinytown.services.town import Town as Town

_VALUES = "tinytown.hookspecs.values"
_SNAPSHOT = "tinytown.hookspecs.snapshot"
_TOOLS = "tinytown.adapters.tools"

_HOMES = {
    "AdapterInfo": _VALUES,
    "AgentSpec": _VALUES,
    "AsyncTown": "tinytown.services.async_town",
    "Capability": _VALUES,
    "Cause": "tinytown.services.causes",
    "Command": _VALUES,
    "Decision": _SNAPSHOT,
    "Diagnosis": _VALUES,
    "EndReason": _VALUES,
    "EventKind": _VALUES,
    "IdleAgent": _SNAPSHOT,
    "Outcome": "tinytown.domain.outcomes",
    "OutcomeReport": _VALUES,
    "OutputEvent": _VALUES,
    "ProcessEnd": _VALUES,
    "ReadyTask": _SNAPSHOT,
    "RoundSpec": _VALUES,
    "Stdin": _VALUES,
    "Town": "tinytown.services.town",
    "TownSnapshot": _SNAPSHOT,
    "UsageScope": _VALUES,
    "Why": "tinytown.services.causes",
    "__version__": "tinytown._version",
    "fingerprint": _TOOLS,
    "hookimpl": "tinytown.hookspecs.markers",
    "json_object": _TOOLS,
    "probe_executable": _TOOLS,
}
"""Public name to the module that holds it. Keep in step with the block for type checkers; a test compares them."""


def __getattr__(name: str) -> object:
    """Import a public name on first use and remember it."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module `tinytown` has no attribute `{name}`")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names without importing them."""
    return sorted({*globals(), *_HOMES})

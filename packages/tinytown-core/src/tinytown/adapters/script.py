"""The adapter of the scripted agent: a real process that plays a file instead of asking a model. For demo and tests."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tinytown.adapters.tools import json_object, table, text_of
from tinytown.errors import AgentCliError
from tinytown.hookspecs.markers import hookimpl
from tinytown.hookspecs.values import (
    AdapterInfo,
    AgentSpec,
    Capability,
    Command,
    Diagnosis,
    EventKind,
    OutputEvent,
    RoundSpec,
    Stdin,
    UsageScope,
)

PROGRAM = Path(__file__).with_name("script_agent.py")


@hookimpl
def tinytown_adapter_info() -> AdapterInfo:
    """Claim all that the scripted agent can play."""
    return AdapterInfo(
        name="script",
        capabilities=Capability.RESUME
        | Capability.STRUCTURED_OUTPUT
        | Capability.USAGE
        | Capability.RUNS_COMMANDS
        | Capability.COMMITS,
        env_vars=("TINYTOWN_SCRIPT",),
    )


@hookimpl
def tinytown_adapter_diagnose(env: Mapping[str, str]) -> Iterable[Diagnosis]:
    """It is always there; what it needs is a script."""
    yield Diagnosis(what="installed", ok=True, text=str(PROGRAM))
    script = env.get("TINYTOWN_SCRIPT")
    if script is not None and not Path(script).is_file():
        yield Diagnosis(what="script", ok=False, text=f"`{script}` is not a file", hint="set TINYTOWN_SCRIPT")


@hookimpl
def tinytown_round_command(agent: AgentSpec, round_spec: RoundSpec) -> Command:
    """Start the program with the interpreter that we run on, isolated and without site packages: it needs none."""
    script = agent.options.get("script")
    if not isinstance(script, str) and "TINYTOWN_SCRIPT" not in round_spec.env_names:
        hint = "set the variable TINYTOWN_SCRIPT, or `script` in its table of `[agent_clis]`"
        raise AgentCliError(cli=agent.cli or "script", detail="no script was given", hint=hint)
    argv = [sys.executable, "-I", "-S", "-B", str(PROGRAM), "--role", agent.role]
    argv += ["--script", script] if isinstance(script, str) else []
    argv += ["--resume", agent.session_id] if agent.session_id else []
    env = {"TINYTOWN_TT": round_spec.tt_path} if round_spec.tt_path else {}
    return Command(argv=tuple(argv), stdin=Stdin.PROMPT, env=env)


@hookimpl
def tinytown_round_output(line: str) -> Sequence[OutputEvent] | None:
    """Read the lines that the program prints: one JSON object with the fields of an event under ``event``."""
    event = table((json_object(line) or {}).get("event"))
    kind = text_of(event.get("kind"))
    if kind not in {item.value for item in EventKind}:
        return None
    scope = text_of(event.get("scope"))
    return (
        OutputEvent(
            kind=EventKind(kind),
            text=text_of(event.get("text")),
            final=event.get("final") is True,
            tool=text_of(event.get("tool")) or None,
            session_id=text_of(event.get("session_id")) or None,
            input_tokens=_whole(event.get("input_tokens")),
            output_tokens=_whole(event.get("output_tokens")),
            cost_micros=_whole(event.get("cost_micros")),
            scope=UsageScope(scope) if scope in {item.value for item in UsageScope} else UsageScope.ROUND,
            key=text_of(event.get("key")),
            status=_whole(event.get("status")),
            retry_after_s=_whole(event.get("retry_after_s")),
            retry_at_ms=_whole(event.get("retry_at_ms")),
        ),
    )


@hookimpl
def tinytown_account(agent: AgentSpec) -> str | None:
    """Give the account that the table names, so that a test can park it."""
    return text_of(agent.options.get("account")) or None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None

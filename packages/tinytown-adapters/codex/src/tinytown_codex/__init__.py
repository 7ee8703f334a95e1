"""Drive the `codex` CLI from Tinytown: `codex exec` with JSON lines, the prompt on standard input."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import tinytown
from tinytown.adapters.tools import words_of

from tinytown_codex.lines import events_of

INFO = tinytown.AdapterInfo(
    name="codex",
    executable="codex",
    capabilities=tinytown.Capability.RESUME
    | tinytown.Capability.STRUCTURED_OUTPUT
    | tinytown.Capability.USAGE
    | tinytown.Capability.MCP
    | tinytown.Capability.CONDUCTOR
    | tinytown.Capability.RUNS_COMMANDS
    | tinytown.Capability.COMMITS,
    env_vars=("CODEX_API_KEY", "CODEX_HOME", "OPENAI_API_KEY"),
    install_hint="npm install -g @openai/codex",
    homepage="https://www.npmjs.com/package/@openai/codex",
    min_version="0.100",
    tested_version="0.169.0",
)


@tinytown.hookimpl
def tinytown_adapter_info() -> tinytown.AdapterInfo:
    """Say who we are."""
    return INFO


@tinytown.hookimpl
def tinytown_adapter_diagnose(env: Mapping[str, str]) -> Iterable[tinytown.Diagnosis]:
    """Look for the program, and for the one key that `codex exec` sends or a log-in."""
    yield from tinytown.probe_executable(INFO, env)
    if env.get("CODEX_API_KEY"):
        yield tinytown.Diagnosis(what="signed_in", ok=True, text="CODEX_API_KEY is set")
    elif (_home(env) / "auth.json").is_file():
        yield tinytown.Diagnosis(what="signed_in", ok=True, text="logged in")
    else:
        only = " (OPENAI_API_KEY is not sent by `codex exec`)" if env.get("OPENAI_API_KEY") else ""
        yield tinytown.Diagnosis(
            what="signed_in",
            ok=False,
            text=f"no key and no log-in{only}",
            hint="run `codex login`, or set CODEX_API_KEY",
        )


@tinytown.hookimpl
def tinytown_round_command(agent: tinytown.AgentSpec) -> tinytown.Command:
    """One prompt, no sandbox and no questions; shells that do not read the profile, which would reset PATH."""
    argv = ["codex", "exec", "--json", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"]
    argv += ["-c", "allow_login_shell=false"]
    argv += ["-m", agent.model] if agent.model else []
    argv += words_of(agent.options.get("args"))
    argv += ["resume", agent.session_id] if agent.session_id else []
    return tinytown.Command(argv=(*argv, "-"), stdin=tinytown.Stdin.PROMPT)


@tinytown.hookimpl
def tinytown_round_output(line: str) -> Sequence[tinytown.OutputEvent] | None:
    """Read one JSON line."""
    return events_of(line)


@tinytown.hookimpl
def tinytown_account(env: Mapping[str, str]) -> str | None:
    """One account per key; without a key, per home of the CLI, which holds the log-in."""
    return tinytown.fingerprint(env.get("CODEX_API_KEY") or str(_home(env)))


@tinytown.hookimpl
def tinytown_conductor_command(agent: tinytown.AgentSpec, context_file: Path) -> tinytown.Command:
    """Start the terminal program and have it read the context first: it has no flag for more instructions."""
    argv = ["codex", "-c", "allow_login_shell=false"]
    argv += ["-m", agent.model] if agent.model else []
    argv += words_of(agent.options.get("args"))
    first = f"Read {context_file} and follow it from now on."
    return tinytown.Command(argv=(*argv, "--", first), stdin=tinytown.Stdin.TERMINAL)


def _home(env: Mapping[str, str]) -> Path:
    return Path(env.get("CODEX_HOME") or Path(env.get("HOME", "/")) / ".codex")

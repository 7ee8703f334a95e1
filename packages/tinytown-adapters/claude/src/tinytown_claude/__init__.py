"""Drive the `claude` CLI from Tinytown: its print mode with JSON lines, the prompt on standard input."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import tinytown
from tinytown.adapters.tools import text_of, words_of

from tinytown_claude.lines import events_of

INFO = tinytown.AdapterInfo(
    name="claude",
    executable="claude",
    capabilities=tinytown.Capability.RESUME
    | tinytown.Capability.STRUCTURED_OUTPUT
    | tinytown.Capability.USAGE
    | tinytown.Capability.MCP
    | tinytown.Capability.SYSTEM_PROMPT
    | tinytown.Capability.CONDUCTOR
    | tinytown.Capability.RUNS_COMMANDS
    | tinytown.Capability.COMMITS,
    env_vars=(
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_BASE_URL",
        "ANTHROPIC_MODEL",
        "API_TIMEOUT_MS",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
        "CLAUDE_CODE_MAX_RETRIES",
        "CLAUDE_CODE_OAUTH_TOKEN",
        "CLAUDE_CODE_USE_BEDROCK",
        "CLAUDE_CODE_USE_VERTEX",
        "CLAUDE_CONFIG_DIR",
        "DISABLE_AUTOUPDATER",
        "IS_SANDBOX",
    ),
    install_hint="npm install -g @anthropic-ai/claude-code",
    homepage="https://www.npmjs.com/package/@anthropic-ai/claude-code",
    min_version="2.0",
    tested_version="2.1.330",
)
_KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN")
_CLOUDS = ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX")
_RETRIES = "3"
"""The CLI's own ten retries take three minutes, during which a refused key looks like work."""


@tinytown.hookimpl
def tinytown_adapter_info() -> tinytown.AdapterInfo:
    """Say who we are."""
    return INFO


@tinytown.hookimpl
def tinytown_adapter_diagnose(env: Mapping[str, str]) -> Iterable[tinytown.Diagnosis]:
    """Look for the program, and for a key or a log-in."""
    yield from tinytown.probe_executable(INFO, env)
    if named := next((name for name in (*_KEYS, *_CLOUDS) if env.get(name)), None):
        yield tinytown.Diagnosis(what="signed_in", ok=True, text=f"{named} is set")
    elif (_home(env) / ".credentials.json").is_file():
        yield tinytown.Diagnosis(what="signed_in", ok=True, text="logged in")
    else:
        # On macOS the log-in lies in the keychain, which only the CLI may ask.
        yield tinytown.Diagnosis(
            what="signed_in",
            ok=None,
            text="no key and no log-in file",
            hint="run `claude` once, or set ANTHROPIC_API_KEY",
        )


@tinytown.hookimpl
def tinytown_round_command(agent: tinytown.AgentSpec, round_spec: tinytown.RoundSpec) -> tinytown.Command:
    """One prompt, all tools allowed, one JSON object per line."""
    argv = ["claude", "--print", "--dangerously-skip-permissions", "--output-format", "stream-json", "--verbose"]
    argv += ["--model", agent.model] if agent.model else []
    argv += words_of(agent.options.get("args"))
    argv += ["--resume", agent.session_id] if agent.session_id else []
    env: dict[str, str] = {}
    if round_spec.as_root:
        env["IS_SANDBOX"] = "1"  # otherwise the CLI refuses to skip permissions for the superuser
    if "CLAUDE_CODE_MAX_RETRIES" not in round_spec.env_names:
        env["CLAUDE_CODE_MAX_RETRIES"] = _RETRIES
    return tinytown.Command(argv=tuple(argv), stdin=tinytown.Stdin.PROMPT, env=env)


@tinytown.hookimpl
def tinytown_round_output(line: str) -> Sequence[tinytown.OutputEvent] | None:
    """Read one JSON line."""
    return events_of(line)


@tinytown.hookimpl
def tinytown_account(env: Mapping[str, str]) -> str | None:
    """One account per key and service; without a key, per configuration folder, which holds the log-in."""
    key = next((env[name] for name in _KEYS if env.get(name)), "")
    return tinytown.fingerprint(key or str(_home(env)), env.get("ANTHROPIC_BASE_URL", ""))


@tinytown.hookimpl
def tinytown_conductor_command(agent: tinytown.AgentSpec, context_file: Path) -> tinytown.Command:
    """Start the terminal program with the context behind its own instructions."""
    argv = ["claude", "--append-system-prompt-file", str(context_file)]
    argv += ["--model", agent.model] if agent.model else []
    argv += words_of(agent.options.get("args"))
    argv += ["--resume", agent.session_id] if agent.session_id else []
    return tinytown.Command(argv=tuple(argv), stdin=tinytown.Stdin.TERMINAL)


def _home(env: Mapping[str, str]) -> Path:
    return Path(text_of(env.get("CLAUDE_CONFIG_DIR")) or Path(env.get("HOME", "/")) / ".claude")

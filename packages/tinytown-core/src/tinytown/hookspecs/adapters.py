"""The hooks that drive one agent CLI. An implementation may take fewer arguments than a hook has, in any order.

"Pure" means: the same arguments give the same answer, and nothing outside the function changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tinytown.hookspecs.markers import hookspec
from tinytown.hookspecs.values import (
    AdapterInfo,
    AgentSpec,
    Command,
    Diagnosis,
    OutcomeReport,
    OutputEvent,
    ProcessEnd,
    RoundSpec,
)


@hookspec(firstresult=True)
def tinytown_adapter_info() -> AdapterInfo | None:  # pyright: ignore[reportReturnType] - a spec has no body
    """Say who the adapter is and what its agent CLI can do.

    Called once, when the adapter is loaded. Required. Stops at first non-None result.

    Rules:
        Pure. The name must equal the entry point's name. At most 10 ms: no process, no file, no network.

    Example::

        @tinytown.hookimpl
        def tinytown_adapter_info():
            return tinytown.AdapterInfo(name="heron", executable="heron", capabilities=tinytown.Capability.RESUME)
    """


@hookspec
def tinytown_adapter_diagnose(env: Mapping[str, str]) -> Iterable[Diagnosis]:  # pyright: ignore[reportReturnType]
    """Look whether the agent CLI is ready here: installed, its version, signed in.

    Called by `tt doctor`, `tt adapters doctor` and before an agent's first round. Answers of several
    implementations are joined.

    Args:
        env: The environment that a round would have; look on its PATH and for its keys, not on our own.

    Rules:
        Writes nothing, spends nothing. May start the CLI with a flag like ``--version``. At most 2 s in all.

    Example::

        @tinytown.hookimpl
        def tinytown_adapter_diagnose(env):
            return tinytown.probe_executable(tinytown_adapter_info(), env)
    """


@hookspec
def tinytown_round_prepare(agent: AgentSpec, round_dir: Path, workspace: Path) -> None:
    """Put on disk what the CLI must find there: settings, servers of the Model Context Protocol.

    Called by the node after the workspace exists and before the command is asked for. Every implementation runs.

    Args:
        agent: The agent.
        round_dir: Directory of this round's own files; removed with the round.
        workspace: Directory that the CLI will work in.

    Rules:
        The only hook that may write. Prefer ``round_dir``; a file put into the workspace shows up in the agent's
        changes. Must give the same result when it runs again. At most 5 s.

    Example::

        @tinytown.hookimpl
        def tinytown_round_prepare(round_dir):
            (round_dir / "heron.toml").write_text("telemetry = false")
    """


@hookspec(firstresult=True)
def tinytown_round_command(agent: AgentSpec, round_spec: RoundSpec) -> Command | None:
    """Give the words, standard input and variables of one round.

    Called by the node for each round, and by `tt adapters show`. Required. Stops at first non-None result.

    Args:
        agent: The agent.
        round_spec: The round; its prompt lies in ``round_spec.prompt_path``.

    Rules:
        Pure, but for reading the prompt file. A tuple of words, never a shell's string. The prompt goes to standard
        input or stays a file; as a word of argv only where the CLI has no other way, whole and at most 120 KiB. No
        secret in argv: other users of the machine can read it. At most 50 ms.

    Example::

        @tinytown.hookimpl
        def tinytown_round_command(agent):
            model = ("--model", agent.model) if agent.model else ()
            return tinytown.Command(argv=("heron", "run", *model), stdin=tinytown.Stdin.PROMPT)
    """


@hookspec(firstresult=True)
def tinytown_round_output(line: str) -> Sequence[OutputEvent] | None:
    """Say what one line of the CLI's output means.

    Called by the node for each line as it appears, and again after a restart of the node. Stops at first non-None
    result; None means that the line is plain text.

    Args:
        line: One line without its end, from standard output or standard error, cut at 1 MiB.

    Rules:
        Pure: each line is read alone. Never raises, whatever the line is. At most 5 ms.

    Example::

        @tinytown.hookimpl
        def tinytown_round_output(line):
            if line.startswith("session: "):
                return [tinytown.OutputEvent(kind=tinytown.EventKind.SESSION, session_id=line[9:])]
    """


@hookspec(firstresult=True)
def tinytown_round_outcome(
    agent: AgentSpec, round_spec: RoundSpec, ended: ProcessEnd, events: Sequence[OutputEvent], tail: str
) -> OutcomeReport | None:
    """Say what a round ended as.

    Called by the node once the process and what it started are gone, unless the node itself ended the round on
    request or the process never ran. Stops at first non-None result; None leaves it to the events and, failing
    those, to the exit code.

    Args:
        agent: The agent.
        round_spec: The round.
        ended: How the process ended.
        events: What the output meant, oldest first; the last 500 at most.
        tail: The last 16 KiB of output.

    Rules:
        Pure. Never raises. The exit code is a hint: many CLIs exit with 0 after a refused key. At most 50 ms.

    Example::

        @tinytown.hookimpl
        def tinytown_round_outcome(tail):
            if "quota exceeded" in tail:
                return tinytown.OutcomeReport(outcome=tinytown.Outcome.RATE_LIMITED)
    """


@hookspec(firstresult=True)
def tinytown_account(agent: AgentSpec, env: Mapping[str, str]) -> str | None:
    """Name the account that a round would spend from, so that a rate limit parks all agents that share it.

    Called by the node before a round. Stops at first non-None result; None means one account per adapter.

    Args:
        agent: The agent.
        env: The environment of the round.

    Rules:
        Pure. A fingerprint, never the key or a part of it (see ``tinytown.fingerprint``). At most 10 ms.

    Example::

        @tinytown.hookimpl
        def tinytown_account(env):
            return tinytown.fingerprint(env.get("HERON_API_KEY", ""))
    """


@hookspec(firstresult=True)
def tinytown_conductor_command(agent: AgentSpec, context_file: Path) -> Command | None:
    """Give the words that start the CLI as the interactive conductor in a person's terminal.

    Called by `tt conductor`. Stops at first non-None result; None means that the CLI cannot be one.

    Args:
        agent: The conductor.
        context_file: File that tells the conductor what it is and which commands it has.

    Rules:
        Pure, but for reading the file. Needs ``Capability.CONDUCTOR``. At most 50 ms.

    Example::

        @tinytown.hookimpl
        def tinytown_conductor_command(context_file):
            return tinytown.Command(argv=("heron", "--instructions", str(context_file)), stdin=tinytown.Stdin.TERMINAL)
    """

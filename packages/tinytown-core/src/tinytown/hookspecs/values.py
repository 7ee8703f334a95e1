"""The values that pass between a node and an adapter. Frozen, keyword-only; fields are only ever added, with a default.

Kept light on purpose: an adapter imports this and nothing else of Tinytown.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Flag, StrEnum, auto
from pathlib import Path

import attrs

from tinytown.domain.outcomes import Outcome

_NO_OPTIONS: Mapping[str, object] = {}
_NO_ENV: Mapping[str, str] = {}


class Capability(Flag):
    """What an agent CLI can do. Tinytown asks only for what is claimed, and the contract kit proves what is claimed."""

    NONE = 0
    RESUME = auto()
    "Goes on with an earlier session when it is given its id."
    STRUCTURED_OUTPUT = auto()
    "Prints lines that a program can read, so that the round's end need not be guessed."
    USAGE = auto()
    "Reports tokens or money."
    MCP = auto()
    "Can be given servers of the Model Context Protocol."
    SYSTEM_PROMPT = auto()
    "Takes text that is kept apart from the prompt."
    CONDUCTOR = auto()
    "Can be started as the interactive conductor."
    RUNS_COMMANDS = auto()
    "Runs shell commands, so it can call `tt` itself; without it the node speaks for the agent."
    COMMITS = auto()
    "Can commit its work itself; without it the node commits for the agent."
    LIVE_INPUT = auto()
    "Takes more input while a round runs."


@attrs.frozen(kw_only=True)
class AdapterInfo:
    """Who an adapter is.

    Attributes:
        name: The name it is loaded by.
        executable: Program that must be on PATH, or "" when there is none to look for.
        capabilities: What the CLI can do.
        env_vars: Names of environment variables to hand over from the caller: keys, base URLs, configuration folders.
        install_hint: A command that installs the CLI.
        homepage: Where people read about the CLI.
        min_version: Oldest version of the CLI that works, for example ``2.1``; "" for any.
        tested_version: Newest version that the adapter was run with; "" when unknown.
    """

    name: str
    executable: str = ""
    capabilities: Capability = Capability.NONE
    env_vars: tuple[str, ...] = ()
    install_hint: str = ""
    homepage: str = ""
    min_version: str = ""
    tested_version: str = ""


@attrs.frozen(kw_only=True)
class Diagnosis:
    """One finding about whether an agent CLI is ready on this machine.

    Attributes:
        what: ``installed``, ``version``, ``signed_in`` or a word of the adapter's own.
        ok: True, False, or None when it cannot be told without spending money.
        text: One sentence.
        hint: What to do when it is not ok, or None.
    """

    what: str
    ok: bool | None
    text: str
    hint: str | None = None


@attrs.frozen(kw_only=True)
class AgentSpec:
    """The agent whose round is prepared.

    Attributes:
        id: The agent's id.
        name: The agent's name.
        role: Its role.
        cli: Name under which the town knows the agent CLI; for a command line of the user's own the table's name.
        model: Model that was asked for, or None for the CLI's default.
        session_id: Session of the CLI to go on with, or None for a fresh one.
        options: The table ``[agent_clis.X]`` of the town file, empty when there is none.
    """

    id: str
    name: str
    role: str = "worker"
    cli: str = ""
    model: str | None = None
    session_id: str | None = None
    options: Mapping[str, object] = _NO_OPTIONS


@attrs.frozen(kw_only=True)
class RoundSpec:
    """The round that is prepared.

    Attributes:
        id: The round's id.
        prompt_path: File that holds the prompt as UTF-8.
        prompt_bytes: Size of that file in bytes.
        workspace: Directory that the CLI works in.
        round_dir: Directory of this round's own files; the adapter may write here before the round.
        tt_path: Absolute path of `tt`, or None.
        task_id: Task of the round, or None.
        env_names: Names of the variables that the round's environment holds.
        as_root: Whether the CLI will run as the superuser.
    """

    id: str
    prompt_path: Path
    prompt_bytes: int
    workspace: Path
    round_dir: Path
    tt_path: str | None = None
    task_id: str | None = None
    env_names: frozenset[str] = frozenset()
    as_root: bool = False

    def read_prompt(self) -> str:
        """Read the whole prompt, for a CLI that takes it neither on standard input nor as a file."""
        return self.prompt_path.read_text(encoding="utf-8")


class Stdin(StrEnum):
    """What a program finds on its standard input. It is never an open pipe: some CLIs wait on one for ever."""

    PROMPT = "prompt"
    "The prompt file."
    NONE = "none"
    "The null device."
    TERMINAL = "terminal"
    "The terminal of the person, for the interactive conductor alone."


@attrs.frozen(kw_only=True)
class Command:
    """A program to start.

    Attributes:
        argv: The words, program first; never a shell's string. A program without a slash is looked up on PATH.
        stdin: What it finds on standard input.
        env: Variables to add to the environment of the round.
    """

    argv: tuple[str, ...]
    stdin: Stdin = Stdin.NONE
    env: Mapping[str, str] = _NO_ENV


class EndReason(StrEnum):
    """Why the process of a round is gone."""

    EXITED = "exited"
    "By itself."
    TIME_LIMIT = "time_limit"
    ASKED = "asked"
    "Ended by the node because a person or a verb wanted it."
    START_ERROR = "start_error"
    "Never ran."
    STALLED = "stalled"
    "Ended by the node after too long without progress."


@attrs.frozen(kw_only=True)
class ProcessEnd:
    """How the process of a round ended.

    Attributes:
        exit_code: Its exit status, or None when a signal ended it or it never ran.
        signal: Number of the signal that ended it, or None.
        why: Who ended it.
        duration_ms: How long it ran, in milliseconds.
        detail: What the system said, for example why it could not be started.
    """

    exit_code: int | None = None
    signal: int | None = None
    why: EndReason = EndReason.EXITED
    duration_ms: int = 0
    detail: str = ""


class EventKind(StrEnum):
    """What a piece of output means."""

    TEXT = "text"
    TOOL_CALL = "tool_call"
    USAGE = "usage"
    SESSION = "session"
    RATE_LIMIT = "rate_limit"
    AUTH = "auth"
    "The service does not accept who we are."
    QUESTION = "question"
    ERROR = "error"
    CONTEXT_FULL = "context_full"
    "The session has grown too long for the model."


class UsageScope(StrEnum):
    """What the numbers of a usage event count."""

    STEP = "step"
    "One step of the round; steps add up, and a step reported again under the same `key` replaces itself."
    ROUND = "round"
    "This whole run; takes the place of its steps."
    SESSION = "session"
    "The CLI's session since its first run; what earlier rounds used is subtracted."


@attrs.frozen(kw_only=True)
class OutputEvent:
    """One thing that a line of output says.

    Attributes:
        kind: What it is.
        text: The text, the question or the error, in the CLI's words.
        final: The CLI gave up because of it. False means that it tries again by itself.
        tool: Name of the tool that is called.
        session_id: Id to resume with.
        input_tokens: Tokens read, cached ones included, or None when not said.
        output_tokens: Tokens written, or None.
        cost_micros: Money in millionths of a US dollar, or None.
        scope: What the numbers count.
        key: Name of the step, so that a repeated report of one step does not count twice.
        status: HTTP status of the model service, or None.
        retry_after_s: Seconds until the service may be asked again, or None.
        retry_at_ms: When it may be asked again, in milliseconds since 1970, UTC, where the CLI gives an instant.
    """

    kind: EventKind
    text: str = ""
    final: bool = False
    tool: str | None = None
    session_id: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_micros: int | None = None
    scope: UsageScope = UsageScope.ROUND
    key: str = ""
    status: int | None = None
    retry_after_s: float | None = None
    retry_at_ms: int | None = None


@attrs.frozen(kw_only=True)
class OutcomeReport:
    """What a round ended as.

    Attributes:
        outcome: The word that decides what happens to task and mail.
        detail: One sentence for people: the question, the error, why it is so.
        retry_after_s: Seconds from the round's end until the account may be used again, or None when unknown.
        retry_at_ms: The instant, in milliseconds since 1970, UTC, or None; it goes before ``retry_after_s``.
    """

    outcome: Outcome
    detail: str = ""
    retry_after_s: float | None = None
    retry_at_ms: int | None = None

"""The adapter for a command line of the user's own: a table ``[agent_clis.X]`` of the town file.

It knows nothing of the program but its words, how it takes the prompt, and its exit code. The table arrives as
``AgentSpec.options`` with the commands already split: ``argv``, ``prompt``, ``env``, ``conductor_argv``.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from tinytown.adapters.tools import table, text_of, words_of
from tinytown.errors import AgentCliError
from tinytown.hookspecs.markers import hookimpl
from tinytown.hookspecs.values import AdapterInfo, AgentSpec, Capability, Command, Diagnosis, RoundSpec, Stdin

MAX_ARGV_PROMPT = 120 * 1024
"""Linux takes 128 KiB for one word; the rest is left for what a program makes of it."""


@hookimpl
def tinytown_adapter_info() -> AdapterInfo:
    """Claim what any program may be trusted with: it can run `tt`, commit, and talk where its table says how."""
    return AdapterInfo(
        name="command",
        capabilities=Capability.RUNS_COMMANDS | Capability.COMMITS | Capability.CONDUCTOR,
    )


@hookimpl
def tinytown_round_command(agent: AgentSpec, round_spec: RoundSpec) -> Command:
    """Take the words of the table and hand over the prompt as its ``prompt`` says."""
    words = _words(agent)
    way = text_of(agent.options.get("prompt")) or ("file" if _names_file(words) else "stdin")
    filled = tuple(_fill(word, agent, round_spec.prompt_path) for word in words)
    env = _variables(agent)
    if way == "stdin":
        return Command(argv=filled, stdin=Stdin.PROMPT, env=env)
    if way == "file":
        if not _names_file(words):
            raise _refused(agent, '`prompt = "file"` needs `{prompt_file}` in its command')
        return Command(argv=filled, stdin=Stdin.NONE, env=env)
    if way != "argv":
        raise _refused(agent, f"`prompt` is {way!r}, but must be `stdin`, `argv` or `file`")
    if round_spec.prompt_bytes > MAX_ARGV_PROMPT:
        size = round_spec.prompt_bytes // 1024
        raise _refused(agent, f"the prompt has {size} KiB and one word of a command line takes at most 120 KiB")
    return Command(argv=(*filled, round_spec.read_prompt()), stdin=Stdin.NONE, env=env)


@hookimpl
def tinytown_conductor_command(agent: AgentSpec, context_file: Path) -> Command | None:
    """Take the words of ``conductor``; a table without it knows no way to talk, for ``command`` runs one prompt."""
    words = words_of(agent.options.get("conductor_argv"))
    if not words:
        return None
    filled = tuple(_fill(word, agent, context_file) for word in words)
    return Command(argv=filled, stdin=Stdin.TERMINAL, env=_variables(agent))


@hookimpl
def tinytown_adapter_diagnose() -> Iterable[Diagnosis]:
    """Say nothing of a program that is not known here; ``diagnose_command`` looks at one table."""
    return ()


def diagnose_command(agent: AgentSpec, env: Mapping[str, str]) -> Diagnosis:
    """Look whether the program of one table can be found.

    Args:
        agent: An agent with the table as its options.
        env: The environment that a round would have.

    Returns:
        A finding ``installed``.
    """
    try:
        program = _words(agent)[0]
    except AgentCliError as error:
        return Diagnosis(what="installed", ok=False, text=str(error), hint=error.hint)
    path = shutil.which(program, path=env.get("PATH", ""))
    if path is None:
        return Diagnosis(what="installed", ok=False, text=f"`{program}` is not on PATH or not executable")
    return Diagnosis(what="installed", ok=True, text=path)


def _words(agent: AgentSpec) -> tuple[str, ...]:
    words = words_of(agent.options.get("argv"))
    if not words:
        hint = f'add `command = "…"` to `[agent_clis.{agent.cli}]`'
        raise _refused(agent, "its table names no command", hint=hint)
    return words


def _names_file(words: tuple[str, ...]) -> bool:
    return any("{prompt_file}" in word for word in words)


def _variables(agent: AgentSpec) -> dict[str, str]:
    return {name: str(value) for name, value in table(agent.options.get("env")).items()}


def _fill(word: str, agent: AgentSpec, prompt: Path) -> str:
    if "{model}" in word:
        if not agent.model:
            raise _refused(
                agent, "its command holds `{model}` but the agent has no model", hint="name one with `--model`"
            )
        word = word.replace("{model}", agent.model)
    return word.replace("{prompt_file}", str(prompt))


def _refused(agent: AgentSpec, detail: str, hint: str | None = None) -> AgentCliError:
    known = 'use `prompt = "stdin"` or `prompt = "file"` with `{prompt_file}` in the command'
    return AgentCliError(cli=agent.cli or agent.name, detail=detail, hint=hint or known)

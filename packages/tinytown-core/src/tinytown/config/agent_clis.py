"""Command lines of the user's own as agent CLIs: the tables `[agent_clis.NAME]`.

Annotations here are read at run time, so they must not be postponed.
"""

import re
from collections.abc import Mapping
from typing import Any, cast

import attrs

from tinytown.config.command_line import needs_shell, split_command
from tinytown.config.schema import Place, internal, kind, option, read_table, read_value

PROMPT_FILE = "{prompt_file}"

PRESETS: Mapping[str, str] = {
    "claude": "claude --print --dangerously-skip-permissions",
    "auggie": "auggie --print",
    "codex": "codex exec --dangerously-bypass-approvals-and-sandbox",
    "codex-mini": "codex exec --dangerously-bypass-approvals-and-sandbox -m gpt-5.4-mini"
    ' -c model_reasoning_effort="medium"',
    "aider": "aider --yes --no-auto-commits --message",
    "gemini": "gemini",
    "copilot": "gh copilot",
    "cursor": "cursor",
}
"""Commands that the Rust program wrote into every file. They say nothing of what the user wants."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PATTERN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\*?|\*")


def _read_env(value: object, place: Place) -> Mapping[str, str]:
    env = cast("dict[str, str]", read_value(Mapping[str, str], value, place))
    for name in env:
        if not _VARIABLE.fullmatch(name):
            raise place.child(name).error("is not the name of a variable", "use letters, digits and `_`")
        if name.startswith("TINYTOWN_"):
            raise place.child(name).error("belongs to Tinytown, which sets it for every round", "choose another name")
    return env


def _read_pass_env(value: object, place: Place) -> tuple[str, ...]:
    patterns = cast("tuple[str, ...]", read_value(tuple[str, ...], value, place))
    for pattern in patterns:
        if not _PATTERN.fullmatch(pattern):
            raise place.error("holds something that is no variable", 'name variables, as in `["MINI_*", "API_KEY"]`')
    return patterns


@attrs.frozen(kw_only=True, eq=False)
class AgentCliConfig:
    """Any command line as an agent CLI.

    Attributes:
        command: As it was written.
        argv: Its words; no shell ever sees them. ``{prompt_file}`` stands for the path of the prompt.
        prompt: How the prompt reaches the program.
        conductor: Command line that starts the program at a terminal, to be the conductor; ``{prompt_file}`` in it
            stands for the file that tells it what it is.
        conductor_argv: Its words.
        env: Variables to set.
        pass_env: Names of variables, with ``*`` at the end for all that begin so, to hand over from the caller of
            `spawn`; None hands over all that are no secret of the town.
        commits: Whether the program commits its work itself; otherwise the node does it for it.
        workdir: Folder to run in, relative to the workspace.
        round_timeout_secs: Longest round of this program; None takes the town's.
        stall_timeout_secs: Longest silence of this program; None takes the town's.
    """

    command: str
    argv: tuple[str, ...] = internal(())
    prompt: str = option("stdin", choices=("stdin", "argv", "file"))
    conductor: str | None = None
    conductor_argv: tuple[str, ...] = internal(())
    env: Mapping[str, str] = option(attrs.Factory(dict), parse=_read_env)
    pass_env: tuple[str, ...] | None = option(None, parse=_read_pass_env)
    commits: bool = True
    workdir: str | None = None
    round_timeout_secs: int | None = option(None, low=1)
    stall_timeout_secs: int | None = option(None, low=1)


def read_agent_cli(value: object, place: Place, *, through_sh: bool = False) -> AgentCliConfig:
    """Read one entry: a table, or the bare command line.

    Args:
        value: What the file holds.
        place: Where.
        through_sh: Whether a command that needs a shell is given to `/bin/sh`, as the Rust program did with all.
    """
    table = {"command": value} if isinstance(value, str) else value
    entry = read_table(AgentCliConfig, cast("object", table), place)
    keys = set(cast("dict[str, object]", table))
    command = place.child("command")
    argv = (
        ("/bin/sh", "-c", entry.command)
        if through_sh and needs_shell(entry.command)
        else split_command(entry.command, command)
    )
    names_file = any(PROMPT_FILE in word for word in argv)
    prompt = "file" if names_file and "prompt" not in keys else entry.prompt
    if prompt == "file" and not names_file:
        raise command.error(f"does not name `{PROMPT_FILE}`", f"put `{PROMPT_FILE}` where the program expects the path")
    if prompt != "file" and names_file:
        raise place.child("prompt").error(f"must be `file`, because the command names `{PROMPT_FILE}`")
    return attrs.evolve(entry, argv=argv, prompt=prompt, conductor_argv=_conductor_words(entry, place))


def _conductor_words(entry: AgentCliConfig, place: Place) -> tuple[str, ...]:
    if entry.conductor is None:
        return ()
    inner = place.child("conductor")
    words = split_command(entry.conductor, inner)
    if not any(PROMPT_FILE in word for word in words):
        raise inner.error(f"does not name `{PROMPT_FILE}`", f"put `{PROMPT_FILE}` where the program expects the path")
    return words


def read_agent_clis(value: object, place: Place) -> Mapping[str, AgentCliConfig]:
    """Read the whole table `[agent_clis]`."""
    if not isinstance(value, dict):
        raise place.error(f"must be a table, not {kind(value)}", "write `[agent_clis.NAME]` with a `command`")
    result: dict[str, AgentCliConfig] = {}
    for name, entry in cast("dict[str, Any]", value).items():
        inner = place.child(name)
        if not _NAME.fullmatch(name):
            raise inner.error("is not a name", "use 1 to 63 letters, digits, `-`, `_` and `.`")
        result[name] = read_agent_cli(entry, inner)
    return result


def preset_name(command: str) -> str | None:
    """Name the adapter that a command line of the Rust program stood for, or None for one of the user's own."""
    words = " ".join(command.split())
    if words == "codex --dangerously-bypass-approvals-and-sandbox":
        return "codex"  # an older form that the Rust program still reads
    return next((name for name, preset in PRESETS.items() if words == preset), None)

"""Help as plain text from the command table: nothing of the town and no parser is imported for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import wrap

from tinytown_cli.table import COMMANDS, FAMILIES, GROUPS, Command, Param, by_path
from tinytown_cli.words import GLOBAL_HELP

SUMMARY = "Orchestrate AI coding agents: nothing lost, done twice, or stalled in silence"
_WIDTH = 80
_EXAMPLES = ("tt init", 'tt assign w1 "Fix the failing test"')


def help_for(words: Sequence[str]) -> str | None:
    """Give the help that a command line asks for.

    Args:
        words: The words without global flags.

    Returns:
        The text; None when the words name no command.
    """
    named = [word for word in words if not word.startswith("-")]
    if not named:
        return overview()
    table = by_path()
    for length in (2, 1):
        if (command := table.get(tuple(named[:length]))) is not None:
            return of_command(command)
    return of_family(named[0]) if named[0] in FAMILIES and len(named) == 1 else None


def overview() -> str:
    """List every command."""
    parts = [SUMMARY, "", "Usage: tt COMMAND [ARGUMENTS]"]
    for group in GROUPS:
        rows = [(_with_aliases(command), command.help) for command in COMMANDS if command.group == group]
        parts += ["", f"{group}:", *_columns(rows)]
    parts += ["", "For every command:", *_columns(GLOBAL_HELP), "", "Examples:", *(f"  {line}" for line in _EXAMPLES)]
    parts += ["", "`tt COMMAND --help` says more about a command."]
    return "\n".join(parts)


def of_family(word: str) -> str:
    """List the commands behind a first word."""
    members = [command for command in COMMANDS if command.path[0] == word]
    rows = [(_with_aliases(command), command.help) for command in members]
    examples = [f"  {command.examples[0]}" for command in members[:2]]
    parts = [FAMILIES[word], "", f"Usage: tt {word} COMMAND [ARGUMENTS]", "", "Commands:", *_columns(rows)]
    return "\n".join([*parts, "", "Examples:", *examples])


def of_command(command: Command) -> str:
    """Explain one command."""
    places = [param for param in command.params if param.positional]
    options = [param for param in command.params if not param.positional]
    parts = [command.help, "", f"Usage: {usage(command)}"]
    if command.aliases:
        parts += ["", f"Also: {', '.join('tt ' + ' '.join((*command.path[:-1], alias)) for alias in command.aliases)}"]
    if places:
        parts += ["", "Arguments:", *_columns((param.metavar, explained(param)) for param in places)]
    if options:
        parts += ["", "Options:", *_columns((option_label(param), explained(param)) for param in options)]
    if members := [each for each in COMMANDS if len(command.path) == 1 and each.path[:-1] == command.path]:
        parts += ["", "Commands:", *_columns((_with_aliases(each), each.help) for each in members)]
    parts += ["", "For every command:", *_columns(GLOBAL_HELP), "", "Examples:"]
    parts += [f"  {example}" for example in command.examples]
    files = [("Reference", command.page), ("Form of --json", command.schema)]
    return "\n".join([*parts, "", "Below docs/reference:", *_columns(files)])


def usage(command: Command) -> str:
    """Give the form of a call on one line."""
    words = ["tt", *command.path]
    for param in command.params:
        if param.positional:
            many = "..." if param.kind == "list" else ""
            words.append(param.metavar if param.required else f"[{param.metavar}{many}]")
    if any(not param.positional for param in command.params):
        words.append("[OPTIONS]")
    return " ".join(words)


def option_label(param: Param) -> str:
    """Give the names of an option with the word for its value."""
    names = ", ".join(param.flags)
    return names if param.kind == "bool" else f"{names} {param.metavar}"


def explained(param: Param) -> str:
    """Give the help of a parameter with what is allowed."""
    text = param.help
    if param.choices:
        text += f" ({', '.join(param.choices)})"
    if param.kind == "list" and not param.positional:
        text += "; may be repeated"
    return text


def _with_aliases(command: Command) -> str:
    return command.name + "".join(f", {alias}" for alias in command.aliases)


def _columns(rows: Iterable[tuple[str, str]]) -> list[str]:
    rows = list(rows)
    width = max(len(left) for left, _ in rows)
    return [line for left, right in rows for line in _row(left.ljust(width), right)]


def _row(left: str, right: str) -> list[str]:
    return wrap(right, _WIDTH, initial_indent=f"  {left}  ", subsequent_indent=" " * (len(left) + 4)) or [f"  {left}"]

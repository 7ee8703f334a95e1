"""The full parser: a cyclopts application made from the command table. Imported when the plain reading declines.

Commands are registered as strings that lead to `tinytown_cli.callables`, so that building the application imports no
command.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any, cast

from cyclopts import App, CycloptsError
from cyclopts.exceptions import UnknownOptionError
from tinytown.errors import UsageError

from tinytown_cli import callables
from tinytown_cli.callables import attribute_of
from tinytown_cli.parse import Bound
from tinytown_cli.table import COMMANDS, FAMILIES, Command, by_path

_LONGEST = 300
_HYPHEN = "\ue02d"
"""Stands for a single `-`, which means standard input here and an empty option to cyclopts."""


def application() -> App:
    """Build the application: every command under its words and aliases, calling back with what was bound."""
    root = _app("tt", "Orchestrate AI coding agents")
    families = {word: _app(word, text) for word, text in FAMILIES.items()}
    for family in families.values():
        root.command(family)
    for command in COMMANDS:
        if command.path[-1] in families and len(command.path) == 1:
            families[command.path[0]].default(getattr(callables, attribute_of(command)))
            continue
        owner = root if len(command.path) == 1 else families[command.path[0]]
        owner.command(
            f"tinytown_cli.callables:{attribute_of(command)}",
            name=(command.path[-1], *command.aliases),
            help=command.help,
        )
    return root


def _app(name: str, text: str) -> App:
    return App(
        name=name, help=text, help_formatter="plain", help_flags=(), version_flags=(), result_action="return_value"
    )


def bind_fully(words: Sequence[str]) -> Bound:
    """Read a command line, or say what is wrong with it.

    Args:
        words: The words without global flags.

    Raises:
        UsageError: They do not fit; with a hint.
    """
    command, known = _command_of(words)
    try:
        typed = [_HYPHEN if word == "-" else word for word in _together(command, words)]
        bound: Any = application()(typed, exit_on_error=False, print_error=False)
    except UnknownOptionError as error:
        raise _unknown_option(error, command) from None
    except CycloptsError as error:
        sentence = " ".join(str(error).replace(_HYPHEN, "-").split())
        raise UsageError(detail=_short(sentence.rstrip(".")), hint=f"`tt {known} --help` shows what it takes") from None
    if not isinstance(bound, Bound):
        raise UsageError(detail=f"`tt {known}` needs a command", hint=f"`tt {known} --help` lists them")
    return Bound(bound.command, {name: _restored(value) for name, value in bound.values.items()})


def _together(command: Command, words: Sequence[str]) -> list[str]:
    """Put what an option stands in the middle of behind all options; cyclopts reads a list only in one piece."""
    if not any(param.positional and param.kind == "list" for param in command.params):
        return list(words)
    valued = {flag for param in command.params if not param.positional and param.kind != "bool" for flag in param.flags}
    front, back = list(words[: len(command.path)]), list[str]()
    rest = list(words[len(command.path) :])
    while rest and rest[0] != "--":
        word = rest.pop(0)
        if word.startswith("-") and word != "-":
            front.append(word)
            if word in valued and rest and (not rest[0].startswith("-") or rest[0] == "-"):
                front.append(rest.pop(0))
        else:
            back.append(word)
    return [*front, *back, *rest]


def _restored(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_restored(each) for each in cast("tuple[Any, ...]", value))
    return "-" if value == _HYPHEN else value


def _command_of(words: Sequence[str]) -> tuple[Command, str]:
    """Find the command, or say which one may have been meant."""
    table = by_path()
    for length in (2, 1):
        if (command := table.get(tuple(words[:length]))) is not None:
            return command, " ".join(words[:length])
    first = words[0] if words else ""
    if first in FAMILIES:
        choices = [path[1] for path in table if path[0] == first]
        second = words[1] if len(words) > 1 else None
        prefix = f"{first} "
    else:
        choices = sorted({path[0] for path in table})
        second, prefix = first, ""
    if second is None:
        raise UsageError(detail=f"`tt {first}` needs a command: {', '.join(choices)}", hint=f"try `tt {first} --help`")
    near = difflib.get_close_matches(second, choices, 1)
    hint = f"did you mean `tt {prefix}{near[0]}`?" if near else f"`tt {prefix}--help` lists the commands"
    raise UsageError(detail=f"no command `{_short(f'tt {prefix}{second}', 60)}`", hint=hint)


def _unknown_option(error: UnknownOptionError, command: Command) -> UsageError:
    typed = error.token.keyword or error.token.value if error.token else "?"
    name = typed.partition("=")[0]
    flags = [flag for param in command.params if not param.positional for flag in param.flags]
    near = difflib.get_close_matches(name, [*flags, "--town", "--json", "--quiet", "--verbose", "--help", "--id"], 1)
    hint = f"did you mean `{near[0]}`?" if near else f"`tt {command.name} --help` lists the options"
    return UsageError(detail=f"`tt {command.name}` has no option `{_short(name, 60)}`", hint=hint)


def _short(text: str, longest: int = _LONGEST) -> str:
    return text if len(text) <= longest else text[: longest - 3] + "..."

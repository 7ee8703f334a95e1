"""What may stand next on a command line, for the completion of shells. Starts nothing and changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tinytown_cli.table import FAMILIES, Command, Param, by_path
from tinytown_cli.words import GLOBAL_HELP, split

_MOST = 200


class Candidate(NamedTuple):
    """A word that may stand next, and what it is."""

    word: str
    about: str = ""


def candidates(words: Sequence[str]) -> list[Candidate]:
    """Give what may stand in the place of the last word.

    Args:
        words: The command line without the program's name; the last word is being typed and may be empty.
    """
    *before, current = words or [""]
    if before and before[-1] == "=" and len(before) > 1:  # bash takes `--cli=x` apart
        before = before[:-1]
    if current == "=":
        current = ""
    flags, rest = split(before)
    if flags.problem or "--" in before[:-1]:
        return []
    found = _found(flags.town, rest, current)
    return [each for each in dict.fromkeys(found) if each.word.startswith(current)][:_MOST]


def _found(town: str | None, rest: list[str], current: str) -> Iterable[Candidate]:
    table = by_path()
    command = next((table[tuple(rest[:length])] for length in (2, 1) if tuple(rest[:length]) in table), None)
    if not rest:
        commands = [Candidate(path[0], command.help) for path, command in table.items() if len(path) == 1]
        return sorted({*commands, *(Candidate(word, text) for word, text in FAMILIES.items())})
    second = [Candidate(path[1], each.help) for path, each in table.items() if len(path) > 1 and path[0] == rest[0]]
    if command is None:
        return second if len(rest) == 1 else []
    if len(rest) > 1 or len(command.path) > 1:
        second = []
    return [*second, *_of_command(town, command, rest[len(command.path) :], current)]


def _of_command(town: str | None, command: Command, typed: Sequence[str], current: str) -> Iterable[Candidate]:
    options = {flag: param for param in command.params if not param.positional for flag in param.flags}
    places = [param for param in command.params if param.positional]
    taken: list[str] = []
    awaited: Param | None = None
    for word in typed:
        if awaited is not None:
            awaited = None
        elif (param := options.get(word)) is not None and param.kind != "bool":
            awaited = param
        elif not word.startswith("-") or word == "-":
            taken.append(word)
    if awaited is not None:
        return _values(town, awaited, taken)
    name, equals, _ = current.partition("=")
    if equals and name in options:
        return [Candidate(f"{name}={each.word}", each.about) for each in _values(town, options[name], taken)]
    if current.startswith("-"):
        own = [Candidate(param.flags[0], param.help) for param in dict.fromkeys(options.values())]
        return [*own, *(Candidate(names.split(",")[0].split()[0], text) for names, text in GLOBAL_HELP)]
    if len(taken) < len(places):
        return _values(town, places[len(taken)], taken)
    return _values(town, places[-1], taken) if places and places[-1].kind == "list" else []


def _values(town: str | None, param: Param, taken: Sequence[str]) -> Iterable[Candidate]:
    from tinytown_cli import completing_values as values

    if param.choices:
        return [Candidate(word) for word in param.choices]
    makers = {
        "key": lambda: values.keys(town),
        "value": lambda: values.values_of(town, taken[0] if taken else ""),
        "cli": lambda: values.agent_clis(town),
        "agent": lambda: values.agents(town),
        "agents": lambda: values.agents(town),
        "parent": lambda: values.agents(town),
        "to": lambda: [*values.agents(town), ("conductor", "the mailbox of a person")],
        "task": lambda: values.tasks(town),
        "ref": lambda: [*values.agents(town), *values.tasks(town)],
    }
    make = makers.get(param.name)
    if make is None and param.help == "Name of the adapter":
        make = values.adapters
    return [Candidate(*found) for found in make()] if make is not None else []

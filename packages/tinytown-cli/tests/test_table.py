from __future__ import annotations

import inspect
import shlex
from importlib import import_module
from pathlib import Path

import pytest
from tinytown_cli import help as help_page
from tinytown_cli.callables import attribute_of
from tinytown_cli.parse import bind, find
from tinytown_cli.reference_parser import application
from tinytown_cli.table import COMMANDS, FAMILIES, GROUPS, Command, by_path
from tinytown_cli.words import GLOBAL_HELP, split

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


def each(command: Command) -> str:
    return command.name


@pytest.mark.parametrize("command", COMMANDS, ids=each)
def test_every_command_leads_to_a_function_that_takes_just_its_parameters(command: Command) -> None:
    module, _, name = command.target.partition(":")
    function = getattr(import_module(f"tinytown_cli.commands.{module}"), name)
    context, *rest = inspect.signature(function).parameters.values()
    assert context.name == "context"
    assert [each.name for each in rest] == [param.name for param in command.params]
    assert all(each.kind is inspect.Parameter.KEYWORD_ONLY for each in rest)


def test_the_application_resolves_every_command() -> None:
    root = application()
    for command in COMMANDS:
        for words in (command.path, *((*command.path[:-1], alias) for alias in command.aliases)):
            app = root
            for word in words:
                app = app[word]
            assert app.default_command is not None
            assert app.default_command.__name__ == attribute_of(command)


@pytest.mark.parametrize("command", COMMANDS, ids=each)
def test_every_example_is_understood(command: Command) -> None:
    assert len(set(command.examples)) == 2
    for example in command.examples:
        words = shlex.split(example.partition(" > ")[0].partition(" | ")[0])
        assert words[0] == "tt"
        flags, rest = split(words[1:])
        assert flags.problem is None
        found = find(rest, by_path())
        assert found is not None
        assert found[0] == command
        assert bind(*found) is not None, example


def test_no_two_commands_share_their_words_and_all_have_a_group() -> None:
    paths = [command.path for command in COMMANDS]
    assert len(set(paths)) == len(paths)
    assert {command.group for command in COMMANDS} == set(GROUPS)
    assert {path[0] for path in paths if len(path) > 1} == set(FAMILIES)


@pytest.mark.parametrize("command", COMMANDS, ids=each)
def test_no_option_hides_a_global_flag_and_none_is_there_twice(command: Command) -> None:
    taken = {word.rstrip(",") for names, _ in GLOBAL_HELP for word in names.split() if word.startswith("-")}
    flags = [flag for param in command.params if not param.positional for flag in param.flags]
    assert len(set(flags)) == len(flags)
    assert not taken & set(flags)


@pytest.mark.parametrize("command", COMMANDS, ids=each)
def test_help_names_every_parameter_and_both_examples(command: Command) -> None:
    text = help_page.of_command(command)
    for param in command.params:
        for name in [param.metavar] if param.positional else param.flags:
            assert name in text
    assert all(example in text for example in command.examples)


@pytest.mark.parametrize("command", COMMANDS, ids=each)
def test_help_leads_to_the_reference_page_and_to_the_form_of_the_json(command: Command) -> None:
    lines = help_page.of_command(command).partition("Below docs/reference:\n")[2].splitlines()
    named = [line.split()[-1] for line in lines]
    assert len(named) == 2
    assert all((REFERENCE / name).is_file() for name in named)


def test_the_overview_lists_every_command() -> None:
    text = " ".join(help_page.overview().split())  # long lines are wrapped
    assert all(command.help in text for command in COMMANDS)


@pytest.mark.parametrize(
    "text",
    [help_page.overview(), *map(help_page.of_family, FAMILIES), *map(help_page.of_command, COMMANDS)],
    ids=["tt", *FAMILIES, *map(each, COMMANDS)],
)
def test_help_fits_into_eighty_columns(text: str) -> None:
    assert [line for line in text.splitlines() if len(line) > 80] == []

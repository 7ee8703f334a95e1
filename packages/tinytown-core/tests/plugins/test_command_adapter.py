"""Any command line of the user's own as an agent CLI, run for real."""

from __future__ import annotations

from typing import ClassVar

import pytest
import tinytown
from tinytown.errors import AgentCliError
from tinytown.plugins.adapters import Adapter
from tinytown.testing import AgentAdapterContract

ECHO = "import sys; print(sys.stdin.read()); sys.exit(int(sys.argv[1]))"
PROMPT = 'it\'s "quoted" $HOME ☃\n--help\n'


class TestCommand(AgentAdapterContract):
    name = "command"
    options: ClassVar = {"argv": ("mini", "--fast"), "conductor_argv": ("mini", "talk", "{prompt_file}")}


def agent(**options: object) -> tinytown.AgentSpec:
    return tinytown.AgentSpec(id="a-1", name="w1", cli="mini", options=options)


@pytest.fixture
def adapter() -> Adapter:
    return Adapter.for_cli("mini", {"mini": {}})


def test_a_town_finds_its_own_command_lines_and_all_other_adapters():
    assert Adapter.for_cli("mini", {"mini": {}}).name == "command"
    assert Adapter.for_cli("script", {"mini": {}}).name == "script"


@pytest.mark.parametrize(
    ("code", "outcome"), [(0, tinytown.Outcome.OK), (3, tinytown.Outcome.FAILED), (1, tinytown.Outcome.FAILED)]
)
def test_the_prompt_arrives_on_standard_input_and_the_exit_code_judges(adapter, bench, python, code, outcome):
    report, reading = bench.play(adapter, agent(argv=(python, "-c", ECHO, str(code))), bench.spec(PROMPT))

    assert report.outcome is outcome
    assert PROMPT.strip() in reading.tail


def test_the_prompt_arrives_as_one_word(adapter, bench, python):
    code = "import sys; print(repr(sys.argv[1:])); print(repr(sys.stdin.read()))"
    _report, reading = bench.play(adapter, agent(argv=(python, "-c", code), prompt="argv"), bench.spec(PROMPT))

    assert reading.tail.splitlines() == [repr([PROMPT]), repr("")]


def test_the_prompt_arrives_as_a_file(adapter, bench, python):
    code = "import sys; print(repr(open(sys.argv[1], encoding='utf-8').read()))"
    options = {"argv": (python, "-c", code, "{prompt_file}"), "prompt": "file"}
    _report, reading = bench.play(adapter, agent(**options), bench.spec(PROMPT))

    assert reading.tail == repr(PROMPT)


def test_the_variables_of_the_table_are_set(adapter, bench, python):
    code = "import os; print(os.environ['MINI_LEVEL'])"
    _report, reading = bench.play(adapter, agent(argv=(python, "-c", code), env={"MINI_LEVEL": 2}), bench.spec("x"))

    assert reading.tail == "2"


def test_a_process_that_a_signal_ended_has_crashed(adapter, bench, python):
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    report, _reading = bench.play(adapter, agent(argv=(python, "-c", code)), bench.spec("x"))

    assert report.outcome is tinytown.Outcome.CRASHED


@pytest.mark.parametrize(
    ("options", "prompt", "said"),
    [
        ({"argv": ("mini",), "prompt": "argv"}, "x" * (120 * 1024 + 1), "at most 120 KiB"),
        ({"argv": ("mini",), "prompt": "file"}, "x", "{prompt_file}"),
        ({"argv": ("mini",), "prompt": "pipe"}, "x", "stdin"),
        ({"argv": ("mini", "{model}")}, "x", "has no model"),
        ({}, "x", "names no command"),
    ],
)
def test_a_table_that_cannot_take_a_round_says_why(adapter, bench, options, prompt, said):
    with pytest.raises(AgentCliError) as caught:
        adapter.command(agent(**options), bench.spec(prompt))

    assert said in str(caught.value)
    assert caught.value.cli == "mini"
    assert caught.value.hint


def test_a_program_that_is_missing_is_found_missing(bench):
    from tinytown.adapters.command import diagnose_command

    env = {"PATH": str(bench.workspace)}

    assert diagnose_command(agent(argv=("no-such-mini",)), env).ok is False
    assert diagnose_command(agent(argv=("/bin/sh",)), env).ok is True
    assert diagnose_command(agent(), env).ok is False

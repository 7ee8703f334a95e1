"""Plugins are found by name, checked, and never imported for another's sake."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import tinytown
from tinytown.errors import PluginBrokenError, PluginNotFoundError, UsageError
from tinytown.plugins.adapters import Adapter
from tinytown.plugins.installed import installed
from tinytown.plugins.loading import load
from tinytown.plugins.schedulers import Scheduler

GOOD = """
import tinytown

@tinytown.hookimpl
def tinytown_adapter_info():
    return tinytown.AdapterInfo(name="{name}")

@tinytown.hookimpl
def tinytown_round_command():
    return tinytown.Command(argv=("{name}",))
"""


def test_a_third_party_adapter_is_loaded_by_its_name(install):
    module = install("egret", GOOD.format(name="egret"))

    assert Adapter.load("egret").info.name == "egret"
    assert module in sys.modules


def test_loading_one_plugin_imports_no_other(install):
    wanted = install("egret", GOOD.format(name="egret"))
    other = install("stork", "raise SystemExit('never import me')")

    Adapter.load("egret")

    assert wanted in sys.modules
    assert other not in sys.modules


def test_listing_imports_nothing(install):
    module = install("stork", "raise SystemExit('never import me')", distribution="town-stork")

    found = {plugin.name: plugin for plugin in installed("adapters")}

    assert found["stork"].distribution == ("town-stork",)
    assert found["stork"].version == ("1.5",)
    assert found["command"].built_in
    assert module not in sys.modules


def test_a_built_in_name_goes_first_and_the_list_says_so(install):
    install("script", "raise SystemExit('never import me')", distribution="town-usurper")

    assert Adapter.load("script").info.name == "script"
    assert [plugin.shadowed for plugin in installed("adapters") if plugin.name == "script"] == [False, True]


def test_a_name_of_another_group_does_not_hide_a_plugin(install):
    install("egret", GOOD.format(name="egret"))
    pair = "import tinytown\n@tinytown.hookimpl\ndef tinytown_schedule():\n    return []\n"
    install("egret", pair, kind="schedulers")

    assert Adapter.load("egret").name == "egret"
    assert Scheduler.load("egret").name == "egret"


def test_what_we_publish_apart_is_answered_with_the_command_that_installs_it():
    with pytest.raises(PluginNotFoundError) as caught:
        load("adapters", "gemini")

    assert 'pip install "tinytown[gemini]"' in str(caught.value.hint)


def test_an_unknown_name_is_answered_with_what_there_is():
    with pytest.raises(PluginNotFoundError) as caught:
        load("adapters", "no-such-bird")

    assert "`command`" in str(caught.value.hint)
    assert "tinytown.adapters" in str(caught.value.hint)


def test_an_unknown_kind_is_answered_with_the_kinds():
    with pytest.raises(UsageError, match="no kind of plugin"):
        load("birds", "egret")


def test_a_name_claimed_twice_names_both(install):
    install("egret", GOOD.format(name="egret"), distribution="town-one")
    install("egret", GOOD.format(name="egret"), distribution="town-two")

    with pytest.raises(PluginBrokenError, match="`town-one` and `town-two`"):
        Adapter.load("egret")


INFO = "import tinytown\n@tinytown.hookimpl\ndef tinytown_adapter_info():\n"
NAMED = INFO + "    return tinytown.AdapterInfo(name='egret')\n"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import no_such_module_here", "ModuleNotFoundError"),
        ("def broken(:", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError"),
        (GOOD.format(name="stork"), "calls itself `stork`"),
        (NAMED, "does not implement `tinytown_round_command`"),
        (GOOD.format(name="egret") + "@tinytown.hookimpl\ndef tinytown_round_comand():\n    pass\n", "unknown hook"),
        (GOOD.format(name="egret") + "@tinytown.hookimpl\ndef tinytown_account(key):\n    pass\n", "key"),
        (GOOD.format(name="egret") + "def tinytown_account(env):\n    pass\n", "lacks the decorator"),
        (
            INFO + "    return 7\n" + GOOD[GOOD.index("@tinytown.hookimpl\ndef tinytown_round") :],
            "int, not AdapterInfo",
        ),
        (INFO + "    1 / 0\n" + GOOD[GOOD.index("@tinytown.hookimpl\ndef tinytown_round") :], "ZeroDivisionError"),
    ],
)
def test_a_broken_plugin_is_refused_with_the_reason(install, source, said):
    install("egret", source)

    with pytest.raises(PluginBrokenError) as caught:
        Adapter.load("egret")

    assert said in str(caught.value)
    assert caught.value.hint
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("argv", ["'egret run'", "()", "(1,)", "['egret']", r"('egret', 'a\0b')"])
def test_a_command_that_cannot_be_started_is_refused(install, bench, argv):
    install("egret", GOOD.format(name="egret").replace('("egret",)', argv))
    with pytest.raises(PluginBrokenError, match="argv"):
        Adapter.load("egret").command(tinytown.AgentSpec(id="a-1", name="w1"), bench.spec("work"))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise KeyError('usage')", "KeyError"),
        ("return ['text']", "str where an OutputEvent"),
        ("return 7", "TypeError"),
        ("return [tinytown.OutputEvent(kind=tinytown.EventKind.USAGE, input_tokens='12')]", "input_tokens"),
        ("return [tinytown.OutputEvent(kind=tinytown.EventKind.USAGE, cost_micros=-1)]", "cost_micros"),
        ("return [tinytown.OutputEvent(kind=tinytown.EventKind.SESSION, session_id=12)]", "session_id"),
    ],
)
def test_a_parser_that_fails_costs_its_events_and_not_the_round(install, body, said):
    broken = f"@tinytown.hookimpl\ndef tinytown_round_output(line):\n    {body}\n"
    install("egret", GOOD.format(name="egret") + broken)
    reading = Adapter.load("egret").reading()

    events = reading.feed("a line")

    assert [event.text for event in events] == ["a line"]
    assert said in str(reading.broken)
    assert reading.usage().input_tokens == 0


@pytest.mark.parametrize("body", ["1 / 0", "return 'ok'", "return tinytown.OutcomeReport(outcome='ok')"])
def test_a_judge_that_fails_leaves_it_to_the_exit_code(install, bench, body):
    broken = f"@tinytown.hookimpl\ndef tinytown_round_outcome(tail):\n    {body}\n"
    install("egret", GOOD.format(name="egret") + broken)
    adapter = Adapter.load("egret")
    reading, agent = adapter.reading(), tinytown.AgentSpec(id="a-1", name="w1")

    report = adapter.outcome(agent, bench.spec("work"), tinytown.ProcessEnd(exit_code=3), reading)

    assert report.outcome is tinytown.Outcome.FAILED
    assert reading.broken


def test_a_doctor_that_fails_is_itself_the_finding(install):
    broken = "@tinytown.hookimpl\ndef tinytown_adapter_diagnose(env):\n    1 / 0\n"
    install("egret", GOOD.format(name="egret") + broken)

    (finding,) = Adapter.load("egret").diagnose({})

    assert finding.ok is False
    assert "ZeroDivisionError" in finding.text


def test_a_public_name_is_the_same_for_type_checkers_and_at_run_time():
    tree = ast.parse(Path(str(tinytown.__file__)).read_text())
    checked = {
        (alias.name, node.module)
        for block in tree.body
        if isinstance(block, ast.If)
        for node in ast.walk(block)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert checked == set(tinytown._HOMES.items())
    assert all(getattr(tinytown, name) is not None for name, _module in checked)


def test_an_adapter_brings_in_nothing_heavy():
    code = "import sys, tinytown_claude, tinytown_codex; print(*sorted(m.split('.')[0] for m in sys.modules))"
    ran = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True, timeout=30)

    assert not {"redis", "cattrs", "cyclopts", "asyncio", "tomlkit", "psutil"} & set(ran.stdout.split())

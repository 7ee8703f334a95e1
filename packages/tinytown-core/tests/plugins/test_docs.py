"""The pages about hooks say what the hooks are: every hook, its exact arguments, and examples that work."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest
import tinytown
from tinytown.plugins.adapters import Adapter
from tinytown.plugins.kinds import KINDS
from tinytown.plugins.loading import load

PAGES = Path(__file__).parents[4] / "docs" / "hooks"
LOADABLE = {"adapters": "heron", "schedulers": "thrifty", "storages": "heap"}


def hooks_of(kind: str) -> dict[str, object]:
    specs = importlib.import_module(KINDS[kind].specs)
    return {name: function for name, function in vars(specs).items() if name.startswith("tinytown_")}


def blocks(kind: str, language: str = "python") -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (PAGES / f"{kind}.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("kind", KINDS)
def test_every_hook_has_a_heading_with_its_exact_arguments(kind):
    headings = re.findall(r"^## `(tinytown_.*)`$", (PAGES / f"{kind}.md").read_text(), re.MULTILINE)
    live = [f"{name}({', '.join(inspect.signature(hook).parameters)})" for name, hook in hooks_of(kind).items()]

    assert headings == live


@pytest.mark.parametrize("kind", KINDS)
def test_every_spec_says_who_calls_it_its_rules_and_an_example(kind):
    for name, hook in hooks_of(kind).items():
        text = inspect.getdoc(hook) or ""
        assert "Called " in text, name
        assert "Rules:" in text, name
        assert "Example::" in text, name
        assert ("Stops at first non-None" in text) == hook.tinytown_spec["firstresult"], name
        for argument in inspect.signature(hook).parameters:
            assert f"        {argument}: " in (hook.__doc__ or ""), f"{name} does not explain {argument}"


@pytest.mark.parametrize("kind", KINDS)
def test_the_whole_example_of_a_page_loads(kind, install):
    name = LOADABLE[kind]
    install(name, blocks(kind)[0], kind=kind)

    assert load(kind, name).has_plugin(name)


@pytest.mark.parametrize("place", range(8))
def test_each_example_of_an_adapter_hook_loads_with_the_others(place, install):
    example = [block for block in blocks("adapters") if block.startswith("@tinytown.hookimpl")][place]
    hook = re.search(r"def (\w+)", example).group(1)
    whole = blocks("adapters")[0]
    parts = [part for part in whole.split("\n\n\n") if f"def {hook}(" not in part]
    install("heron", "\n\n\n".join([*parts, example]))

    assert Adapter.load("heron").info.executable == "heron"


@pytest.mark.parametrize("values", [tinytown.Capability, tinytown.EventKind])
def test_every_word_of_an_enumeration_has_its_row(values):
    page = (PAGES / "adapters.md").read_text()

    assert [member.name for member in values if member.name != "NONE" and f"| `{member.name}` |" not in page] == []


def test_the_script_of_the_page_is_played(bench):
    path = bench.folder / "script.toml"
    path.write_text(blocks("adapters", "toml")[-1].split("[[routes.steps]]\ncommit")[0])
    agent = tinytown.AgentSpec(id="a-1", name="w1", options={"script": str(path)})

    report, _reading = bench.play(Adapter.load("script"), agent, bench.spec("rejected: no test"))

    assert report.outcome is tinytown.Outcome.OK
    assert (bench.workspace / "src" / "fix.py").read_text() == "# because no test\n"


def test_every_step_of_the_scripted_agent_has_its_row():
    from tinytown.adapters import script_agent

    steps = set(re.findall(r'if "(\w+)" in step', inspect.getsource(script_agent.play)))
    rows = set(re.findall(r"^\| `(\w+)` \|", (PAGES / "adapters.md").read_text().split("| Step |")[1], re.MULTILINE))

    assert steps == rows

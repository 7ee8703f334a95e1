"""Whatever id or name a command or a prompt shows can be answered, or the refusal names the command that was meant."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tinytown_cli.run import run

Tt = Callable[..., Any]
AN_ID = re.compile(r"\b[atmrqn]-[0-9a-hjkmnp-tv-z]{8,12}\b")
COMMANDS = (
    ("status", "--deep", "--tasks"),
    ("list",),
    ("nodes",),
    ("task", "list"),
    ("backlog", "list"),
    ("inbox", "--all"),
    ("inbox", "conductor"),
    ("attention", "list"),
    ("history", "-n", "200"),
    ("events", "--count", "200"),
    ("why",),
    ("trace", "w1"),
)


def test_every_id_that_is_shown_anywhere_can_be_answered(
    town: Tt,
    tmp_path: Path,
    tt_env: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    town("spawn", "w1", "--cli", "mini", "--nickname", "ann", "-q")
    town("send", "w1", "read this", "--info", "-q")
    done = town("assign", "w1", "Say hello", "--json").json
    town("wait", done["id"], "--timeout", "40")  # it asks for a person, since its program closes nothing
    town("interrupt", "w1", "-q")
    town("assign", "w1", "Something else", "-q")
    town("send", "conductor", "for the conductor", "-q")
    town("stop", "-q")
    for name, value in tt_env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path / "town")
    shown = "\n".join(file.read_text() for file in (tmp_path / "town" / ".tt" / "rounds").glob("*/prompt.md"))
    for words in COMMANDS:
        for more in ((), ("--json",)):
            assert run([*words, *more]) == 0
            shown += capsys.readouterr().out
    ids = set(AN_ID.findall(shown))
    assert {ref[0] for ref in ids} == set("atmrqn")
    for ref in sorted(ids):
        code = run(["send", "--json", "--info", ref, "an answer"])
        said = capsys.readouterr()
        if ref[0] in "qn":
            assert code == 1, ref
            assert json.loads(said.err.splitlines()[-1])["error"]["hint"], ref
        else:
            assert code == 0, (ref, said.err)
            assert json.loads(said.out)["to"] in {"w1", "conductor"}, ref
    for name in ("conductor", "supervisor", "w1", "ann", "ann [worker]", "person", "town"):
        assert run(["send", "--info", name, "an answer"]) == 0, name


def test_mail_is_previewed_for_all_and_whole_by_its_id(town: Tt) -> None:
    text = "\n".join(f"line {number}" for number in range(40))
    ref = town("send", "conductor", text, "--info", "-q").out.split()[0]
    preview = town("inbox", "--all").out
    assert "line 4" in preview
    assert "line 5" not in preview
    assert f"tt inbox {ref}" in preview
    assert text in town("inbox", ref).out
    assert town("inbox", "--all", "--json").json["items"][0]["body"] == text
    assert text in town("inbox", "conductor").out
    assert town("inbox", "--done", ref, "--json").json["state"] == "handled"
    assert town("inbox", "conductor", "--json").json["items"] == []
    refused = town("inbox", "conductor", "--done", ref, "--json")
    assert (refused.code, refused.error["code"]) == (2, "usage")


def test_a_trace_tells_each_step_with_time_actor_and_place(town: Tt, tmp_path: Path) -> None:
    agent = town("spawn", "w1", "--cli", "mini", "--json").json["id"]
    ref = town("send", "w1", "read this", "--json").json["id"]
    assert town("wait", "w1", "--timeout", "40").code == 0
    told = town("trace", ref, "--json").json
    steps = {step["verb"]: step for step in told["history"]}
    assert list(steps) == ["queued", "delivered", "shown", "handled"]
    assert all(step["at"].endswith("Z") and step["by"] and step["place"] for step in told["history"])
    assert steps["delivered"]["by_id"] == steps["shown"]["by_id"] == steps["handled"]["by_id"] == agent
    shown = steps["shown"]
    prompt = (tmp_path / "town" / shown["file"]).read_text().split("\n")
    assert prompt[shown["line"] - 1].startswith(f"## {ref} from `person`")
    human = town("trace", ref).out
    assert f"by w1 ({agent})" in human
    assert f"line {shown['line']} (byte {shown['offset']}) of {shown['file']}" in human

"""`tt` as an agent uses it: inside a live round, run by the agent's own process."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Tt = Callable[..., Any]

AGENT = """
import os, subprocess, sys
sys.stdin.read()
open("go").read()
def tt(name, *words):
    with open(name + ".out", "w") as out, open(name + ".err", "w") as err:
        subprocess.run([sys.executable, "-m", "tinytown_cli", *words], stdout=out, stderr=err, stdin=subprocess.DEVNULL)
task = os.environ["TINYTOWN_TASK_ID"]
tt("current", "task", "current", "--json")
tt("send", "send", "conductor", "working on it", "--info", "--json")
tt("inbox", "inbox", "--json")
tt("after", "task", "show", task, "-q")
tt("no_gates", "task", "complete", task, "--no-gates", "--json")
tt("complete", "task", "complete", task, "--result", "all done")
"""


def test_an_agent_sees_its_task_its_mail_and_what_is_urgent(town: Tt, tmp_path: Path) -> None:
    root = tmp_path / "town"
    (tmp_path / "agent.py").write_text(AGENT)
    file = root / "tinytown.toml"
    command = f"{sys.executable} {tmp_path / 'agent.py'}"
    file.write_text(file.read_text() + f'\n[agent_clis.inside]\ncommand = "{command}"\n')
    os.mkfifo(root / "go")
    town("spawn", "w1", "--cli", "inside")
    ref = town("assign", "w1", "Look around", "--json").json["id"]
    with (root / "go").open("w") as go:  # returns when the agent has opened it too
        urgent = town("send", "w1", "Stop the press", "--urgent", "--info", "--json").json["id"]
        go.write("go")
    waited = town("wait", ref, "--timeout", "45", "--json")
    assert waited.code == 0, waited.err
    assert waited.json["result"] == "all done"

    def said(name: str, kind: str = "out") -> str:
        return (root / f"{name}.{kind}").read_text()

    assert json.loads(said("current"))["id"] == ref
    assert f"URGENT mail from person is waiting ({urgent})" in said("current", "err")
    assert f"({urgent})" in said("send", "err")
    sent = json.loads(said("send"))
    assert sent["from"] == "w1"
    assert [item["body"] for item in json.loads(said("inbox"))["items"]] == ["Stop the press"]
    assert "URGENT" not in said("after", "err")
    assert json.loads(said("no_gates", "err").splitlines()[0])["error"]["code"] == "usage"
    assert said("complete").startswith(ref)
    assert "end your turn" in said("complete", "err")
    shown = town("trace", urgent, "--json").json["record"]
    assert shown["shown_at"] is not None

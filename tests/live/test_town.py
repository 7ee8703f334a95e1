"""A town with real agent CLIs, offline: from `assign` to `completed`, with a second round in the same conversation."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tinytown import Town

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]

TT = shlex.quote(str(Path(sys.executable).with_name("tt")))
COMPLETE = f'{TT} task complete "$TINYTOWN_TASK_ID" --result "made it"'


@pytest.fixture
def town(rig, model, tmp_path: Path) -> Iterator[Town]:
    subprocess.run(["git", "init", "-q", "-b", "main", str(rig.workspace)], check=True)
    for words in (["config", "user.name", "Live"], ["config", "user.email", "live@localhost"]):
        subprocess.run(["git", "-C", str(rig.workspace), *words], check=True)
    if rig.adapter.name == "codex":
        (rig.home / ".codex" / "config.toml").write_text(f'openai_base_url = "{model.url}/v1"\n')
    with Town.init(rig.workspace, name="live", cli=rig.adapter.name, env=environment(rig.env, tmp_path)) as opened:
        try:
            yield opened
        finally:
            opened.stop(timeout=0, now=True)


def environment(env: Mapping[str, str], tmp_path: Path) -> dict[str, str]:
    path = f"{env['PATH']}:{Path(sys.executable).parent}"
    return {**env, "PATH": path, "TINYTOWN_HOME": str(tmp_path / "tinytown-home")}


def test_a_task_goes_from_assigned_to_completed_and_the_next_one_resumes_the_conversation(town, model):
    model.play(turns=[{"shell": "echo by the agent > made.txt"}, {"shell": COMPLETE}, {"text": "finished"}])
    agent = town.spawn("w1")

    first = town.wait(town.assign("w1", "Make a file, about herons").id, timeout=90)

    assert first.state == "completed"
    assert first.result == "made it"
    assert (town.root / "made.txt").read_text() == "by the agent\n"
    assert first.input_tokens > 0
    assert first.output_tokens > 0
    session = town.agent(agent.id).session_id
    assert session

    second = town.wait(town.assign("w1", "And another one").id, timeout=90)

    assert second.state == "completed"
    assert town.agent(agent.id).session_id == session
    assert "about herons" in str(model.requests()[-1]["body"])
    rounds = town.rounds("w1").items
    assert [live.outcome for live in rounds] == ["ok", "ok"]
    assert rounds[1].output_tokens == rounds[0].output_tokens


def test_a_refused_key_parks_the_account_and_asks_a_person(town, model):
    model.play(error={"status": 401, "message": "this key is not known"})
    town.spawn("w1")
    task = town.assign("w1", "Anything")

    for event in town.follow("0", type="attention.opened"):
        assert event.detail == "auth_required"
        break

    assert town.task(task.id).state == "assigned"
    assert town.task(task.id).crashes == 0
    assert [cause.code for cause in town.why(task.id).causes][-1:] != ["unknown_cause"]


def test_a_killed_agent_leaves_no_process_of_its_shell_command(town, model):
    marker = town.root / "started"
    model.play(turns=[{"shell": f"touch {shlex.quote(str(marker))}; exec python3 -c 'import time; time.sleep(300)'"}])
    agent = town.spawn("w1")
    town.assign("w1", "Something long")
    for event in town.follow("0", type="round.started"):
        live = event.round_id
        break
    ends = time.monotonic() + 60
    while not marker.exists():
        assert time.monotonic() < ends, "the agent CLI did not run its shell command"

    town.kill(agent.id)

    mark = f"TINYTOWN_ROUND_ID={live}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            assert mark not in (folder / "environ").read_bytes()
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue

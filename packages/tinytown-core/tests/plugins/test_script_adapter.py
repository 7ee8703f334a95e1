"""The scripted agent is a real process that does what its script says."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import ClassVar

import pytest
import tinytown
from tinytown.errors import AgentCliError
from tinytown.plugins.adapters import Adapter
from tinytown.plugins.reading import Usage
from tinytown.testing import AgentAdapterContract

SESSION = json.dumps({"event": {"kind": "session", "session_id": "s-1"}})
USED = json.dumps({"event": {"kind": "usage", "input_tokens": 7, "output_tokens": 3}})


class TestScript(AgentAdapterContract):
    name = "script"
    options: ClassVar = {"script": "/town/script.toml"}
    good_output = (SESSION, USED, "plain text")


@pytest.fixture
def adapter() -> Adapter:
    return Adapter.load("script")


@pytest.fixture
def agent(bench):
    def make(script: str, *, role: str = "worker", session: str | None = None) -> tinytown.AgentSpec:
        path = bench.folder / "script.toml"
        path.write_text(script)
        return tinytown.AgentSpec(id="a-1", name="w1", role=role, session_id=session, options={"script": str(path)})

    return make


def test_it_writes_runs_and_commits_for_real(adapter, bench, agent):
    for words in (["init", "-q"], ["config", "user.name", "w1"], ["config", "user.email", "w1@town.invalid"]):
        subprocess.run(["git", *words], cwd=bench.workspace, check=True, timeout=20)
    script = """
    [[steps]]
    write = "src/a.txt"
    text = "one\\n"
    [[steps]]
    run = "echo two >> src/a.txt"
    [[steps]]
    run = ["sh", "-c", "exit 3"]
    ok = [3]
    [[steps]]
    commit = "Fix <<task_id>>"
    """
    report, _reading = bench.play(adapter, agent(script), bench.spec("work"), TINYTOWN_TASK_ID="t-77")

    log = subprocess.run(
        ["git", "log", "--format=%s", "--name-only"], cwd=bench.workspace, capture_output=True, text=True, check=True
    )
    assert report.outcome is tinytown.Outcome.OK
    assert log.stdout.split("\n\n") == ["Fix t-77", "src/a.txt\n"]
    assert (bench.workspace / "src/a.txt").read_text() == "one\ntwo\n"


def test_the_first_route_that_fits_role_and_prompt_is_played(adapter, bench, agent):
    script = """
    [[routes]]
    role = "reviewer"
    steps = [{ print = "review" }]
    [[routes]]
    match = "rejected: (?P<why>.+)"
    steps = [{ print = "second try because <<why>>, <<1>>" }]
    [[routes]]
    match = "task (t-[0-9]+)"
    steps = [{ print = "first try of <<1>>" }]
    """
    seen = [
        bench.play(adapter, agent(script, role=role), bench.spec(prompt))[1].tail.splitlines()[-1]
        for role, prompt in (
            ("worker", "do task t-1"),
            ("worker", "do task t-1\nrejected: no test"),
            ("reviewer", "do task t-1"),
        )
    ]
    assert seen == ["first try of t-1", "second try because no test, no test", "review"]


def test_it_calls_tt_by_its_absolute_path(adapter, bench, agent):
    tt = bench.folder / "tt"
    tt.write_text('#!/bin/sh\necho "called with $*" > "$TINYTOWN_TOWN/called"\n')
    tt.chmod(0o755)
    script = '[[steps]]\ntt = ["task", "complete", "<<task_id>>"]\n'
    spec = bench.spec("work", tt_path=str(tt))

    bench.play(adapter, agent(script), spec, TINYTOWN_TASK_ID="t-77", TINYTOWN_TOWN=str(bench.folder), PATH="/nowhere")

    assert (bench.folder / "called").read_text() == "called with task complete t-77\n"


def test_it_reports_session_usage_and_a_question(adapter, bench, agent):
    script = """
    [[steps]]
    event = { kind = "usage", input_tokens = 10, output_tokens = 4, cost_micros = 250, scope = "session" }
    [[steps]]
    question = "which database?"
    [[steps]]
    write = "never"
    """
    report, reading = bench.play(adapter, agent(script, session="s-9"), bench.spec("work"))

    assert report == tinytown.OutcomeReport(outcome=tinytown.Outcome.NEEDS_INPUT, detail="which database?")
    assert reading.session_id == "s-9"
    assert reading.usage(Usage(input_tokens=6, output_tokens=1, cost_micros=50)) == Usage(
        input_tokens=4, output_tokens=3, cost_micros=200
    )
    assert not (bench.workspace / "never").exists()


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        ('{ kind = "rate_limit", final = true, retry_after_s = 9 }', tinytown.Outcome.RATE_LIMITED),
        ('{ kind = "auth", final = true }', tinytown.Outcome.AUTH_REQUIRED),
        ('{ kind = "context_full", final = true }', tinytown.Outcome.CONTEXT_FULL),
        ('{ kind = "error", final = true }', tinytown.Outcome.FAILED),
        ('{ kind = "rate_limit" }', tinytown.Outcome.OK),
    ],
)
def test_it_can_end_in_every_way_with_exit_code_zero(adapter, bench, agent, event, outcome):
    report, _reading = bench.play(adapter, agent(f"[[steps]]\nevent = {event}\n"), bench.spec("work"))

    assert report.outcome is outcome


def test_it_waits_for_a_file_and_hangs_until_a_signal(adapter, bench, agent):
    script = """
    steps = [{ ignore = ["SIGTERM"] }, { wait_for = "go" }, { print = "went" }, { hang = true }]
    """
    process = bench.start(adapter, agent(script), bench.spec("work"), {})
    try:
        assert "session" in process.stdout.readline()
        (bench.workspace / "go").touch()
        assert process.stdout.readline() == "went\n"
        process.send_signal(signal.SIGTERM)
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate(timeout=20)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ('[[steps]]\nrun = "exit 9"', "ended with 9"),
        ('[[steps]]\nrun = ["no-such-program-here"]', "No such file"),
        ('[[steps]]\nfly = "south"', "unknown step: fly"),
        ("steps = 7 7", "cannot be read"),
        ('[[steps]]\nwait_for = "never"\ntimeout_s = 0.1', "did not appear"),
    ],
)
def test_a_step_that_fails_fails_the_round_with_the_reason(adapter, bench, agent, script, said):
    report, _reading = bench.play(adapter, agent(script), bench.spec("work"))

    assert report.outcome is tinytown.Outcome.FAILED
    assert said in report.detail


def test_the_script_may_come_by_the_environment_and_as_json(adapter, bench):
    path = bench.folder / "script.json"
    path.write_text(json.dumps({"steps": [{"exit": 4}]}))
    plain = tinytown.AgentSpec(id="a-1", name="w1")
    spec = bench.spec("work", env_names=frozenset({"TINYTOWN_SCRIPT"}))

    report, _reading = bench.play(adapter, plain, spec, TINYTOWN_SCRIPT=str(path))

    assert (report.outcome, report.detail) == (tinytown.Outcome.FAILED, "exit status 4")
    with pytest.raises(AgentCliError, match="no script"):
        adapter.command(plain, bench.spec("work"))

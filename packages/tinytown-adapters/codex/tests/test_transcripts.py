"""What the codex adapter makes of output that the real program printed (recorded by tests/live)."""

from __future__ import annotations

from pathlib import Path

import pytest
import tinytown
from tinytown.plugins.adapters import Adapter
from tinytown.plugins.reading import Reading, Usage

TRANSCRIPTS = Path(__file__).parent / "transcripts"
AGENT = tinytown.AgentSpec(id="a-1", name="w1")
ROUND = tinytown.RoundSpec(
    id="r-1", prompt_path=Path("prompt"), prompt_bytes=1, workspace=Path("work"), round_dir=Path("round")
)


@pytest.fixture
def adapter() -> Adapter:
    return Adapter.load("codex")


def read(adapter: Adapter, name: str) -> Reading:
    reading = adapter.reading()
    for line in (TRANSCRIPTS / f"{name}.jsonl").read_text().splitlines():
        reading.feed(line)
    return reading


def test_a_good_round_tells_text_tools_and_tokens_but_no_money(adapter):
    reading = read(adapter, "ok")

    assert reading.session_id
    assert reading.usage() == Usage(input_tokens=2000, output_tokens=60, cost_micros=None)
    assert [event.tool for event in reading.events if event.tool] == ["command_execution"]
    assert "finished" in [event.text for event in reading.events if event.kind is tinytown.EventKind.TEXT]


def test_tokens_are_the_threads_total(adapter):
    first, second = read(adapter, "ok"), read(adapter, "resume")

    assert second.usage(first.session_totals) == first.usage()


@pytest.mark.parametrize(
    ("transcript", "outcome"),
    [
        ("refused-key", tinytown.Outcome.AUTH_REQUIRED),
        ("rate-limit", tinytown.Outcome.RATE_LIMITED),
        ("full-context", tinytown.Outcome.CONTEXT_FULL),
        ("lost-session", tinytown.Outcome.CONTEXT_FULL),
    ],
)
@pytest.mark.parametrize("exit_code", [0, 1])
def test_the_output_says_how_it_ended_whatever_the_exit_code(adapter, transcript, outcome, exit_code):
    ended = tinytown.ProcessEnd(exit_code=exit_code)
    report = adapter.outcome(AGENT, ROUND, ended, read(adapter, transcript))

    assert report.outcome is outcome
    assert report.detail


def test_a_reconnect_that_succeeds_is_no_end(adapter):
    reading = adapter.reading()
    reading.feed('{"type":"error","message":"Reconnecting... 1/5 (last status: 429 Too Many Requests)"}')
    for line in (TRANSCRIPTS / "ok.jsonl").read_text().splitlines():
        reading.feed(line)

    assert adapter.outcome(AGENT, ROUND, tinytown.ProcessEnd(exit_code=0), reading).outcome is tinytown.Outcome.OK


def test_the_session_and_the_prompts_dash_come_last(adapter):
    agent = tinytown.AgentSpec(id="a-1", name="w1", model="m-1", session_id="s-1", options={"args": ["-c", "x=1"]})

    assert adapter.command(agent, ROUND).argv[-7:] == ("-m", "m-1", "-c", "x=1", "resume", "s-1", "-")


def test_a_key_that_exec_never_sends_is_no_log_in(adapter, tmp_path):
    env = {"PATH": "", "HOME": str(tmp_path), "OPENAI_API_KEY": "sk-unused"}
    finding = {item.what: item for item in adapter.diagnose(env)}["signed_in"]

    assert finding.ok is False
    assert "OPENAI_API_KEY is not sent" in finding.text

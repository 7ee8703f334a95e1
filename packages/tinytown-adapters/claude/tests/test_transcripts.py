"""What the claude adapter makes of output that the real program printed (recorded by tests/live)."""

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
    return Adapter.load("claude")


def read(adapter: Adapter, name: str) -> Reading:
    reading = adapter.reading()
    for line in (TRANSCRIPTS / f"{name}.jsonl").read_text().splitlines():
        reading.feed(line)
    return reading


def judge(adapter: Adapter, name: str, **ended) -> tinytown.OutcomeReport:
    return adapter.outcome(AGENT, ROUND, tinytown.ProcessEnd(**ended), read(adapter, name))


def test_a_good_round_tells_text_tools_tokens_and_money(adapter):
    reading = read(adapter, "ok")

    assert judge(adapter, "ok", exit_code=0).outcome is tinytown.Outcome.OK
    assert reading.session_id
    assert reading.usage() == Usage(input_tokens=2400, output_tokens=60, cost_micros=reading.session_totals.cost_micros)
    calls = [event for event in reading.events if event.kind is tinytown.EventKind.TOOL_CALL]
    assert [(call.tool, call.text) for call in calls] == [("Bash", "echo made by the agent > made.txt")]
    assert [event.text for event in reading.events if event.kind is tinytown.EventKind.TEXT] == ["finished"]


def test_money_is_the_sessions_total_but_tokens_are_the_rounds(adapter):
    reading = read(adapter, "resume")
    total = reading.session_totals.cost_micros

    assert reading.usage(Usage(cost_micros=total // 2)) == Usage(
        input_tokens=2400, output_tokens=60, cost_micros=total - total // 2
    )


def test_a_round_that_was_cut_off_still_counts_the_steps_it_took(adapter):
    reading = adapter.reading()
    for line in (TRANSCRIPTS / "ok.jsonl").read_text().splitlines()[:3]:
        reading.feed(line)
        reading.feed(line)

    assert reading.usage().input_tokens == 1200


@pytest.mark.parametrize(
    ("transcript", "outcome"),
    [
        ("refused-key", tinytown.Outcome.AUTH_REQUIRED),
        ("rate-limit", tinytown.Outcome.RATE_LIMITED),
        ("subscription-limit", tinytown.Outcome.RATE_LIMITED),
        ("full-context", tinytown.Outcome.CONTEXT_FULL),
        ("lost-session", tinytown.Outcome.CONTEXT_FULL),
    ],
)
@pytest.mark.parametrize("exit_code", [0, 1])
def test_the_output_says_how_it_ended_whatever_the_exit_code(adapter, transcript, outcome, exit_code):
    report = judge(adapter, transcript, exit_code=exit_code)

    assert report.outcome is outcome
    assert report.detail


def test_a_subscription_limit_carries_the_instant_of_its_reset(adapter):
    assert judge(adapter, "subscription-limit", exit_code=1).retry_at_ms == 4_102_444_800_000


def test_a_failed_resume_does_not_reset_the_sessions_total(adapter):
    assert read(adapter, "refused-key").session_totals is None
    assert read(adapter, "refused-key").usage(Usage(cost_micros=500)).cost_micros == 0


def test_a_round_that_ran_out_of_time_while_it_retried_was_rate_limited(adapter):
    reading = adapter.reading()
    lines = (TRANSCRIPTS / "rate-limit.jsonl").read_text().splitlines()
    for line in [line for line in lines if '"init"' in line or '"api_retry"' in line]:
        reading.feed(line)
    ended = tinytown.ProcessEnd(exit_code=None, signal=9, why=tinytown.EndReason.TIME_LIMIT)

    assert adapter.outcome(AGENT, ROUND, ended, reading).outcome is tinytown.Outcome.RATE_LIMITED


def test_the_superuser_is_let_in_and_own_settings_are_kept(adapter):
    import attrs

    plain = adapter.command(AGENT, ROUND)
    root = adapter.command(AGENT, attrs.evolve(ROUND, as_root=True))
    own = adapter.command(AGENT, attrs.evolve(ROUND, env_names=frozenset({"CLAUDE_CODE_MAX_RETRIES"})))

    assert "IS_SANDBOX" not in plain.env
    assert root.env["IS_SANDBOX"] == "1"
    assert "CLAUDE_CODE_MAX_RETRIES" in plain.env
    assert "CLAUDE_CODE_MAX_RETRIES" not in own.env


def test_model_and_further_words_come_before_the_session(adapter):
    agent = tinytown.AgentSpec(
        id="a-1", name="w1", model="sonnet", session_id="s-1", options={"args": ["--max-turns", "5"]}
    )

    assert adapter.command(agent, ROUND).argv[-6:] == ("--model", "sonnet", "--max-turns", "5", "--resume", "s-1")


def test_two_keys_are_two_accounts_and_no_key_is_the_log_in_of_that_home(adapter):
    accounts = {
        adapter.account(AGENT, env)
        for env in (
            {"ANTHROPIC_API_KEY": "one"},
            {"ANTHROPIC_API_KEY": "two"},
            {"ANTHROPIC_API_KEY": "two", "ANTHROPIC_BASE_URL": "http://127.0.0.1:1"},
            {"HOME": "/home/one"},
            {"HOME": "/home/two"},
        )
    }

    assert len(accounts) == 5

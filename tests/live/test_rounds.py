"""Rounds of the real agent CLIs, offline: their adapters must find the end, the session and the usage by themselves."""

from __future__ import annotations

import pytest
import tinytown

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]

WORK = [{"shell": "echo made by the agent > made.txt"}, {"text": "finished"}]
PROMPT = '- make a file\nit\'s "quoted", `ticked` and has a ☃\n--help\n'


def test_a_round_does_its_work_and_reports_session_and_usage(rig, model):
    model.play(turns=WORK)

    played = rig.play(PROMPT)
    rig.record("ok", played)

    assert played.outcome is tinytown.Outcome.OK, played.output
    assert (rig.workspace / "made.txt").read_text() == "made by the agent\n"
    assert played.reading.session_id
    assert played.reading.broken is None
    assert played.reading.usage().input_tokens >= 2000
    assert played.reading.usage().output_tokens == 60
    kinds = [event.kind for event in played.reading.events]
    assert tinytown.EventKind.TOOL_CALL in kinds
    assert "finished" in [event.text for event in played.reading.events]


def test_the_prompt_arrives_whole(rig, model):
    model.play(turns=[{"text": "finished"}])
    prompt = PROMPT + "word " * 40_000 + "THE END"

    assert rig.play(prompt).outcome is tinytown.Outcome.OK

    seen = [str(request["body"]) for request in model.requests()]
    assert any("- make a file" in body and "☃" in body and "THE END" in body for body in seen)


def test_a_resumed_session_knows_what_was_said_and_counts_only_its_own_round(rig, model):
    model.play(turns=WORK)
    first = rig.play("the first prompt, about herons")

    second = rig.play("the second prompt", session=first.reading.session_id)
    rig.record("resume", second)

    assert second.reading.session_id == first.reading.session_id
    assert "about herons" in str(model.requests()[-1]["body"])
    before = first.reading.session_totals
    assert second.reading.usage(before).output_tokens == first.reading.usage().output_tokens
    assert second.reading.usage(before).cost_micros == first.reading.usage().cost_micros


def test_a_refused_key_is_not_a_failure_of_the_agent(rig, model):
    model.play(error={"status": 401, "message": "this key is not known"})

    played = rig.play("work")
    rig.record("refused-key", played)

    assert played.outcome is tinytown.Outcome.AUTH_REQUIRED, played.output


def test_a_rate_limit_is_not_a_failure_of_the_agent(rig, model):
    model.play(error={"status": 429, "message": "slow down", "headers": {"retry-after": "1"}})

    played = rig.play("work")
    rig.record("rate-limit", played)

    assert played.outcome is tinytown.Outcome.RATE_LIMITED, played.output


def test_one_busy_answer_does_not_spoil_a_round(rig, model):
    model.play(turns=WORK, error={"status": 429, "message": "slow down", "times": 1, "headers": {"retry-after": "1"}})

    played = rig.play("work")

    assert played.outcome is tinytown.Outcome.OK, played.output
    assert (rig.workspace / "made.txt").exists()


def test_a_session_that_is_gone_asks_for_a_fresh_one(rig, model):
    played = rig.play("work", session="01a20277-0000-7ae2-8cb5-42b2377e6600")
    rig.record("lost-session", played)

    assert played.outcome is tinytown.Outcome.CONTEXT_FULL, played.output


def test_a_full_context_asks_for_a_fresh_session(rig, model):
    said = {"code": "context_length_exceeded", "message": "the input exceeds the context window"}
    if rig.adapter.name == "claude":
        model.play(error={"status": 400, "message": "prompt is too long: 250000 tokens > 200000 maximum"})
    else:
        model.play(turns=[{"failed": said}])

    played = rig.play("work")
    rig.record("full-context", played)

    assert played.outcome is tinytown.Outcome.CONTEXT_FULL, played.output


def test_the_adapter_finds_the_program_and_the_key(rig):
    findings = {finding.what: finding for finding in rig.adapter.diagnose(rig.env)}

    assert findings["installed"].ok
    assert findings["version"].ok
    assert findings["signed_in"].ok
    signed_out = {name: text for name, text in rig.env.items() if not name.endswith("_KEY")}
    assert not {f.what: f for f in rig.adapter.diagnose(signed_out)}["signed_in"].ok


@pytest.mark.parametrize("rig", ["claude"], indirect=True)
def test_a_subscription_limit_says_when_it_ends(rig, model):
    headers = {
        "anthropic-ratelimit-unified-status": "rejected",
        "anthropic-ratelimit-unified-reset": "4102444800",
        "anthropic-ratelimit-unified-representative-claim": "five_hour",
    }
    model.play(error={"status": 429, "message": "limit", "headers": headers})

    played = rig.play("work", ANTHROPIC_API_KEY="", CLAUDE_CODE_OAUTH_TOKEN="sk-ant-oat01-not-a-token")
    rig.record("subscription-limit", played)

    assert played.outcome is tinytown.Outcome.RATE_LIMITED, played.output
    assert played.report.retry_at_ms == 4_102_444_800_000

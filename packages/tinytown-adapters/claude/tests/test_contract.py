"""The claude adapter keeps the contract of every adapter."""

from __future__ import annotations

from pathlib import Path

from tinytown.testing import AgentAdapterContract

OK = Path(__file__).parent / "transcripts" / "ok.jsonl"


class TestClaude(AgentAdapterContract):
    name = "claude"
    good_output = tuple(OK.read_text().splitlines())

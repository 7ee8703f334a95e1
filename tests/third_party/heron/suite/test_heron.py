"""Heron keeps the contract of every adapter, in the three lines that its authors had to write, and one of their own."""

import tinytown
from tinytown.testing import AgentAdapterContract


class TestHeron(AgentAdapterContract):
    name = "heron"
    good_output = ('{"session": "h-1", "tokens": 12}', "fishing")

    def test_an_empty_lake_is_a_rate_limit(self, adapter, agent, round_spec):
        reading = adapter.reading()
        reading.feed("quota exceeded")
        ended = tinytown.ProcessEnd(exit_code=0)
        assert adapter.outcome(agent, round_spec, ended, reading).outcome is tinytown.Outcome.RATE_LIMITED

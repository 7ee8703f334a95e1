# ruff: noqa: D102, S101 - tests are named as sentences, and assert
"""The contract of an adapter, as tests.

A plugin's authors write three lines::

    class TestHeron(AgentAdapterContract):
        name = "heron"

Tests of a capability that the adapter does not claim are skipped.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinytown.domain.outcomes import Outcome
from tinytown.hookspecs.values import (
    AdapterInfo,
    AgentSpec,
    Capability,
    Command,
    EndReason,
    EventKind,
    OutputEvent,
    ProcessEnd,
    RoundSpec,
    Stdin,
)
from tinytown.plugins.adapters import Adapter
from tinytown.testing.contracts import Contract
from tinytown.testing.lines import changed_lines

PROMPT = '--help\n- it\'s "quoted", `ticked` $HOME \\ and has a ☃\n\nlast line'
NONSENSE = (
    "",
    "{",
    "{}",
    "null",
    "[]",
    '{"type": 7}',
    '{"type": "result"}',
    '{"event": []}',
    "x" * 100_000,
    "\x1b[0m☃",
)
SECRET = "sk-a-very-secret-key"  # noqa: S105 - it opens nothing
MOST_ARGV_BYTES = 120 * 1024


class AgentAdapterContract(Contract):
    """What every adapter keeps to.

    Attributes:
        name: Name under which the adapter is installed.
        options: The table ``[agent_clis.X]`` for the tests, where the adapter needs one.
        env: Variables of the round's environment, where the adapter needs some.
        good_output: Lines that the CLI prints in a round that goes well; needed for the capabilities
            STRUCTURED_OUTPUT, USAGE and RESUME.
    """

    name: ClassVar[str]
    options: ClassVar[Mapping[str, object]] = {}
    env: ClassVar[Mapping[str, str]] = {}
    good_output: ClassVar[Iterable[str]] = ()

    @pytest.fixture
    def adapter(self) -> Adapter:
        """The adapter, loaded as a node loads it."""
        return Adapter.load(self.name)

    @pytest.fixture
    def agent(self) -> AgentSpec:
        """An agent without a session."""
        return AgentSpec(id="a-contract", name="w1", cli=self.name, options=self.options)

    @pytest.fixture
    def round_spec(self, tmp_path: Path) -> RoundSpec:
        """A round whose prompt has all that makes a careless command line break."""
        return _round(tmp_path, PROMPT, self.env)

    def test_it_is_who_it_was_installed_as(self, adapter: Adapter) -> None:
        assert isinstance(adapter.info, AdapterInfo)
        assert adapter.info.name == self.name
        assert "/" not in adapter.info.executable
        assert isinstance(adapter.info.env_vars, tuple)
        assert all(name.replace("_", "").isalnum() for name in adapter.info.env_vars)

    def test_the_command_is_words_that_can_be_started(
        self, adapter: Adapter, agent: AgentSpec, round_spec: RoundSpec
    ) -> None:
        command = adapter.command(agent, round_spec)
        assert isinstance(command, Command)
        assert command.argv[0].strip()
        assert all(isinstance(value, str) for value in command.env.values())

    def test_the_same_round_gives_the_same_command(
        self, adapter: Adapter, agent: AgentSpec, round_spec: RoundSpec
    ) -> None:
        assert adapter.command(agent, round_spec) == adapter.command(agent, round_spec)

    def test_asking_for_the_command_writes_nothing(
        self, adapter: Adapter, agent: AgentSpec, round_spec: RoundSpec, tmp_path: Path
    ) -> None:
        before = _tree(tmp_path)
        adapter.command(agent, round_spec)
        assert _tree(tmp_path) == before

    def test_the_prompt_arrives_whole_by_exactly_one_way(
        self, adapter: Adapter, agent: AgentSpec, round_spec: RoundSpec
    ) -> None:
        command = adapter.command(agent, round_spec)
        holding = [word for word in command.argv if 'it\'s "quoted"' in word]
        by_word = [word for word in holding if word == PROMPT or word.endswith("=" + PROMPT)]
        assert holding == by_word, "the prompt is glued into a larger word"
        by_file = any(str(round_spec.prompt_path) in word for word in command.argv)
        assert (command.stdin is Stdin.PROMPT) + bool(by_word) + by_file == 1

    def test_a_large_prompt_is_never_one_word(self, adapter: Adapter, agent: AgentSpec, tmp_path: Path) -> None:
        large = _round(tmp_path, "word " * 60_000, self.env)
        assert max(len(word.encode()) for word in adapter.command(agent, large).argv) <= MOST_ARGV_BYTES

    def test_no_key_is_on_the_command_line(
        self, adapter: Adapter, agent: AgentSpec, round_spec: RoundSpec, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in adapter.info.env_vars:
            monkeypatch.setenv(name, SECRET)
        assert SECRET not in " ".join(adapter.command(agent, round_spec).argv)

    def test_a_round_never_waits_at_a_terminal(self, adapter: Adapter, agent: AgentSpec, round_spec: RoundSpec) -> None:
        assert adapter.command(agent, round_spec).stdin is not Stdin.TERMINAL

    def test_preparing_twice_is_preparing_once(
        self, adapter: Adapter, agent: AgentSpec, round_spec: RoundSpec, tmp_path: Path
    ) -> None:
        adapter.prepare(agent, round_spec)
        once = _tree(tmp_path)
        adapter.prepare(agent, round_spec)
        assert _tree(tmp_path) == once

    def test_a_session_changes_the_command(self, adapter: Adapter, agent: AgentSpec, round_spec: RoundSpec) -> None:
        self._needs(adapter, Capability.RESUME)
        resumed = adapter.command(attrs.evolve(agent, session_id="session-77"), round_spec)
        assert any("session-77" in word for word in resumed.argv)
        assert resumed != adapter.command(agent, round_spec)

    def test_a_good_round_tells_its_session(self, adapter: Adapter) -> None:
        self._needs(adapter, Capability.RESUME)
        assert self._read(adapter).session_id

    def test_a_good_round_tells_its_usage(self, adapter: Adapter) -> None:
        self._needs(adapter, Capability.USAGE)
        usage = self._read(adapter).usage()
        assert usage.input_tokens or usage.output_tokens or usage.cost_micros

    def test_a_good_round_is_read_as_more_than_text(self, adapter: Adapter) -> None:
        self._needs(adapter, Capability.STRUCTURED_OUTPUT)
        assert {event.kind for event in self._read(adapter).events} - {EventKind.TEXT}

    def test_a_good_round_ends_ok(self, adapter: Adapter, agent: AgentSpec, round_spec: RoundSpec) -> None:
        reading = self._read(adapter)
        assert adapter.outcome(agent, round_spec, ProcessEnd(exit_code=0), reading).outcome is Outcome.OK

    @pytest.mark.parametrize("line", NONSENSE)
    def test_no_line_breaks_the_reading(self, adapter: Adapter, line: str) -> None:
        answer = adapter.output(line)
        assert answer is None or all(isinstance(event, OutputEvent) for event in answer)

    def test_no_line_of_a_later_version_breaks_the_reading(self, adapter: Adapter) -> None:
        @settings(deadline=None, database=None, max_examples=200)
        @given(lines=st.lists(changed_lines(self.good_output), max_size=4))
        def check(lines: list[str]) -> None:
            reading = adapter.reading()
            for line in lines:
                reading.feed(line)
            reading.usage()
            assert reading.broken is None

        check()

    @pytest.mark.parametrize("why", list(EndReason))
    @pytest.mark.parametrize("exit_code", [0, 1, 127, None])
    def test_every_end_has_an_outcome(
        self, adapter: Adapter, agent: AgentSpec, round_spec: RoundSpec, exit_code: int | None, why: EndReason
    ) -> None:
        for lines in ((), NONSENSE, tuple(self.good_output)):
            reading = adapter.reading()
            for line in lines:
                reading.feed(line)
            ended = ProcessEnd(exit_code=exit_code, signal=9 if exit_code is None else None, why=why)
            assert isinstance(adapter.outcome(agent, round_spec, ended, reading).outcome, Outcome)
            assert reading.broken is None

    def test_the_account_does_not_give_the_key_away(self, adapter: Adapter, agent: AgentSpec) -> None:
        env = {**self.env, "HOME": "/nowhere", **dict.fromkeys(adapter.info.env_vars, SECRET)}
        account = adapter.account(agent, env)
        assert SECRET not in account
        assert account == adapter.account(agent, env)

    def test_looking_for_the_program_on_an_empty_path_is_no_accident(self, adapter: Adapter, tmp_path: Path) -> None:
        findings = adapter.diagnose({"PATH": str(tmp_path), "HOME": str(tmp_path)})
        assert not [finding for finding in findings if finding.what == "adapter"]
        if adapter.info.executable:
            assert [finding.ok for finding in findings if finding.what == "installed"] == [False]

    def test_the_conductor_starts_at_a_terminal(self, adapter: Adapter, agent: AgentSpec, tmp_path: Path) -> None:
        context = tmp_path / "context.md"
        context.write_text("You are the conductor.\n")
        command = adapter.conductor_command(agent, context)
        if adapter.can(Capability.CONDUCTOR):
            assert command is not None
            assert command.stdin is Stdin.TERMINAL
        else:
            assert command is None

    def _needs(self, adapter: Adapter, capability: Capability) -> None:
        if not adapter.can(capability):
            pytest.skip(f"{self.name} does not claim {capability.name}")

    def _read(self, adapter: Adapter):  # noqa: ANN202
        reading = adapter.reading()
        for line in self.good_output:
            reading.feed(line)
        assert reading.broken is None
        return reading


def _round(folder: Path, prompt: str, env: Mapping[str, str]) -> RoundSpec:
    path, workspace, round_dir = folder / "prompt.md", folder / "workspace", folder / "round"
    path.write_text(prompt, encoding="utf-8")
    workspace.mkdir(exist_ok=True)
    round_dir.mkdir(exist_ok=True)
    return RoundSpec(
        id="r-contract",
        prompt_path=path,
        prompt_bytes=len(prompt.encode()),
        workspace=workspace,
        round_dir=round_dir,
        tt_path="/opt/town/bin/tt",
        env_names=frozenset(env),
    )


def _tree(folder: Path) -> dict[str, bytes | None]:
    return {os.path.relpath(path, folder): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}

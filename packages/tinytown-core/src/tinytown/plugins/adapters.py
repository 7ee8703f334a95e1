"""The typed face of an adapter. Whoever runs rounds talks to this and never to a hook."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pluggy

from tinytown.domain.outcomes import Outcome
from tinytown.errors import PluginBrokenError, TinytownError
from tinytown.hookspecs.values import (
    AdapterInfo,
    AgentSpec,
    Capability,
    Command,
    Diagnosis,
    OutcomeReport,
    OutputEvent,
    ProcessEnd,
    RoundSpec,
)
from tinytown.plugins.loading import load
from tinytown.plugins.outcomes import by_events_and_exit, settled_by_node
from tinytown.plugins.reading import Reading


class Adapter:
    """Drives one agent CLI.

    Attributes:
        name: Name it was loaded by.
        info: Who it is and what its CLI can do.
    """

    def __init__(self, name: str, manager: pluggy.PluginManager) -> None:
        self.name = name
        self._hook = manager.hook
        info = self._call("tinytown_adapter_info")
        if not isinstance(info, AdapterInfo):
            raise self._broken(f"`tinytown_adapter_info` answered {type(info).__name__}, not AdapterInfo")
        if info.name != name:
            raise self._broken(f"it is installed as `{name}` but calls itself `{info.name}`")
        self.info = info

    @classmethod
    def load(cls, name: str) -> Adapter:
        """Load an adapter by its name and import no other.

        Raises:
            PluginNotFoundError: None is installed under that name.
            PluginBrokenError: It cannot be used.
        """
        return cls(name, load("adapters", name))

    @classmethod
    def for_cli(cls, cli: str, own: Container[str]) -> Adapter:
        """Load the adapter of an agent CLI as a town knows it.

        Args:
            cli: Name of the agent CLI.
            own: Names of the command lines of the user's own, the tables ``[agent_clis.X]``.

        Returns:
            The adapter ``command`` for one of these, else the adapter of that name.
        """
        return cls.load("command" if cli in own else cli)

    def can(self, capability: Capability) -> bool:
        """Say whether the CLI has a capability."""
        return capability in self.info.capabilities

    def diagnose(self, env: Mapping[str, str]) -> tuple[Diagnosis, ...]:
        """Look whether the CLI is ready: installed, version, signed in. An adapter that fails here says so itself."""
        try:
            answers = self._call("tinytown_adapter_diagnose", env=env)
            return tuple(finding for answer in answers for finding in answer)
        except PluginBrokenError as error:
            return (Diagnosis(what="adapter", ok=False, text=str(error), hint=error.hint),)

    def prepare(self, agent: AgentSpec, round_spec: RoundSpec) -> None:
        """Let the adapter put its files on disk before a round."""
        self._call(
            "tinytown_round_prepare", agent=agent, round_dir=round_spec.round_dir, workspace=round_spec.workspace
        )

    def command(self, agent: AgentSpec, round_spec: RoundSpec) -> Command:
        """Give the words, standard input and variables of a round.

        Raises:
            PluginBrokenError: The adapter answered nothing that can be started.
            AgentCliError: The command line of the user cannot take this round, for example a prompt that is too long.
        """
        return self._startable(self._call("tinytown_round_command", agent=agent, round_spec=round_spec))

    def conductor_command(self, agent: AgentSpec, context_file: Path) -> Command | None:
        """Give the words that start the interactive conductor, or None when this CLI cannot be one."""
        answer = self._call("tinytown_conductor_command", agent=agent, context_file=context_file)
        return None if answer is None else self._startable(answer)

    def output(self, line: str) -> tuple[OutputEvent, ...] | None:
        """Say what a line means; None when it is plain text."""
        answer: Sequence[OutputEvent] | None = self._call("tinytown_round_output", line=line)
        return None if answer is None else tuple(answer)

    def reading(self) -> Reading:
        """Begin to read the output of a round."""
        return Reading(self.output)

    def outcome(self, agent: AgentSpec, round_spec: RoundSpec, ended: ProcessEnd, reading: Reading) -> OutcomeReport:
        """Say what a round ended as. Never raises: an adapter that fails here leaves it to events and exit code."""
        settled = settled_by_node(ended)
        if settled is not None:
            return settled
        events = tuple(reading.events)
        try:
            answer = self._call(
                "tinytown_round_outcome",
                agent=agent,
                round_spec=round_spec,
                ended=ended,
                events=events,
                tail=reading.tail,
            )
        except TinytownError as error:
            reading.broken = reading.broken or str(error)
            answer = None
        if isinstance(answer, OutcomeReport) and isinstance(cast("object", answer.outcome), Outcome):
            return answer
        if answer is not None:
            reading.broken = reading.broken or f"`tinytown_round_outcome` answered {answer!r}"
        return by_events_and_exit(ended, events)

    def account(self, agent: AgentSpec, env: Mapping[str, str]) -> str:
        """Name the account a round spends from: the adapter's name, with a fingerprint where there is one."""
        fingerprint: str | None = self._call("tinytown_account", agent=agent, env=env)
        return f"{self.name}:{fingerprint}" if fingerprint else self.name

    def _call(self, hook: str, **arguments: object) -> Any:
        try:
            return getattr(self._hook, hook)(**arguments)
        except TinytownError:
            raise
        except Exception as error:
            raise self._broken(f"`{hook}` raised {type(error).__name__}: {error}") from error

    def _startable(self, answer: object) -> Command:
        if not isinstance(answer, Command):
            raise self._broken(f"it answered {type(answer).__name__}, not Command")
        argv = cast("object", answer.argv)
        words = cast("tuple[object, ...]", argv) if isinstance(argv, tuple) else ()
        if not words or not all(isinstance(word, str) for word in words):
            raise self._broken("argv must be a tuple of words with the program first")
        if any("\0" in word for word in answer.argv):
            raise self._broken("a word of argv holds a NUL character")
        return answer

    def _broken(self, detail: str) -> PluginBrokenError:
        return PluginBrokenError(
            kind="adapter", name=self.name, detail=detail, hint="report it to the plugin's authors"
        )

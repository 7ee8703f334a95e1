"""The typed face of a scheduler, which also checks that its answers stay within what it was shown."""

from __future__ import annotations

from typing import cast

import pluggy

from tinytown.errors import PluginBrokenError
from tinytown.hookspecs.snapshot import Decision, TownSnapshot
from tinytown.plugins.loading import load


class Scheduler:
    """Decides who does which ready task.

    Attributes:
        name: Name it was loaded by.
    """

    def __init__(self, name: str, manager: pluggy.PluginManager) -> None:
        self.name = name
        self._hook = manager.hook

    @classmethod
    def load(cls, name: str = "roles") -> Scheduler:
        """Load a scheduler by its name.

        Raises:
            PluginNotFoundError: None is installed under that name.
            PluginBrokenError: It cannot be used.
        """
        return cls(name, load("schedulers", name))

    def schedule(self, snapshot: TownSnapshot, now_ms: int) -> tuple[Decision, ...]:
        """Ask for assignments.

        Args:
            snapshot: Idle agents and ready tasks.
            now_ms: Time in whole milliseconds since 1970, UTC.

        Returns:
            Assignments in order, each agent and each task at most once.

        Raises:
            PluginBrokenError: It raised, or named an agent or a task twice or one that it was not shown.
        """
        try:
            answer = self._hook.tinytown_schedule(snapshot=snapshot, now_ms=now_ms)
            decisions: tuple[Decision, ...] = tuple(answer or ())
        except Exception as error:
            raise self._broken(f"it raised {type(error).__name__}: {error}") from error
        agents = {agent.id for agent in snapshot.agents}
        tasks = {task.id for task in snapshot.tasks}
        for decision in decisions:
            if not isinstance(cast("object", decision), Decision):
                raise self._broken(f"it answered {type(decision).__name__} where a Decision belongs")
            if decision.agent_id not in agents:
                raise self._broken(f"it named agent `{decision.agent_id}` twice or one that is not idle here")
            if decision.task_id not in tasks:
                raise self._broken(f"it named task `{decision.task_id}` twice or one that is not ready")
            agents.remove(decision.agent_id)
            tasks.remove(decision.task_id)
        return decisions

    def _broken(self, detail: str) -> PluginBrokenError:
        return PluginBrokenError(
            kind="scheduler", name=self.name, detail=detail, hint='report it, and set `scheduler = "roles"` meanwhile'
        )

# ruff: noqa: D102, S101 - tests are named as sentences, and assert
"""The contract of a scheduler, as tests.

::

class TestMine(SchedulerContract):
    name = "mine"
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinytown.hookspecs.snapshot import IdleAgent, ReadyTask, TownSnapshot
from tinytown.plugins.schedulers import Scheduler
from tinytown.testing.contracts import Contract

NOW_MS = 1_800_000_000_000
ROLES = ("worker", "backend", "reviewer", "ui")

_agents = st.lists(st.tuples(st.sampled_from(ROLES), st.lists(st.sampled_from(ROLES), max_size=2)), max_size=12).map(
    lambda rows: tuple(
        IdleAgent(id=f"a-{place}", name=f"w{place}", role=role, tags=tuple(tags))
        for place, (role, tags) in enumerate(rows)
    )
)
_tasks = st.lists(
    st.tuples(st.none() | st.sampled_from(ROLES), st.lists(st.sampled_from(ROLES), max_size=2), st.integers(0, 99)),
    max_size=12,
).map(
    lambda rows: tuple(
        ReadyTask(id=f"t-{place}", role=role, tags=tuple(tags), seq=seq) for place, (role, tags, seq) in enumerate(rows)
    )
)
snapshots = st.builds(TownSnapshot, agents=_agents, tasks=_tasks)
"""Small towns of every shape."""


def _of_every_shape(check: Callable[[TownSnapshot], None]) -> Callable[[], None]:
    return settings(deadline=None, database=None)(given(snapshots)(check))


class SchedulerContract(Contract):
    """What every scheduler keeps to.

    Attributes:
        name: Name under which the scheduler is installed.
        most_seconds: Time for 1,000 agents and 2,000 tasks; ten times what the documentation asks, for slow machines.
    """

    name: ClassVar[str]
    most_seconds: ClassVar[float] = 0.5

    @pytest.fixture
    def scheduler(self) -> Scheduler:
        """The scheduler, loaded as a node loads it."""
        return Scheduler.load(self.name)

    def test_it_stays_within_what_it_was_shown(self, scheduler: Scheduler) -> None:
        @_of_every_shape
        def check(snapshot: TownSnapshot) -> None:
            decisions = scheduler.schedule(snapshot, NOW_MS)
            assert len(decisions) <= min(len(snapshot.agents), len(snapshot.tasks))

        check()

    def test_the_same_picture_gives_the_same_answer(self, scheduler: Scheduler) -> None:
        @_of_every_shape
        def check(snapshot: TownSnapshot) -> None:
            assert scheduler.schedule(snapshot, NOW_MS) == scheduler.schedule(snapshot, NOW_MS)

        check()

    def test_every_decision_says_why(self, scheduler: Scheduler) -> None:
        @_of_every_shape
        def check(snapshot: TownSnapshot) -> None:
            assert all(item.reason.strip() for item in scheduler.schedule(snapshot, NOW_MS))

        check()

    def test_an_empty_town_needs_no_decision(self, scheduler: Scheduler) -> None:
        assert scheduler.schedule(TownSnapshot(), NOW_MS) == ()

    def test_a_plain_task_and_a_plain_agent_come_together(self, scheduler: Scheduler) -> None:
        snapshot = TownSnapshot(agents=(IdleAgent(id="a-1", name="w1"),), tasks=(ReadyTask(id="t-1"),))
        assert [(item.task_id, item.agent_id) for item in scheduler.schedule(snapshot, NOW_MS)] == [("t-1", "a-1")]

    def test_a_large_town_is_decided_quickly(self, scheduler: Scheduler) -> None:
        agents = tuple(IdleAgent(id=f"a-{n}", name=f"w{n}", role=ROLES[n % 4]) for n in range(1000))
        tasks = tuple(ReadyTask(id=f"t-{n}", role=(None, *ROLES)[n % 5], seq=n) for n in range(2000))
        began = time.process_time()
        scheduler.schedule(TownSnapshot(agents=agents, tasks=tasks), NOW_MS)
        assert time.process_time() - began <= self.most_seconds

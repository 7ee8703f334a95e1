"""Who does what: whole words, oldest first, reviewers apart."""

from __future__ import annotations

import pytest
from tinytown import IdleAgent, ReadyTask, TownSnapshot
from tinytown.errors import PluginBrokenError
from tinytown.plugins.schedulers import Scheduler
from tinytown.testing import SchedulerContract


class TestRoles(SchedulerContract):
    name = "roles"


class TestFifo(SchedulerContract):
    name = "fifo"


def idle(*roles: str, tags: tuple[str, ...] = ()) -> tuple[IdleAgent, ...]:
    return tuple(IdleAgent(id=f"a-{role}", name=role, role=role, tags=tags) for role in roles)


def pairs(name: str, agents: tuple[IdleAgent, ...], *tasks: ReadyTask) -> list[tuple[str, str]]:
    decisions = Scheduler.load(name).schedule(TownSnapshot(agents=agents, tasks=tasks), 0)
    return [(item.task_id, item.agent_id) for item in decisions]


def test_a_task_goes_to_the_role_it_asks_for():
    assert pairs("roles", idle("worker", "backend"), ReadyTask(id="t-1", role="Backend")) == [("t-1", "a-backend")]


def test_a_task_waits_rather_than_go_to_another_role():
    assert pairs("roles", idle("worker"), ReadyTask(id="t-1", role="backend")) == []


@pytest.mark.parametrize("role", ["builder", "suite", "guide", "requirements"])
def test_a_part_of_a_word_is_no_role(role):
    assert pairs("roles", idle(role), ReadyTask(id="t-1", role="ui")) == []
    assert pairs("roles", idle("worker", role), ReadyTask(id="t-1", tags=("ui",))) == [("t-1", "a-worker")]


def test_a_tag_prefers_the_agent_it_names():
    assert pairs("roles", idle("worker", "docs"), ReadyTask(id="t-1", tags=("docs",))) == [("t-1", "a-docs")]


@pytest.mark.parametrize("role", ["reviewer", "conductor", "Supervisor"])
def test_a_reviewer_gets_no_work_that_does_not_ask_for_one(role):
    assert pairs("roles", idle(role), ReadyTask(id="t-1")) == []
    assert pairs("roles", idle(role), ReadyTask(id="t-1", role=role)) == [("t-1", f"a-{role}")]
    assert pairs("roles", idle(role), ReadyTask(id="t-1", tags=(role,))) == [("t-1", f"a-{role}")]


def test_a_plain_task_does_not_take_the_only_agent_of_a_role_that_is_asked_for():
    tasks = (ReadyTask(id="t-1", seq=1), ReadyTask(id="t-2", seq=2, role="backend"))

    assert pairs("roles", idle("backend", "worker"), *tasks) == [("t-1", "a-worker"), ("t-2", "a-backend")]


def test_the_oldest_goes_first_even_when_shown_last():
    tasks = (ReadyTask(id="t-new", seq=9), ReadyTask(id="t-old", seq=1))

    assert pairs("roles", idle("worker"), *tasks) == [("t-old", "a-worker")]
    assert pairs("fifo", idle("worker"), *tasks) == [("t-old", "a-worker")]


def test_fifo_asks_for_no_role():
    assert pairs("fifo", idle("reviewer"), ReadyTask(id="t-1", role="backend")) == [("t-1", "a-reviewer")]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return [tinytown.Decision(task_id='t-9', agent_id='a-worker')]", "t-9"),
        ("return [tinytown.Decision(task_id='t-1', agent_id='a-9')]", "a-9"),
        ("return [tinytown.Decision(task_id=t, agent_id='a-worker') for t in ('t-1', 't-2')]", "twice"),
        ("return 1 / 0", "ZeroDivisionError"),
        ("return [7]", "int"),
    ],
)
def test_a_scheduler_that_leaves_the_picture_is_stopped(install, body, said):
    source = f"import tinytown\n@tinytown.hookimpl\ndef tinytown_schedule(snapshot):\n    {body}\n"
    install("wild", source, kind="schedulers")

    with pytest.raises(PluginBrokenError, match=said):
        pairs("wild", idle("worker"), ReadyTask(id="t-1"), ReadyTask(id="t-2"))

"""kill -9 at every durable step of a command: the same command again ends where one without the crash ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from tinytown.crash import POINTS

MINI = "\n[agent_clis.mini]\ncommand = 'true'\n"
OURS = [name for name in POINTS if name.partition(".")[0] in {"verb", "server"}]


def nothing(_place: Any) -> None:
    """Nothing is there before."""


def a_town(place: Any) -> None:
    place.ok("init", "--name", "demo")
    with place.paths.config.open("a") as file:
        file.write(MINI)


def a_town_that_was_stopped(place: Any) -> None:
    an_idle_agent(place)
    place.ok("stop")


def an_idle_agent(place: Any) -> None:
    a_town(place)
    place.ok("spawn", "w1", "--cli", "mini", "--nickname", "bob")
    place.agents_are("idle")


def long_logs(place: Any) -> None:
    a_town_that_was_stopped(place)
    for log in (place.paths.node_log, place.paths.redis_log):
        with log.open("ab") as file:
            file.truncate(6 * 1024 * 1024)


@attrs.frozen
class Scenario:
    """A command that is killed.

    Attributes:
        words: The command.
        points: Where it is killed, with the exit code of the same command afterwards.
        before: What is done before.
        code: The exit code of a run without a crash.
        agents: States of the agents to wait for at the end.
        deep: The town's path is too long for a socket.
        node: Whether the node runs at the end.
    """

    words: tuple[str, ...]
    points: dict[str, int]
    before: Callable[[Any], None] = nothing
    code: int = 0
    agents: tuple[str, ...] = ()
    deep: bool = False
    node: bool = True


INIT = ("init", "--name", "demo")
SPAWN = ("spawn", "w1", "--cli", "mini")
SCENARIOS = {
    "init": Scenario(
        INIT,
        {
            **dict.fromkeys(("verb.folder_made", "verb.instance_made", "verb.town_claimed", "verb.claim_noted"), 0),
            **dict.fromkeys(("verb.git_told", "verb.list_written", "verb.file_aside", "verb.file_replaced"), 0),
            "verb.town_written": 1,  # the town is made, and is said to be there
            **dict.fromkeys(("server.locked", "server.program_noted", "server.configured", "server.socket_noted"), 0),
            **dict.fromkeys(("server.keeper_started", "server.keeper_alone", "server.begun"), 0),
        },
        node=False,
    ),
    "init with a long path": Scenario(INIT, {"server.folder_made": 0}, deep=True, node=False),
    "spawn": Scenario(
        SPAWN,
        {
            **dict.fromkeys(("verb.node_named", "verb.spawn_noted", "verb.variables_kept", "verb.agent_recorded"), 0),
            **dict.fromkeys(("verb.work_recorded", "verb.node_sent_off"), 0),
            "verb.spawn_closed": 1,  # the agent is there, and its name is taken
        },
        before=a_town,
        agents=("idle",),
    ),
    "spawn of a stopped agent": Scenario(
        SPAWN,
        dict.fromkeys(("verb.spawn_noted", "verb.variables_kept", "verb.agent_recorded", "verb.work_recorded"), 0),
        before=lambda place: (an_idle_agent(place), place.ok("kill", "w1"), place.agents_are("stopped")),
        agents=("idle",),
    ),
    "spawn that is refused": Scenario(
        ("spawn", "w2", "--cli", "mini", "--nickname", "bob"),
        {"verb.variables_kept": 1, "verb.variables_dropped": 1},
        before=an_idle_agent,
        code=1,
        agents=("idle",),
    ),
    "prune": Scenario(
        ("prune", "--force"),
        dict.fromkeys(("verb.agent_removed", "verb.variables_removed"), 0),
        before=lambda place: (an_idle_agent(place), place.ok("kill", "w1"), place.agents_are("stopped")),
    ),
    "task add": Scenario(
        ("--id", "o-0123456789", "task", "add", "do it"),
        dict.fromkeys(("verb.work_recorded", "verb.node_sent_off"), 0),
        before=a_town,
    ),
    "start": Scenario(
        ("start",), dict.fromkeys(("verb.stop_lifted", "verb.node_sent_off"), 0), before=a_town_that_was_stopped
    ),
    "start with long logs": Scenario(
        ("start",), dict.fromkeys(("verb.node_log_moved", "server.log_moved"), 0), before=long_logs, agents=("idle",)
    ),
    "bootstrap": Scenario(
        ("bootstrap",),
        dict.fromkeys(("verb.program_beside", "verb.program_noted", "verb.program_placed"), 0),
        node=False,
    ),
    "stop": Scenario(
        ("stop",),
        dict.fromkeys(
            (
                *("verb.stop_noted", "verb.stop_asked", "verb.stop_signalled", "verb.node_ended"),
                "server.told_to_end",
            ),
            0,
        ),
        before=an_idle_agent,
        node=False,
    ),
}


def finished(place: Any, scenario: Scenario) -> Any:
    if scenario.agents:
        place.agents_are(*scenario.agents)
    if scenario.node:
        place.node_has_settled()
    return place.facts()


calm_ends = dict[str, Any]()


def calm(title: str, make_place: Any) -> Any:
    """Give the end of a run without a crash; it is the same for all points, so each worker makes it once."""
    if title not in calm_ends:
        scenario = SCENARIOS[title]
        place = make_place(deep=scenario.deep)
        scenario.before(place)
        assert place.tt(*scenario.words).returncode == scenario.code
        calm_ends[title] = finished(place, scenario)
    return calm_ends[title]


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("title", "point"), [(title, point) for title, scenario in SCENARIOS.items() for point in scenario.points]
)
def test_a_command_that_was_killed_is_run_again_and_ends_as_without_a_crash(make_place, title, point):
    scenario = SCENARIOS[title]
    without = calm(title, make_place)
    crashed = make_place(deep=scenario.deep)
    scenario.before(crashed)
    code, passed = crashed.killed_at(point, *scenario.words)
    assert passed, f"`tt {' '.join(scenario.words)}` never passes {point}: {POINTS[point]}"
    if code != scenario.code:
        again = crashed.tt(*scenario.words)
        assert again.returncode == scenario.points[point], again.stderr
    found = finished(crashed, scenario)
    assert (sorted({*found} - {*without}), sorted({*without} - {*found})) == ([], [])
    assert found == without


def test_a_spawn_that_was_killed_is_no_obstacle_after_its_agent_was_removed(make_place):
    place = make_place()
    a_town(place)
    assert place.killed_at("verb.agent_recorded", *SPAWN) == (-9, True)
    place.ok("start")
    place.agents_are("idle")
    place.ok("kill", "w1")
    place.agents_are("stopped")
    place.ok("prune", "--force")
    place.ok(*SPAWN)
    place.agents_are("idle")
    assert list(place.paths.spawns_dir.iterdir()) == []


def test_a_spawn_that_was_killed_and_is_repeated_with_other_arguments_leaves_the_living_agent_its_variables(make_place):
    place = make_place()
    a_town(place)
    assert place.killed_at("verb.agent_recorded", *SPAWN) == (-9, True)
    refused = place.tt(*SPAWN, "--role", "tester", "--json")
    assert json.loads(refused.stderr)["error"]["code"] == "name_taken"
    assert len(list(place.paths.agents_env_dir.iterdir())) == 1
    place.ok("start")
    place.agents_are("idle")


APART = ("verb.password_kept", "verb.setting_written")
"""Points with tests of their own, in `test_init`."""


def test_every_point_of_a_command_has_a_scenario():
    covered = {point for scenario in SCENARIOS.values() for point in scenario.points} | set(APART)
    assert covered == set(OURS)

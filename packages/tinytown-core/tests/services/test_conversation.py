"""The server of a conversation: named by variables of the person, found by its commands, seen by no program."""

from __future__ import annotations

from tinytown.config.paths import TownPaths
from tinytown.services.conversation import environment, leave_variables, with_variables

PERSON = {
    "PATH": "/usr/bin",
    "EDITOR": "vi",
    "TINYTOWN_HOME": "/home/ann/.tt",
    "TINYTOWN_REDIS_URL": "redis://cache.example:6380",
    "TINYTOWN_REDIS_PASSWORD": "sesame",
    "REDIS_URL": "redis://:sesame@other.example",
    "REDISCLI_AUTH": "sesame",
    "TINYTOWN_REDIS_SERVER": "/opt/valkey-server",
    "TINYTOWN_TASK_ID": "t-00000000",
}


def test_the_program_gets_the_persons_environment_without_the_way_to_the_server(tmp_path):
    env = environment(TownPaths(tmp_path), PERSON, {"LEVEL": "2"}, "/opt/town/bin/tt")
    assert env == {
        "PATH": "/usr/bin:/opt/town/bin",
        "EDITOR": "vi",
        "TINYTOWN_HOME": "/home/ann/.tt",
        "TINYTOWN_REDIS_SERVER": "/opt/valkey-server",
        "LEVEL": "2",
        "TINYTOWN_TOWN": str(tmp_path),
        "TINYTOWN_AGENT_ID": "a-00000000",
        "TINYTOWN_AGENT_NAME": "conductor",
    }


def test_its_commands_find_the_server_and_those_about_another_town_do_not(tmp_path):
    paths = TownPaths(tmp_path / "one")
    other = TownPaths(tmp_path / "two")
    for each in (paths, other):
        leave_variables(each, PERSON)
    inside = environment(paths, PERSON, {}, "tt")
    found = with_variables(paths, inside)
    assert {name: found[name] for name in found.keys() - inside.keys()} == {
        name: PERSON[name] for name in ("TINYTOWN_REDIS_URL", "TINYTOWN_REDIS_PASSWORD", "REDIS_URL")
    }
    assert with_variables(other, inside) == inside


def test_a_conversation_without_such_variables_forgets_those_of_the_one_before(tmp_path):
    paths = TownPaths(tmp_path)
    leave_variables(paths, PERSON)
    leave_variables(paths, {"PATH": "/usr/bin"})
    inside = environment(paths, {"PATH": "/usr/bin"}, {}, "tt")
    assert with_variables(paths, inside) == inside

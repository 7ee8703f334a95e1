"""A town that is being made: killed at every single write it is none or a whole one, and no password is harmed."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys

import pytest
from tinytown.config.credentials import find_credential, save_credential
from tinytown.config.paths import UserPaths
from tinytown.services.making import plan_town
from tinytown.testing import servers

KILLED = -signal.SIGKILL
SET = """
import pathlib, sys
from tinytown.config.write import set_value
set_value(pathlib.Path(sys.argv[1]), 'max_agents', 5)
"""


@pytest.fixture
def guarded():
    with servers.server("valkey", tcp=True, password="right") as found:
        yield found


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("point", ["verb.file_aside", "verb.file_replaced"])
def test_a_kill_at_any_write_of_any_file_leaves_no_town_and_the_next_try_makes_it(make_place, point):
    without = make_place()
    without.ok("init", "--name", "demo")
    expected = without.facts()
    for number in itertools.count(1):
        place = make_place()
        code, _passed = place.killed_at(f"{point}:{number}", "init", "--name", "demo")
        if code == 0:
            break
        assert code == KILLED
        if not place.paths.config.exists():
            assert json.loads(place.tt("status", "--json").stderr)["error"]["code"] == "no_town"
            place.ok("init", "--name", "demo")
        refused = place.tt("init", "--name", "demo", "--json")
        assert json.loads(refused.stderr)["error"]["code"] == "town_exists"
        assert place.facts() == expected
    assert number > 6, "fewer files than a town has"


def test_what_a_killed_run_began_does_not_bind_the_next_to_its_arguments(make_place):
    place = make_place()
    assert place.killed_at("verb.list_written", "init", "--name", "first") == (KILLED, True)
    place.ok("init", "--name", "second")
    assert 'name = "second"' in (place.home / "towns.toml").read_text()
    assert "first" not in (place.home / "towns.toml").read_text()
    assert json.loads(place.tt("status", "--json").stdout)["town"] == "second"


def test_of_two_that_make_a_town_at_once_one_makes_it(make_place):
    place = make_place()
    words = [[f"{sys.executable}", "-m", "tinytown_cli", "init", "--name", name, "--json"] for name in ("one", "two")]
    running = [
        subprocess.Popen(each, cwd=place.root, env=place.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for each in words
    ]
    said = [each.communicate(timeout=50) for each in running]
    assert sorted(each.returncode for each in running) == [0, 1]
    (winner,) = (json.loads(out)["name"] for (out, _), each in zip(said, running, strict=True) if each.returncode == 0)
    (refused,) = (json.loads(err) for (_, err), each in zip(said, running, strict=True) if each.returncode)
    assert refused["error"]["code"] == "town_exists"
    assert json.loads(place.tt("status", "--json").stdout)["town"] == winner


@pytest.mark.parametrize(
    "point", ["verb.instance_made", "verb.town_claimed", "verb.password_kept", "verb.list_written"]
)
def test_a_kill_leaves_no_password_that_the_server_would_not_take(make_place, guarded, point):
    place = make_place()
    home = UserPaths(place.home)
    url = f"redis://127.0.0.1:{guarded.port}"
    save_credential(home, url, "of another town")
    words = ("init", "--name", "demo", "--redis-url", guarded.tcp_url)
    assert place.killed_at(point, *words) == (KILLED, True)
    kept = find_credential(home, url)
    assert kept is not None
    assert kept.password == ("of another town" if point in {"verb.instance_made", "verb.town_claimed"} else "right")
    place.ok(*words)
    found = find_credential(home, url)
    assert found is not None
    assert found.password == "right"
    assert "right" not in place.paths.config.read_text()
    assert json.loads(place.tt("status", "--json").stdout)["town"] == "demo"


def test_a_password_that_the_server_refuses_is_never_kept_even_after_a_killed_run_with_the_right_one(
    make_place, guarded
):
    place = make_place()
    home = UserPaths(place.home)
    url = f"redis://127.0.0.1:{guarded.port}"
    assert place.killed_at("verb.claim_noted", "init", "--redis-url", guarded.tcp_url)[0] == KILLED
    wrong = place.tt("init", "--redis-url", guarded.tcp_url.replace("right", "wrong"), "--json")
    assert wrong.returncode in {1, 3}
    assert find_credential(home, url) is None
    assert not place.paths.config.exists()


def test_a_password_that_was_never_tried_is_not_kept(make_place, guarded):
    """The environment names the one that counts, so nobody knows whether the other is right."""
    place = make_place()
    home = UserPaths(place.home)
    url = f"redis://127.0.0.1:{guarded.port}"
    save_credential(home, url, "right")
    wrong = guarded.tcp_url.replace("right", "wrong")
    made = place.tt("init", "--name", "demo", "--redis-url", wrong, TINYTOWN_REDIS_PASSWORD="right")
    assert (made.returncode, "was not kept" in made.stderr) == (0, True)
    found = find_credential(home, url)
    assert found is not None
    assert found.password == "right"
    place.ok("status")


def test_a_setting_that_was_being_written_is_the_old_or_the_new_one(make_place):
    for point, expected in (("verb.file_aside", None), ("verb.setting_written", 5)):
        place = make_place()
        place.paths.config.write_text('name = "demo"\n')
        command = [sys.executable, "-P", "-c", SET, str(place.paths.config)]
        killed = subprocess.run(command, env={**place.env, "TINYTOWN_CRASH_AT": point}, check=False)
        assert killed.returncode == KILLED
        assert ("max_agents = 5" in place.paths.config.read_text()) == bool(expected)
        subprocess.run(command, env=place.env, check=True)
        assert "max_agents = 5" in place.paths.config.read_text()
        assert [each.name for each in place.root.iterdir()] == ["tinytown.toml"]


def test_of_two_at_once_the_later_is_told_that_the_other_has_not_ended(make_place):
    place = make_place()
    with plan_town(place.root, env=place.env).alone():
        refused = place.tt("init", "--name", "two", "--json")
    assert "just now" in json.loads(refused.stderr)["error"]["message"]
    place.ok("init", "--name", "two")

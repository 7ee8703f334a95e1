"""Making, finding and opening towns, on the real embedded server."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from tinytown.config.credentials import find_credential, save_credential
from tinytown.config.paths import TownPaths, UserPaths
from tinytown.config.server_source import choose_server
from tinytown.errors import (
    ConfigError,
    InvalidValueError,
    NoTownError,
    RefusedError,
    StorageUnavailableError,
    TownConflictError,
)
from tinytown.services.making import plan_town
from tinytown.services.town import Town
from tinytown.storage.embedded.server import lock_held, status, stop_server
from tinytown.testing.ending import end_town
from tinytown.testing.pytest_plugin import required


class Place:
    """A folder for towns; the servers that were started there end with it."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.env = {"HOME": str(base), "PATH": os.environ["PATH"], "TINYTOWN_HOME": str(base / "home")}
        self.open_towns: list[Town] = []

    def init(self, folder: str = "one", **given) -> Town:
        given.setdefault("env", self.env)
        return self._keep(Town.init(self.base / folder, **given))

    def open(self, name: str = "one", *, env=None, **given) -> Town:
        return self._keep(Town.open(self.base / name, env={**self.env, **(env or {})}, **given))

    def paths(self, name: str = "one") -> TownPaths:
        return TownPaths((self.base / name).resolve())

    def _keep(self, town: Town) -> Town:
        self.open_towns.append(town)
        return town


@pytest.fixture
def place():
    with tempfile.TemporaryDirectory(prefix="tts-") as name, required("valkey"):
        made = Place(Path(name).resolve())
        yield made
        for town in made.open_towns:
            town.close()
        for folder in made.base.iterdir():
            end_town(folder)


def test_a_new_town_has_a_file_a_server_and_a_place_in_the_list(place):
    town = place.init(cli="script")
    assert (town.name, town.server.embedded, town.config.default_cli) == ("one", True, "script")
    assert town.add_task("x").state == "pending"
    assert ".tt/" in (town.root / ".gitignore").read_text()
    assert str(town.root) in (place.base / "home" / "towns.toml").read_text()


def test_a_town_is_not_made_twice(place):
    place.init()
    with pytest.raises(RefusedError) as caught:
        place.init()
    assert caught.value.refusal == "town_exists"


def test_a_name_that_is_none_is_refused_and_leaves_nothing(place):
    with pytest.raises(InvalidValueError):
        place.init(name="all")
    assert not place.paths().config.exists()


def test_a_town_whose_server_does_not_answer_is_not_made(place):
    with pytest.raises(StorageUnavailableError):
        place.init(redis_url=f"unix://{place.base}/nobody")
    assert not place.paths().config.exists()
    assert place.init().server.embedded


def test_a_server_that_is_named_is_written_down_without_its_password(place):
    first = place.init()
    found = status(first.paths)
    url = f"unix://{found.socket}"
    second = place.init("two", redis_url=url)
    assert url in second.paths.config.read_text()
    assert second.server.source == "tinytown.toml"


def test_a_password_in_a_url_goes_to_the_credentials_and_not_into_the_file(place):
    new = plan_town(place.base / "one", redis_url="redis://:s3cret@127.0.0.1:1/0", env=place.env)
    tried = choose_server(new.paths, new.config, node_alive=lambda: False, env=place.env)
    with new.alone():
        new.finish(place.env, new.with_secret(tried, place.env))
    assert "s3cret" in (place.base / "home" / "credentials.toml").read_text()
    assert "s3cret" not in new.paths.config.read_text()


def test_a_town_that_is_not_made_leaves_the_passwords_of_others_alone(place):
    home = UserPaths(place.base / "home")
    save_credential(home, "redis://127.0.0.1:1/0", "right", "me")
    with pytest.raises(StorageUnavailableError):
        place.init(redis_url="redis://:wrong@127.0.0.1:1/0")
    kept = find_credential(home, "redis://127.0.0.1:1/0")
    assert kept is not None
    assert (kept.username, kept.password) == ("me", "right")
    with pytest.raises(StorageUnavailableError):
        place.init(redis_url="redis://:wrong@127.0.0.1:2/0")
    assert find_credential(home, "redis://127.0.0.1:2/0") is None


def test_a_folder_where_no_round_could_run_is_refused_and_left_as_it_was(place):
    with pytest.raises(InvalidValueError, match="line break"):
        place.init("two\nlines")
    assert not place.paths("two\nlines").config.exists()


def test_a_list_of_towns_that_cannot_be_written_is_said_and_the_town_is_made(place):
    (place.base / "plain").write_text("a file where the folder should be")
    town = place.init(env={**place.env, "TINYTOWN_HOME": str(place.base / "plain")})
    assert town.add_task("x").state == "pending"
    assert [notice for notice in town.notices if str(place.base / "plain") in notice and "was made" in notice]


def test_a_town_is_found_from_a_folder_below_it(place, monkeypatch):
    town = place.init()
    below = town.root / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    with Town.open(env=place.env) as found:
        assert found.root == town.root


def test_no_town_is_said(place):
    (place.base / "empty").mkdir()
    with pytest.raises(NoTownError):
        place.open("empty")


def test_a_broken_file_is_said(place):
    (place.base / "bad").mkdir()
    (place.base / "bad" / "tinytown.toml").write_text("name = ")
    with pytest.raises(ConfigError):
        place.open("bad")


def test_a_town_is_claimed_once_and_not_with_every_command(place):
    place.init()
    note = place.paths().dot / "claimed.json"
    written = note.stat().st_mtime_ns
    place.open().add_task("x")
    assert note.stat().st_mtime_ns == written
    assert json.loads(note.read_text())["name"] == "one"


def test_two_folders_are_not_one_town(place):
    first = place.init()
    url = f"unix://{status(first.paths).socket}"
    with pytest.raises(TownConflictError) as caught:
        place.init("two", name="one", redis_url=url)
    assert "--name" in str(caught.value.hint)
    assert not place.paths("two").config.exists()
    assert place.init("three", redis_url=url).name == "three"


def test_a_copy_of_a_folder_is_a_town_of_its_own(place):
    first = place.init()
    task = first.add_task("before the copy")
    shutil.copytree(first.root, place.base / "copy", ignore=shutil.ignore_patterns("s", "lock", "*.lock"))
    copy = place.open("copy")
    copy.add_task("only in the copy")
    assert status(copy.paths).pid != status(first.paths).pid
    assert [each.id for each in first.tasks().items] == [task.id]


def test_a_copy_may_not_touch_the_towns_of_another_server(place):
    first = place.init()
    url = f"unix://{status(first.paths).socket}"
    second = place.init("two", redis_url=url)
    shutil.copytree(second.root, place.base / "copy")
    with pytest.raises(TownConflictError) as caught:
        place.open("copy")
    assert "copy" in str(caught.value.hint)


def test_a_server_that_ended_is_started_again_and_nothing_is_lost(place):
    town = place.init()
    task = town.add_task("x")
    os.kill(status(town.paths).pid, signal.SIGKILL)
    assert town.add_task("y").state == "pending"
    assert [each.description for each in place.open().tasks().items] == [task.description, "y"]


def test_what_may_start_nothing_says_that_nothing_answers(place):
    town = place.init()
    town.close()
    stop_server(town.paths)
    with pytest.raises(StorageUnavailableError):
        place.open(start=False).status()
    assert not lock_held(town.paths)


def test_inside_a_round_nothing_is_started_and_patience_ends(place):
    town = place.init()
    town.close()
    stop_server(town.paths)
    inside = place.open(env={"TINYTOWN_ROUND_ID": "r-00000000", "TINYTOWN_AGENT_ID": "a-11111111"})
    inside._patience.secs = 0.3
    began = time.monotonic()
    with pytest.raises(StorageUnavailableError):
        inside.status()
    assert time.monotonic() - began > 0.3
    assert not lock_held(town.paths)


def test_inside_a_round_the_settings_that_the_node_read_last_will_do(place):
    paths = place.init().context.paths
    paths.node_dir.mkdir(mode=0o700, exist_ok=True)
    paths.node_settings.write_bytes(paths.config.read_bytes())
    paths.config.write_text("no toml [[[")
    assert place.open(env={"TINYTOWN_ROUND_ID": "r-0123456789"}).name == "one"
    with pytest.raises(ConfigError):
        place.open()


def test_who_acts_is_told_by_the_environment(place):
    place.init()
    inside = place.open(env={"TINYTOWN_ROUND_ID": "r-00000000", "TINYTOWN_AGENT_ID": "a-11111111"})
    assert inside.actor.fields == {"round_id": "r-00000000"}
    assert place.open(env={"TINYTOWN_AGENT_ID": "a-00000000"}).actor.fields == {"by": "conductor"}
    assert place.open().actor.fields == {"by": "person"}


def test_a_town_in_memory_lives_as_long_as_the_process(place):
    env = {"TINYTOWN_REDIS_URL": "memory:"}
    with place.init(env={**place.env, **env}) as town:
        task = town.add_task("x")
    again = place.open(env=env)
    assert again.task(task.id).id == task.id
    assert "no_node" in again.why(task.id).causes[0].code


def test_sending_loads_nothing_heavy(place):
    town = place.init()
    code = f"""
import sys
from tinytown import Town
with Town.open({str(town.root)!r}, env={place.env!r}) as town:
    town.send("conductor", "hello")
    town.inbox()
    town.status()
heavy = "redis asyncio cattrs ssl pluggy tomlkit psutil tinytown.services.why tinytown.services.waiting".split()
print([name for name in heavy if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"

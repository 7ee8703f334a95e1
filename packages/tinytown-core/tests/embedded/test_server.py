"""The town's server as a process: one for each town, private, durable, and gone when nobody needs it."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tinytown import errors
from tinytown.storage.embedded.instance import read_instance
from tinytown.storage.embedded.server import lock_held, status, stop_server
from tinytown.storage.embedded.settings import Fsync
from tinytown.storage.embedded.sockets import LONGEST_PATH, Answer
from tinytown.storage.redis.lean import LeanTransport
from tinytown.storage.redis.urls import parse
from tinytown.storage.redis.wire import Deadline


def ask(server, *words):
    address = parse(server.url)
    transport = LeanTransport(address.endpoints[0], address, Deadline(2))
    try:
        return transport.execute(*words, deadline=Deadline(2))
    finally:
        transport.close()


def test_a_first_command_starts_the_server_and_the_next_one_finds_it(towns, start):
    first = start(towns())
    again = start(towns())
    assert first.started
    assert not again.started
    assert first.pid == again.pid
    assert ask(again, "PING") == "PONG"


def test_the_server_is_private_and_durable_and_has_no_port(towns, start):
    paths = towns()
    server = start(paths)
    assert stat.S_IMODE(server.socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(paths.redis_dir.stat().st_mode) == 0o700
    got = ask(server, "CONFIG", "GET", "*")
    config = dict(zip(got[::2], got[1::2], strict=True))
    assert (config["port"], config["appendonly"], config["appendfsync"]) == ("0", "yes", "always")
    assert config["save"] == ""
    assert paths.redis_pid.read_text().strip() == str(server.pid)


def test_everysec_is_a_setting(towns, start):
    assert ask(start(towns(), fsync=Fsync.EVERYSEC), "CONFIG", "GET", "appendfsync")[1] == "everysec"


def test_the_server_runs_in_a_session_of_its_own_with_a_clean_environment(towns, start):
    paths = towns()
    env = {**os.environ, "TINYTOWN_ROUND_ID": "r-mark", "TINYTOWN_REDIS_PASSWORD": "s3cret"}
    server = start(paths, env=env)
    assert os.getsid(server.pid) != os.getsid(0)
    if sys.platform == "linux":
        environment = Path(f"/proc/{server.pid}/environ").read_bytes()
        assert b"r-mark" not in environment
        assert b"s3cret" not in environment


def test_twelve_starters_at_once_get_one_server(towns, user):
    paths = towns()
    script = (
        "import sys; from pathlib import Path; from tinytown.config.paths import TownPaths, UserPaths\n"
        "from tinytown.storage.embedded.server import ensure_server\n"
        "s = ensure_server(TownPaths(Path(sys.argv[1])), user=UserPaths(Path(sys.argv[2])))\n"
        "print(s.pid, s.started)"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", script, paths.root, user.home], stdout=subprocess.PIPE, text=True)
        for _ in range(12)
    ]
    answers = [process.communicate(timeout=50)[0].split() for process in running]
    assert len({pid for pid, _ in answers}) == 1
    assert [started for _, started in answers].count("True") == 1


def test_what_was_accepted_is_there_after_a_kill(towns, start, until, kill):
    paths = towns()
    server = start(paths)
    for number in range(200):
        ask(server, "SET", f"key{number}", number)
    kill(server.pid)
    until(lambda: not lock_held(paths))
    again = start(paths)
    assert again.started
    assert ask(again, "DBSIZE") == 200


def test_the_lock_lives_exactly_as_long_as_the_server(towns, start, until, kill):
    paths = towns()
    assert not lock_held(paths)
    server = start(paths)
    assert lock_held(paths)
    kill(server.pid)
    until(lambda: not lock_held(paths))
    assert status(paths).answer is Answer.NOTHING


def test_a_stale_socket_and_stale_notes_do_not_stop_a_start(towns, start, until, kill):
    paths = towns()
    server = start(paths)
    kill(server.pid)
    until(lambda: not lock_held(paths))
    assert server.socket.exists()
    paths.redis_pid.write_text("1")
    assert ask(start(paths), "PING") == "PONG"


def test_status_starts_nothing_and_writes_nothing(towns):
    paths = towns()
    assert status(paths).running is False
    assert not paths.dot.exists()


def test_stop_ends_the_server_and_can_be_repeated(towns, start):
    paths = towns()
    start(paths)
    assert stop_server(paths)
    assert not lock_held(paths)
    assert stop_server(paths)


def test_stop_leaves_a_server_that_somebody_uses(towns, start):
    paths = towns()
    address = parse(start(paths).url)
    user_of_it = LeanTransport(address.endpoints[0], address, Deadline(2))
    assert not stop_server(paths, only_unused=True)
    user_of_it.close()
    assert stop_server(paths, only_unused=True)


def test_an_unused_server_ends_by_itself_and_a_used_one_does_not(towns, start, until):
    paths = towns()
    address = parse(start(paths, idle_secs=0.6).url)
    user_of_it = LeanTransport(address.endpoints[0], address, Deadline(2))
    began = time.monotonic()
    until(lambda: time.monotonic() - began > 1.5)
    assert lock_held(paths)
    user_of_it.close()
    until(lambda: not lock_held(paths))


def test_a_frozen_server_is_reported_and_not_doubled(towns, start):
    paths = towns()
    server = start(paths)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        with pytest.raises(errors.StorageUnavailableError, match="does not answer"):
            start(paths)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert start(paths).pid == server.pid


def test_inside_a_round_nothing_is_started(towns, start):
    paths = towns()
    with pytest.raises(errors.StorageUnavailableError, match="nothing inside a round starts it"):
        start(paths, may_start=False, wait_secs=0.2)
    assert not lock_held(paths)


def test_a_server_that_cannot_read_its_data_is_reported_with_its_last_words(towns, start):
    paths = towns()
    ask(start(paths), "SET", "a", "b")
    stop_server(paths)
    for file in (paths.redis_data / "appendonlydir").glob("*.aof"):
        file.write_bytes(b"*garbage\r\n" * 50)
    with pytest.raises(errors.ServerStartError, match=r"AOF|append|format") as caught:
        start(paths)
    assert str(paths.redis_log) in str(caught.value.hint)


def test_a_moved_town_keeps_its_server(towns, start, base):
    paths = towns()
    server = start(paths)
    paths.root.rename(base / "moved")
    moved = towns("moved")
    found = start(moved)
    assert not found.started
    assert found.pid == server.pid
    assert found.instance == server.instance


def test_a_copied_town_gets_its_own_id_and_server_and_leaves_the_original_alone(towns, start, base):
    paths = towns()
    server = start(paths)
    ask(server, "SET", "whose", "original")
    shutil.copytree(paths.root, base / "copy", ignore=shutil.ignore_patterns("s"))
    copy = towns("copy")
    assert read_instance(copy) is None
    second = start(copy)
    assert second.started
    assert second.pid != server.pid
    assert second.instance.copied
    assert second.instance.copied_from == server.instance.id
    ask(second, "SET", "whose", "copy")
    assert ask(start(paths), "GET", "whose") == "original"
    assert start(copy).instance == second.instance


def test_a_long_path_moves_the_socket_to_the_runtime_directory(towns, start, base, user):
    deep = towns("d" * 60 + "/" + "e" * 60)
    runtime = base / "run"
    runtime.mkdir(mode=0o700)
    server = start(deep, env={"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(runtime)})
    assert len(os.fsencode(deep.redis_socket)) > LONGEST_PATH
    assert server.socket == runtime / "tinytown" / server.instance.id / "s"
    assert stat.S_IMODE(server.socket.parent.stat().st_mode) == 0o700
    assert start(deep, env={"PATH": os.environ["PATH"]}).pid == server.pid


def test_a_runtime_directory_that_is_open_to_others_is_refused(towns, start, base):
    deep = towns("d" * 60 + "/" + "e" * 60)
    runtime = base / "run"
    (runtime / "tinytown").mkdir(parents=True)
    (runtime / "tinytown").chmod(0o755)
    with pytest.raises(errors.ServerStartError, match="not a private folder"):
        start(deep, env={"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(runtime)})


def test_odd_characters_in_the_path_are_no_trouble(towns, start):
    server = start(towns('a "b" #1%20 ü?'))
    assert ask(server, "PING") == "PONG"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count links of a deleted folder differently")
def test_the_server_of_a_deleted_town_ends_even_with_a_client(towns, start, until):
    paths = towns()
    server = start(paths, idle_secs=1.2)
    address = parse(server.url)
    forgotten = LeanTransport(address.endpoints[0], address, Deadline(2))
    shutil.rmtree(paths.root)
    until(lambda: not Path(f"/proc/{server.pid}").exists())
    forgotten.close()

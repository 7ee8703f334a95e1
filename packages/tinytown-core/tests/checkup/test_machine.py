"""What ails the machine: programs, git, disks, limits. Each is made to happen and then found, with what to do."""

import os
import shutil
from pathlib import Path

import pytest
from tinytown._version import __version__
from tinytown.services.checkup.machine import round_guarantee
from tinytown.services.checkup.model import Level

SAYS = "#!/bin/sh\necho 'tt 0.9.9'\n"


def test_our_own_tt_on_path_is_well(clinic):
    clinic.program(clinic.tt, SAYS)
    clinic.env["PATH"] = f"{clinic.tt.parent}:{clinic.env['PATH']}"
    assert __version__ in clinic.one("command tt", "ok").text
    assert clinic.rows("python", "ok")


def test_no_tt_on_path_is_told_with_the_line_to_type(clinic):
    clinic.env["PATH"] = "/usr/bin:/bin"
    assert f'export PATH="{clinic.tt.parent}:$PATH"' in str(clinic.one("command tt", "warn").remedy)


def test_another_tt_that_a_shell_would_run_is_bad_and_named_with_its_version(clinic):
    clinic.program(clinic.tt, SAYS)
    other = clinic.program(clinic.base / "other" / "tt", "#!/bin/sh\necho 'tt 0.1.7'\n")
    clinic.env["PATH"] = f"{other.parent}:{clinic.tt.parent}:{clinic.env['PATH']}"
    row = clinic.one("command tt", "bad")
    assert f"{other}, version 0.1.7" in row.text
    clinic.env["PATH"] = f"{clinic.tt.parent}:{other.parent}:/usr/bin:/bin"
    assert str(other) in clinic.one("command tt", "warn").text


def test_a_compiled_tt_is_taken_for_the_rust_program(clinic):
    clinic.program(clinic.tt, SAYS)
    other = clinic.base / "cargo" / "tt"
    other.parent.mkdir()
    shutil.copy(shutil.which("true"), other)
    clinic.env["PATH"] = f"{other.parent}:{clinic.env['PATH']}"
    assert "such as the Rust Tinytown" in clinic.one("command tt", "bad").text


def test_two_townhalls_on_path_are_told(clinic):
    ours = clinic.program(clinic.tt.with_name("townhall"), SAYS)
    other = clinic.program(clinic.base / "other" / "townhall", SAYS)
    clinic.env["PATH"] = f"{other.parent}:{ours.parent}:{clinic.env['PATH']}"
    assert str(other) in clinic.one("command townhall", "bad").text


def test_no_git_and_an_old_git_are_bad(clinic):
    clinic.env["PATH"] = str(clinic.base / "empty")
    assert "install git" in str(clinic.one("git", "bad").remedy)
    clinic.program(clinic.base / "old" / "git", "#!/bin/sh\necho git version 2.11.0\n")
    clinic.env["PATH"] = f"{clinic.base / 'old'}:/usr/bin:/bin"
    assert "older than 2.31" in clinic.one("git", "bad").text


def test_a_town_without_repository_commit_or_identity_is_told_each(clinic):
    clinic.file("")
    assert "init" in str(clinic.one("repository", "warn").remedy)
    clinic.git("init", "-q")
    assert "no commit" in clinic.one("repository", "warn").text
    assert "user.email" in str(clinic.one("git identity", "warn").remedy)
    clinic.git("commit", "-q", "--allow-empty", "-m", "start")
    clinic.git("config", "user.name", "T")
    clinic.git("config", "user.email", "t@h")
    assert clinic.rows("repository", "ok")
    assert clinic.rows("git identity", "ok")


def test_what_git_would_take_in_is_bad_and_mended(clinic):
    clinic.file("")
    clinic.git("init", "-q")
    assert ".tt/" in clinic.one("gitignore", "bad").text
    clinic.fix("gitignore")
    assert clinic.paths.gitignore.read_text() == ".tt/\n"
    assert clinic.rows("gitignore", "ok")
    clinic.paths.dot.mkdir()
    (clinic.paths.dot / "secret").write_text("x")
    clinic.git("add", "-f", ".tt/secret")
    row = clinic.one("gitignore", "bad")
    assert ".tt/secret" in row.text
    assert "rm -r --cached .tt" in str(row.remedy)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_repository_of_another_user_is_told(clinic):
    clinic.file("")
    clinic.git("init", "-q")
    os.chown(clinic.root, 65534, 65534)
    os.chown(clinic.root / ".git", 65534, 65534)
    assert "safe.directory" in str(clinic.one("repository", "bad").remedy)


@pytest.mark.parametrize(
    ("options", "level", "said"),
    [
        ("size=50m", "bad", "only 50 MiB are free"),
        ("size=500m", "warn", "0.5 GiB are free"),
        ("size=2g,nr_inodes=200", "bad", "more files fit"),
    ],
)
def test_a_disk_that_is_nearly_full_is_found(clinic, small, options, level, said):
    clinic.file("")
    small(clinic.paths.redis_data, options)
    (row,) = [row for row in clinic.rows("disk", level) if str(clinic.paths.redis_data) in row.text]
    assert said in row.text
    assert "du -xh" in str(row.remedy)


def test_too_few_open_files_for_so_many_rounds_are_found(clinic):
    import resource

    clinic.file("max_agents = 10000\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 1024), hard))
    try:
        row = clinic.one("open files", "bad")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert "10000 rounds" in row.text
    assert "max_agents" in str(row.remedy) or "ulimit -n" in str(row.remedy)


def test_what_ends_a_rounds_processes_is_said_for_a_machine_with_and_without_control_groups(clinic, tmp_path):
    own = tmp_path / "own"
    own.write_text("0::/user.slice/x.scope\n")
    (row,) = round_guarantee(tmp_path / "none", own)
    assert (row.level, "no control group" in row.text) == (Level.OK, True)
    group = tmp_path / "tree" / "user.slice" / "x.scope"
    group.mkdir(parents=True)
    (group / "cgroup.procs").touch()
    (row,) = round_guarantee(tmp_path / "tree", own)
    assert str(group) in row.text
    clinic.file("")
    assert clinic.rows("round processes", "ok")


def test_without_a_town_the_machine_is_examined_all_the_same(clinic):
    (row,) = [row for row in clinic.look(town=Path("/nowhere")) if row.level is Level.BAD]
    assert row.check == "town"
    assert row.remedy

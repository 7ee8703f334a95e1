import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from tinytown.config.files import MAX_FILE_BYTES, private_dir, read_text, write_private, write_shared
from tinytown.config.paths import TownPaths, user_home
from tinytown.errors import ConfigError, InvalidValueError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_private_folder_can_be_entered_by_its_owner_alone_even_when_it_was_open_before(tmp_path: Path):
    (tmp_path / "open").mkdir(mode=0o755)
    assert mode(private_dir(tmp_path / "open")) == 0o700
    assert mode(private_dir(tmp_path / "a" / "b")) == 0o700
    assert mode(tmp_path / "a") == 0o700


def test_a_file_where_a_folder_should_be_is_a_typed_error(tmp_path: Path):
    (tmp_path / "x").write_text("")
    with pytest.raises(ConfigError, match="is not a folder"):
        private_dir(tmp_path / "x")
    with pytest.raises(ConfigError, match="cannot be made"):
        private_dir(tmp_path / "x" / "y")


def test_a_private_file_is_replaced_whole_with_mode_0600_and_leaves_nothing_beside_it(tmp_path: Path):
    path = tmp_path / "secret"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, b"new")
    assert path.read_bytes() == b"new"
    assert mode(path) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["secret"]


def test_a_private_file_replaces_a_link_instead_of_writing_through_it(tmp_path: Path):
    target = tmp_path / "target"
    target.write_text("untouched")
    (tmp_path / "link").symlink_to(target)
    write_private(tmp_path / "link", b"secret")
    assert target.read_text() == "untouched"
    assert not (tmp_path / "link").is_symlink()


def test_a_shared_file_keeps_its_mode_and_its_link(tmp_path: Path):
    target = tmp_path / "target"
    target.write_text("old")
    target.chmod(0o640)
    (tmp_path / "link").symlink_to(target)
    write_shared(tmp_path / "link", b"new")
    assert target.read_bytes() == b"new"
    assert mode(target) == 0o640
    assert (tmp_path / "link").is_symlink()


def test_a_write_that_cannot_be_done_is_a_typed_error_and_leaves_no_rest(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match="cannot be written"):
        write_private(tmp_path / "folder", b"x")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_private(tmp_path / "missing" / "x", b"x")
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]


def test_what_cannot_be_read_as_configuration_is_named_for_what_it_is(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "latin").write_bytes(b"ok\nna\xefve")
    (tmp_path / "big").write_bytes(b"#" * (10 * 1024 * 1024))
    os.mkfifo(tmp_path / "pipe")
    expected = {
        "folder": "is a folder",
        "dangling": "is a link to a file that does not exist",
        "loop": "cannot be read",
        "latin": "is not valid UTF-8 \\(line 2\\)",
        "big": f"is larger than {MAX_FILE_BYTES}",
        "pipe": "is not an ordinary file",
    }
    for name, words in expected.items():
        with pytest.raises(ConfigError, match=words):
            read_text(tmp_path / name)
    assert read_text(tmp_path / "missing") is None


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path):
    (tmp_path / "bom").write_bytes(b"\xef\xbb\xbfname = 1")
    assert read_text(tmp_path / "bom") == "name = 1"


@pytest.mark.skipif(os.geteuid() != 0, reason="another user's view needs root to become that user")
def test_a_file_without_permission_is_a_typed_error_as_another_user(tmp_path: Path):
    path = tmp_path / "closed"
    path.write_text("x")
    path.chmod(0)
    code = (
        "import os, sys; from tinytown.config.files import read_text, write_private\n"
        "from tinytown.errors import ConfigError\n"
        "from pathlib import Path\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "try: read_text(Path(sys.argv[1]))\n"
        "except ConfigError as error: print(error.detail)\n"
        "try: write_private(Path(sys.argv[1]).with_name('new'), b'x')\n"
        "except ConfigError as error: print(error.detail, error.hint, sep='; ')"
    )
    for folder in (tmp_path, *tmp_path.parents):
        if folder != Path("/tmp") and Path("/tmp") in folder.parents:
            folder.chmod(0o755)
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    read, written = done.stdout.splitlines()
    assert read == "cannot be read: permission denied"
    assert written == "cannot be written: permission denied; see who owns the folder and what may be done there"


def test_every_file_of_a_town_lies_under_its_dot_folder(tmp_path: Path):
    paths = TownPaths(tmp_path)
    outside = {"root", "config", "gitignore", "plan"}
    names = [name for name in vars(TownPaths) if isinstance(getattr(TownPaths, name), property)]
    assert len(names) > 15
    found = {name: getattr(paths, name) for name in names}
    for name, path in found.items():
        assert name in outside or path == paths.dot or paths.dot in path.parents
    assert len(set(found.values())) == len(found)


def test_only_an_id_becomes_part_of_a_path(tmp_path: Path):
    paths = TownPaths(tmp_path)
    assert paths.round_dir("r-0123456789") == tmp_path / ".tt/rounds/r-0123456789"
    assert paths.agent_env("a-0123456789") == tmp_path / ".tt/env/a-0123456789.json"
    for bad in ("../x", "r-../../..", "", "a-0123456789", "r-012345678\n"):
        with pytest.raises(InvalidValueError):
            paths.round_dir(bad)
    with pytest.raises(InvalidValueError):
        paths.agent_env("r-0123456789")


def test_the_users_folder_moves_with_its_variable():
    assert user_home({"TINYTOWN_HOME": "/x/y"}).home == Path("/x/y")
    assert user_home({"HOME": "/home/u"}).config == Path("/home/u/.tt/config.toml")
    assert user_home({"TINYTOWN_HOME": "", "HOME": "/home/u"}).home == Path("/home/u/.tt")
    assert user_home({"TINYTOWN_HOME": "rel"}).home == Path.cwd() / "rel"

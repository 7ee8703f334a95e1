import os
import subprocess
import sys
from pathlib import Path

import pytest
from tinytown.config.discover import find_town
from tinytown.errors import InvalidValueError, NoTownError


@pytest.fixture
def towns(tmp_path: Path) -> Path:
    for name in ("outer", "outer/inner", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tinytown.toml").write_text('name = "x"')
    (tmp_path / "outer/inner/a/b").mkdir(parents=True)
    (tmp_path / "outer/plain").mkdir()
    return tmp_path.resolve()


def test_the_flag_beats_the_variable_which_beats_the_folders_above(towns: Path):
    env = {"TINYTOWN_TOWN": str(towns / "other")}
    here = towns / "outer/inner/a/b"
    assert find_town(towns / "outer", env, here) == towns / "outer"
    assert find_town(None, env, here) == towns / "other"
    assert find_town(None, {"TINYTOWN_TOWN": ""}, here) == towns / "outer/inner"
    assert find_town(None, {}, towns / "outer/plain") == towns / "outer"


def test_a_named_town_may_be_relative_or_its_file_and_is_resolved_once(towns: Path):
    assert find_town("../other", {}, towns / "outer") == towns / "other"
    assert find_town("tinytown.toml", {}, towns / "outer") == towns / "outer"


def test_a_named_folder_that_is_no_town_does_not_mean_one_above_it(towns: Path):
    for named in ("plain", "missing"):
        with pytest.raises(NoTownError, match=r"holds no `tinytown\.toml`"):
            find_town(named, {}, towns / "outer")
        with pytest.raises(NoTownError, match="TINYTOWN_TOWN"):
            find_town(None, {"TINYTOWN_TOWN": named}, towns / "outer")


def test_no_town_anywhere_is_said_with_what_to_do(tmp_path: Path):
    with pytest.raises(NoTownError, match="or a directory above it") as caught:
        find_town(None, {}, tmp_path)
    assert "tt init" in (caught.value.hint or "")


def test_what_cannot_be_a_path_is_refused(towns: Path):
    for bad in ("", "a\0b"):
        with pytest.raises(InvalidValueError):
            find_town(bad, {}, towns)


def test_a_town_is_found_from_a_linked_folder_by_its_real_and_by_its_shown_place(towns: Path):
    (towns / "link").symlink_to(towns / "outer/inner/a")
    assert find_town(None, {}, towns / "link") == towns / "outer/inner"
    elsewhere = towns / "elsewhere"
    elsewhere.mkdir()
    shown = towns / "outer/shown"
    shown.symlink_to(elsewhere)
    code = "from tinytown.config.discover import find_town; print(find_town())"
    env = {**os.environ, "PWD": str(shown)}
    env.pop("TINYTOWN_TOWN", None)
    done = subprocess.run([sys.executable, "-c", code], cwd=shown, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(towns / "outer")


def test_a_working_directory_that_is_gone_is_no_town(tmp_path: Path):
    gone = tmp_path / "gone"
    gone.mkdir()
    code = (
        "import os, sys; os.rmdir(os.getcwd())\n"
        "from tinytown.config.discover import find_town; from tinytown.errors import NoTownError\n"
        "try: find_town(None, {})\nexcept NoTownError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=gone, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("no `tinytown.toml`")


def test_a_broken_town_file_is_still_the_nearest_town(towns: Path):
    (towns / "outer/plain/tinytown.toml").symlink_to("nowhere")
    assert find_town(None, {}, towns / "outer/plain") == towns / "outer/plain"

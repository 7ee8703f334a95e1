"""A full file system under the town's server: what was accepted is kept, the rest is told, and room brings it back."""

import shutil
import subprocess

import pytest
from tinytown import Town
from tinytown.errors import ServerStartError, TinytownError
from tinytown.testing.ending import end_town

BALLAST = "ballast"


@pytest.fixture
def small(towns):
    """A town on a file system of four megabytes."""
    paths = towns("small")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs", str(paths.root)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system needs rights that are missing here")
    yield paths
    (paths.root / BALLAST).unlink(missing_ok=True)
    end_town(paths.root)
    subprocess.run(["umount", "-l", str(paths.root)], check=True)


def fill(paths):
    ballast = paths.root / BALLAST
    with ballast.open("wb", buffering=0) as file:
        while shutil.disk_usage(paths.root).free:
            file.write(b"x" * 4096)


def test_what_was_accepted_is_kept_and_the_rest_is_refused_until_there_is_room(small, start, tmp_path):
    env = {"HOME": str(tmp_path), "TINYTOWN_HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"}
    accepted = []
    with Town.init(small.root, name="small", env=env) as town:
        accepted.append(town.add_task("before the disk is full").id)
        fill(small)
        with pytest.raises(TinytownError) as refused:
            accepted.extend(town.add_task(f"{number} " + "x" * 2000).id for number in range(2000))
        assert refused.value.code in {"storage_refused", "storage_unavailable", "outcome_unknown", "server_start"}
        assert refused.value.hint

    (small.root / BALLAST).unlink()
    with Town.open(small.root, env=env) as town:
        listed = set()
        after = None
        while True:
            page = town.tasks(limit=500, after=after)
            listed |= {task.id for task in page.items}
            if page.next is None:
                break
            after = page.next
        assert set(accepted) <= listed
        town.add_task("after there was room")


def test_a_server_that_cannot_be_started_for_lack_of_room_is_no_matter_of_settings(small, start):
    fill(small)
    with pytest.raises(ServerStartError) as told:
        start(small)
    assert told.value.hint

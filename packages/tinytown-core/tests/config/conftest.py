"""What the tests of configuration share: a town's folder and a user's folder of their own."""

from pathlib import Path

import pytest
from tinytown.config.paths import TownPaths, UserPaths

PASSWORD = "s3cr3t/p@ss:w%rd"


@pytest.fixture
def password() -> str:
    return PASSWORD


@pytest.fixture
def town_paths(tmp_path: Path) -> TownPaths:
    root = tmp_path / "town"
    root.mkdir()
    return TownPaths(root)


@pytest.fixture
def user_paths(tmp_path: Path) -> UserPaths:
    return UserPaths(tmp_path / "home" / ".tt")

"""What `tt doctor` finds around a town that is not well."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Tt = Callable[..., Any]


def _finding(tt: Tt, what: str) -> dict[str, Any]:
    (found,) = [item for item in tt("doctor", "--json").json["items"] if item["what"] == what]
    return found


@pytest.mark.skipif(os.geteuid() == 0, reason="root may enter every folder")
def test_a_folder_that_may_not_be_entered_is_a_finding_and_no_mistake_of_ours(tt: Tt, tmp_path: Path) -> None:
    tt("init")
    closed = tmp_path / "town" / ".tt" / "redis"
    closed.chmod(0)
    try:
        assert tt("doctor").code == 1
        assert _finding(tt, "server")["ok"] is False
    finally:
        closed.chmod(0o700)

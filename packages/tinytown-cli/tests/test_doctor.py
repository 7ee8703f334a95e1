"""What `tt doctor` prints, what it ends with, and what `--fix` does."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Tt = Callable[..., Any]


def _levels(document: dict[str, Any], check: str) -> list[str]:
    return [item["level"] for item in document["items"] if item["check"] == check]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may enter every folder")
def test_a_folder_that_may_not_be_entered_is_a_finding_and_no_mistake_of_ours(tt: Tt, tmp_path: Path) -> None:
    tt("init")
    closed = tmp_path / "town" / ".tt" / "redis"
    closed.chmod(0)
    try:
        told = tt("doctor", "--json")
        assert told.code == 1
        assert "bad" in _levels(told.json, "server")
    finally:
        closed.chmod(0o700)


def test_rows_come_as_json_in_the_same_order_and_say_how_to_mend_each(tt: Tt, tmp_path: Path) -> None:
    (tmp_path / "town" / "tinytown.toml").write_text('name = "here"\ndefault_cli = "nosuch"\n')
    first, second = tt("doctor", "--json"), tt("doctor", "--json")
    assert (first.code, first.json["ok"], first.json["repaired"]) == (1, False, [])
    assert [item["check"] for item in first.json["items"]] == [item["check"] for item in second.json["items"]]
    for item in first.json["items"]:
        assert item["level"] in {"ok", "warn", "bad", "unknown"}
        assert item["remedy"] or item["level"] in {"ok", "unknown"}, item
    human = tt("doctor")
    assert "bad  agent CLI nosuch" in human.out
    assert "     -> " in human.out
    assert "tt doctor --fix" in human.err


def test_fix_does_what_is_safe_once_and_a_dry_run_does_not(tt: Tt, tmp_path: Path) -> None:
    (tmp_path / "town" / "tinytown.toml").write_text('name = "here"\ndefault_cli = "script"\n')
    dot = tmp_path / "town" / ".tt"
    dot.mkdir(mode=0o755)
    dot.chmod(0o755)
    planned = tt("doctor", "--fix", "--dry-run", "--json").json
    assert [each["done"] for each in planned["repaired"]] == [False] * len(planned["repaired"])
    assert dot.stat().st_mode & 0o777 == 0o755
    done = tt("doctor", "--fix", "--json")
    assert (done.code, done.json["ok"]) == (0, True)
    assert [each["text"] for each in done.json["repaired"]] == [each["text"] for each in planned["repaired"]]
    assert all(each["done"] for each in done.json["repaired"])
    assert dot.stat().st_mode & 0o777 == 0o700
    assert tt("doctor", "--fix", "--json").json["repaired"] == []
    assert not (dot / "redis").exists(), "it started nothing"


def test_a_dry_run_without_a_fix_is_a_slip(tt: Tt) -> None:
    assert (tt("doctor", "--dry-run", "--json").error["code"]) == "usage"

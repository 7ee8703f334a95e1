"""The commands that clean up, as processes against a real town."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Tt = Callable[..., Any]


def test_pruning_says_first_asks_second_and_loses_nothing(town: Tt) -> None:
    for name in ("w1", "w2", "w3"):
        assert town("spawn", name, "--cli", "mini").code == 0
    for name in ("w1", "w2"):
        assert town("kill", name).code == 0
    assert town("send", "w2", "read me", "--info").code == 0
    plan = town("--json", "prune", "--dry-run").json
    assert [each["agent"] for each in plan["removed"]] == ["w1"]
    assert [(each["agent"], each["why"], each["mail"]) for each in plan["kept"]] == [("w2", "it holds 1 message", 1)]
    refused = town("--json", "prune")
    assert (refused.code, refused.out, refused.error["code"]) == (2, "", "usage")
    assert "--force" in refused.error["hint"]
    assert "`w1`" in refused.error["message"]
    assert [each["name"] for each in town("--json", "list").json["items"]] == ["w1", "w2", "w3"]
    done = town("--json", "prune", "--force").json
    assert done == {**plan, "dry_run": False}
    assert [each["name"] for each in town("--json", "list").json["items"]] == ["w2", "w3"]
    assert [each["body"] for each in town("--json", "inbox", "w2").json["items"]] == ["read me"]
    again = town("prune", "--force")
    assert (again.code, "kept" in again.out, "w2" in again.out) == (0, True, True)
    assert town("prune", "w2", "--force").code == 1
    every = town("prune", "--all", "--force")
    assert every.code == 0, every.err
    assert [each["name"] for each in town("--json", "list").json["items"]] == ["w2"]


def test_nodes_count_the_agents_that_they_host(town: Tt) -> None:
    for name in ("w1", "w2"):
        assert town("spawn", name, "--cli", "mini").code == 0
    assert [each["agents"] for each in town("--json", "nodes").json["items"]] == [2]
    assert [each["agents"] for each in town("--json", "status").json["nodes"]] == [2]

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


def test_reclaim_lists_first_and_then_hands_on(town: Tt) -> None:
    for name in ("w1", "w2"):
        assert town("spawn", name, "--cli", "mini").code == 0
    assert town("stop", "--now").code == 0
    task = town("--json", "task", "add", "mend the roof", "--agent", "w1").json["id"]
    note = town("--json", "send", "w1", "by the way", "--info", "--urgent").json["id"]
    work = town("--json", "send", "w1", "and the door").json["id"]
    assert town("kill", "w1").code == 0
    listed = town("--json", "reclaim").json
    assert [(each["id"], each["doing"]) for each in listed["items"]] == [
        (task, "listed"),
        (note, "listed"),
        (work, "listed"),
    ]
    assert "--to-backlog" in town("reclaim").err
    for wish in (("--cancel",), ("--delete",), ("--to", "w2", "--to-backlog")):
        refused = town("--json", "reclaim", *wish, "--force")
        assert (refused.code, refused.out, refused.error["code"]) == (2, "", "usage")
    assert town("--json", "reclaim").json == listed
    plan = town("--json", "reclaim", "--to-backlog", "--dry-run").json
    assert [each["done"] for each in plan["items"]] == [False] * 3
    done = town("--json", "reclaim", "--to-backlog").json
    assert [{**each, "done": False} for each in done["items"]] == plan["items"]
    assert [each["done"] for each in done["items"]] == [True] * 3
    assert {each["description"] for each in town("--json", "backlog", "list").json["items"]} == {
        "mend the roof",
        "and the door",
    }
    assert [each["id"] for each in town("--json", "inbox", "conductor").json["items"]] == [note]
    assert town("prune", "w1", "--force").code == 0


def test_deleting_orphans_asks_first_and_keeps_a_copy(town: Tt, tmp_path: Any) -> None:
    assert town("spawn", "w1", "--cli", "mini").code == 0
    assert town("stop", "--now").code == 0
    task = town("--json", "task", "add", "mend the roof", "--agent", "w1").json["id"]
    assert town("kill", "w1").code == 0
    refused = town("--json", "reclaim", "--orphan-tasks", "--delete")
    assert (refused.code, refused.out) == (2, "")
    assert "--force" in refused.error["hint"]
    assert town("task", "show", task).code == 0
    assert town("reclaim", "--orphan-tasks", "--delete", "--force").code == 0
    assert town("--json", "task", "show", task).error["code"] == "not_found"
    assert "mend the roof" in (tmp_path / "town" / ".tt" / "trash" / "tasks" / f"{task}.json").read_text()


def test_recover_starts_the_node_and_says_why_each_agent_was_as_it_was(town: Tt) -> None:
    for name in ("w1", "w2"):
        assert town("spawn", name, "--cli", "mini").code == 0
    assert town("kill", "w2").code == 0
    assert town("stop").code == 0
    plan = town("--json", "recover", "--dry-run").json
    assert plan["node_started"]
    assert {each["agent"]: each["cause"] for each in plan["agents"]}["w2"] == "agent_stopped"
    done = town("--json", "recover").json
    assert {**done, "dry_run": True} == plan
    again = town("recover")
    assert (again.code, again.out.splitlines()[0]) == (0, "node: runs")
    assert not town("--json", "recover").json["node_started"]


def test_reset_asks_first_stops_the_node_and_keeps_everything(town: Tt, tmp_path: Any) -> None:
    assert town("spawn", "w1", "--cli", "mini").code == 0
    task = town("--json", "task", "add", "mend the roof", "--role", "nobody").json["id"]
    refused = town("--json", "reset")
    assert (refused.code, refused.out) == (2, "")
    assert "--force" in refused.error["hint"]
    plan = town("--json", "reset", "--agents-only", "--dry-run").json
    assert (plan["agents"], plan["node_stopped"]) == (["w1"], True)
    done = town("--json", "reset", "--agents-only", "--force")
    assert done.code == 0, done.err
    found = {**done.json, "kept": None, "dry_run": True}
    for each in (found, plan):
        each["counts"].pop("event")  # the node that ends says so
    assert found == plan
    assert town("--json", "list").json["items"] == []
    assert [each["id"] for each in town("--json", "backlog", "list").json["items"]] == [task]
    whole = town("reset", "--force")
    assert whole.code == 0, whole.err
    assert "saved in" in whole.out
    assert town("--json", "task", "list").json["items"] == []
    assert all(task in file.read_text() for file in (tmp_path / "town" / ".tt" / "trash").glob("reset-*.save"))
    assert town("--json", "task", "add", "again").code == 0

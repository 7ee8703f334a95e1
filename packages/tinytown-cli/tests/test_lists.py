"""Lists: what is chosen, in which order, and giving out the backlog, by `tt` as a process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Tt = Callable[..., Any]


def ids(town: Tt, *words: str) -> list[str]:
    return [item["id"] for item in town(*words, "--json").json["items"]]


def test_tasks_are_listed_oldest_first_by_role_and_tags_and_in_pages(town: Tt) -> None:
    made = [town("task", "add", f"{n}", "--tags", "odd" if n % 2 else "even", "-q").out.split()[0] for n in range(4)]
    assert ids(town, "task", "list") == made
    assert ids(town, "task", "list", "--tag", "odd") == made[1::2]
    assert ids(town, "backlog", "list", "--tags", "even", "-n", "1") == made[:1]
    assert ids(town, "task", "list", "--role", "reviewer") == []
    page = town("task", "list", "-n", "3", "--json").json
    assert [item["id"] for item in page["items"]] == made[:3]
    assert ids(town, "task", "list", "--after", str(page["next"])) == made[3:]


def test_agents_are_listed_by_role_and_by_the_state_that_is_shown(town: Tt) -> None:
    town("spawn", "w1", "--cli", "mini", "--role", "reviewer", "-q")
    town("spawn", "w2", "--cli", "mini", "-q")
    town("interrupt", "w2", "-q")
    agents = town("list", "--json").json["items"]
    assert [agent["name"] for agent in agents if agent["cli"]] == ["w1", "w2"]
    assert ids(town, "list", "--state", "paused") == [agent["id"] for agent in agents if agent["name"] == "w2"]
    assert ids(town, "list", "--role", "reviewer") == [agent["id"] for agent in agents if agent["name"] == "w1"]


def test_the_backlog_is_given_out_at_once_after_a_look_at_what_would_go(town: Tt) -> None:
    town("spawn", "w1", "--cli", "mini", "-q")
    town("interrupt", "w1", "-q")
    docs = [town("backlog", "add", f"page {n}", "--tags", "docs", "-q").out.split()[0] for n in range(2)]
    other = town("backlog", "add", "something else", "-q").out.split()[0]
    dry = town("backlog", "assign-all", "w1", "--tags", "docs", "--dry-run", "--json").json
    assert (dry["dry_run"], [task["state"] for task in dry["items"]]) == (True, ["pending", "pending"])
    given = town("backlog", "assign-all", "w1", "--tags", "docs", "--json").json
    assert [task["id"] for task in given["items"]] == [task["id"] for task in dry["items"]] == docs
    assert {task["state"] for task in given["items"]} == {"assigned"}
    assert [item["id"] for item in town("backlog", "list", "--json").json["items"]] == [other]
    said = town("backlog", "assign-all", "w1")
    assert other in said.out
    assert "1 task went to w1" in said.err
    assert town("backlog", "assign-all", "w1", "--json").json["items"] == []
    refused = town("backlog", "assign-all", "conductor", "--json")
    assert (refused.code, refused.error["code"]) == (1, "not_assignable")

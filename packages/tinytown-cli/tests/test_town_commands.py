"""Commands against a real town on its own server, run as processes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Tt = Callable[..., Any]


def test_the_version_and_help_need_no_town(tt: Tt) -> None:
    assert tt("--version").out == "tt 0.1.0\n"
    assert tt("send", "--version").out == "tt 0.1.0\n"
    assert tt().out == tt("--help").out
    assert tt("send", "--help").out.startswith("Send mail")
    assert "Usage: tt task COMMAND" in tt("task", "--help").out


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("snd",), "did you mean `tt send`?"),
        (("task", "ad", "x"), "did you mean `tt task add`?"),
        (("send", "w1", "x", "--urgnt"), "did you mean `--urgent`?"),
        (("send",), "`tt send --help` shows what it takes"),
        (("task",), "try `tt task --help`"),
        (("--town",), "`tt --help` shows the flags of every command"),
        (("list", "--limit", "many"), "`tt list --help` shows what it takes"),
        (("task", "list", "--state", "nosuch"), "`tt task list --help` shows what it takes"),
        (("--id", "nonsense", "list"), "use the id that a command with an unknown outcome printed"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_slip_is_answered_with_a_hint_and_exit_code_2(tt: Tt, words: tuple[str, ...], hint: str) -> None:
    said = tt(*words)
    assert said.code == 2
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert said.err.rstrip().endswith(f"hint: {hint}")
    told = tt("--json", *words)
    assert (told.code, told.out) == (2, "")
    assert told.error["hint"] == hint
    assert told.error["code"] in {"usage", "invalid_value"}


def test_without_a_town_commands_say_where_they_looked(tt: Tt) -> None:
    told = tt("--json", "list")
    assert told.code == 1
    assert told.error["code"] == "no_town"
    assert "tt init" in told.error["hint"]


def test_a_town_is_made_and_made_once(town: Tt, tmp_path: Path) -> None:
    again = town("init", "--json")
    assert again.code == 1
    assert again.error["code"] == "town_exists"
    shown = town("status", "--json").json
    assert shown["town"] == "shop"
    assert shown["tasks"]["pending"] == 0
    assert shown["root"] == str(tmp_path / "town")


def test_the_town_is_found_from_below_and_by_flag_and_by_variable(town: Tt, tmp_path: Path) -> None:
    below = tmp_path / "town" / "a" / "b"
    below.mkdir(parents=True)
    root = str(tmp_path / "town")
    assert town("status", "--json", cwd=below).json["town"] == "shop"
    assert town("status", "-t", root, "--json", cwd=tmp_path).json["town"] == "shop"
    assert town("--town", root, "status", "--json", cwd=tmp_path).json["town"] == "shop"
    assert town("status", "--json", cwd=tmp_path, env={"TINYTOWN_TOWN": root}).json["town"] == "shop"
    assert town("status", cwd=tmp_path).code == 1


def test_a_task_lives_through_its_commands(town: Tt) -> None:
    made = town("task", "add", "Write the manual", "--tags", "docs,later", "--json").json
    assert (made["state"], made["tags"]) == ("pending", ["docs", "later"])
    ref = made["id"]
    assert town("task", "show", ref, "--json").json == made
    assert [item["id"] for item in town("backlog", "list", "--json").json["items"]] == [ref]
    assert town("task", "block", ref, "--reason", "Which format?", "--json").json["state"] == "blocked"
    town("task", "add", "Print it", "--depends-on", ref)
    asked = town("attention", "list", "--limit", "1", "--json").json
    assert ([(item["ref"], item["blocks"]) for item in asked["items"]], asked["next"]) == ([(ref, 2)], None)
    assert "  blocks 2  open" in town("attention", "list").out
    assert "Which format?" in town("why", ref).out
    assert town("task", "unblock", ref, "--answer", "HTML", "--json").json["state"] == "pending"
    assert town("task", "cancel", ref, "--json").json["state"] == "cancelled"
    assert town("task", "reopen", ref, "--json").json["state"] == "pending"
    done = town("task", "complete", ref, "--result", "-", "--json", stdin=b"long text\n").json
    assert (done["state"], done["result"]) == ("completed", "long text")
    refused = town("task", "cancel", ref, "--json")
    assert refused.code == 1
    assert refused.error["code"] == "wrong_state"


def test_every_id_that_is_shown_can_be_typed_back(town: Tt) -> None:
    ref = town("task", "add", "One thing", "-q").out.split()[0]
    assert town("task", "list").out.splitlines()[1].startswith(ref)
    assert town("task", "show", ref[:6], "--json").json["id"] == ref
    mail = town("send", "conductor", "hello", "--info").out.split()[0]
    assert town("trace", mail, "--json").json["record"]["body"] == "hello"
    assert mail in town("inbox", "conductor").out
    event = town("events").out.split()[0]
    assert town("events", "--after", event).code == 0


def test_an_agent_works_and_its_output_can_be_read(town: Tt) -> None:
    agent = town("spawn", "w1", "--cli", "mini", "--role", "tester", "--json").json
    assert (agent["name"], agent["role"], agent["cli"]) == ("w1", "tester", "mini")
    assert town("spawn", "w1", "--cli", "mini", "--json").error["code"] == "name_taken"
    task = town("assign", "w1", "Say hello", "--json").json
    assert task["agent"] == "w1"
    waited = town("wait", task["id"], "--timeout", "40", "--json")
    assert waited.code == 1, town("why", task["id"]).out + town("logs").out
    assert waited.error["code"] == "needs_attention"
    assert "(not_closed)" in waited.error["message"], waited.err
    assert "hello from mini" in town("logs", "w1").out
    assert "hello from mini" in town("logs", task["id"], "-f").out
    assert town("logs", "w1", "-n", "1").out == "hello from mini\n"
    assert town("list").out.splitlines()[1].split()[:2] == ["w1", agent["id"]]
    assert town("nodes", "--json").json["items"][0]["state"] == "up"
    assert "  | hello from mini\n" in town("status", "--deep", "--tasks").out
    assert town("kill", "w1", "--json").code == 0
    types = [event["type"] for event in town("events", "--json", "--count", "100").json["items"]]
    assert types.index("round.started") < types.index("round.ended")


def test_mail_is_peeked_at_by_people_and_long_text_comes_whole(town: Tt, tmp_path: Path) -> None:
    town("spawn", "w1", "--cli", "mini")
    town("interrupt", "w1")
    text = "Zeile ü\n" * 5000
    (tmp_path / "town" / "long.txt").write_text(text)
    sent = town("send", "w1", "@long.txt", "--json").json
    assert sent["body"] == text.removesuffix("\n")
    assert town("send", "w1", "-", "--query", "--json", stdin=text.encode()).json["kind"] == "query"
    assert [item["state"] for item in town("inbox", "w1", "--json").json["items"]] == ["queued", "queued"]
    assert [item["state"] for item in town("inbox", "w1", "--json").json["items"]] == ["queued", "queued"]
    assert town("send", "w1", "@@home", "--info", "--json").json["body"] == "@home"


@pytest.mark.parametrize(
    ("stdin", "words"),
    [
        (b"\xff\xfe", "is not valid UTF-8"),
        (b"a\0b", "holds a NUL character"),
        (b"", "is empty"),
        (b"x" * (256 * 1024 + 1), "bytes"),
    ],
)
def test_text_that_cannot_be_kept_is_refused(town: Tt, stdin: bytes, words: str) -> None:
    told = town("task", "add", "-", "--json", stdin=stdin)
    assert told.code == 2
    assert words in told.error["message"]
    assert told.error["hint"]
    assert town("task", "list", "--json").json == {"items": [], "next": None}


def test_a_list_comes_in_pages(town: Tt) -> None:
    refs = [town("task", "add", f"Thing {number}", "-q").out.split()[0] for number in range(3)]
    first = town("task", "list", "--limit", "2", "--json").json
    assert len(first["items"]) == 2
    second = town("task", "list", "--after", str(first["next"]), "--json").json
    assert second["next"] is None
    assert {item["id"] for page in (first, second) for item in page["items"]} == set(refs)


def test_a_reader_that_stops_reading_is_no_error(town: Tt, tmp_path: Path, tt_env: dict[str, str]) -> None:
    for number in range(3):
        town("task", "add", f"Thing {number}")
    process = subprocess.Popen(
        [sys.executable, "-m", "tinytown_cli", "events"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=tt_env,
        cwd=tmp_path / "town",
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait(30) in {0, 141}
    assert b"Traceback" not in said
    assert b"Broken pipe" not in said


def test_events_are_followed_as_they_happen_and_ctrl_c_ends_it(
    town: Tt, tmp_path: Path, tt_env: dict[str, str]
) -> None:
    town("task", "add", "first")
    process = subprocess.Popen(
        [sys.executable, "-m", "tinytown_cli", "events", "-f", "--json", "--type", "task"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=tt_env,
        cwd=tmp_path / "town",
    )
    assert process.stdout is not None
    with process.stdout as lines:
        assert json.loads(lines.readline())["type"] == "task.added"
        ref = town("task", "add", "second", "--json").json["id"]
        assert json.loads(lines.readline())["task_id"] == ref
        process.send_signal(2)
        assert process.wait(30) == 130


def test_output_is_complete_without_colour_and_coloured_on_request(town: Tt) -> None:
    ref = town("task", "add", "blocked one", "-q").out.split()[0]
    town("task", "block", ref, "--reason", "why")
    plain = town("task", "list").out
    assert "\x1b" not in plain
    bright = town("task", "list", env={"FORCE_COLOR": "1"}).out
    assert "\x1b[33mblocked" in bright
    assert "\x1b" not in town("task", "list", env={"FORCE_COLOR": "1", "NO_COLOR": "1"}).out


def test_what_agents_write_cannot_act_on_the_terminal(town: Tt) -> None:
    evil = "look \x1b]0;owned\x07\x1b[2J here"
    ref = town("task", "add", evil, "-q").out.split()[0]
    for said in (town("task", "show", ref).out, town("task", "list").out):
        assert "\x1b" not in said
        assert "look  here" in said or "look here" in said
    assert town("task", "show", ref, "--json").json["description"] == evil


def test_repeating_under_an_operation_id_does_it_once(town: Tt) -> None:
    first = town("task", "add", "once", "--id", "o-0123456789", "--json").json
    again = town("task", "add", "once", "--id", "o-0123456789", "--json").json
    assert first == again
    assert len(town("task", "list", "--json").json["items"]) == 1


def test_a_server_that_is_away_is_told_within_seconds_with_exit_code_3(tt: Tt, tmp_path: Path) -> None:
    (tmp_path / "town" / "tinytown.toml").write_text('name = "far"\n[redis]\nurl = "redis://127.0.0.1:9"\n')
    told = tt("list", "--json")
    assert told.code == 3
    assert told.error["code"] == "storage_unavailable"
    assert told.out == ""


def test_the_doctor_starts_nothing_and_names_a_remedy(tt: Tt, tmp_path: Path) -> None:
    bare = tt("doctor", "--json")
    assert bare.code == 1
    assert [item["check"] for item in bare.json["items"] if item["level"] == "bad"] == ["town"]
    (tmp_path / "town" / "tinytown.toml").write_text('name = "here"\ndefault_cli = "nosuch"\n')
    found = tt("doctor", "--json").json
    wrong = {item["check"]: item["remedy"] for item in found["items"] if item["level"] == "bad"}
    assert list(wrong) == ["agent CLI nosuch"]
    assert wrong["agent CLI nosuch"]
    assert not (tmp_path / "town" / ".tt").exists()


def test_adapters_are_listed_and_shown(tt: Tt) -> None:
    names = [item["name"] for item in tt("adapters", "list", "--json").json["items"]]
    assert {"command", "script"} <= set(names)
    assert tt("adapters", "show", "script", "--json").json["name"] == "script"
    told = tt("adapters", "show", "nosuch", "--json")
    assert (told.code, told.error["code"]) == (1, "plugin_not_found")


def test_a_round_acts_as_itself_and_starts_nothing(town: Tt) -> None:
    town("spawn", "w1", "--cli", "mini")
    inside = {"TINYTOWN_ROUND_ID": "r-0123456789", "TINYTOWN_AGENT_ID": "a-0123456789"}
    told = town("task", "add", "x", "--json", env=inside)
    assert told.code == 1
    assert told.error["code"] in {"stale_round", "not_found"}
    assert town("stop", "--json", env=inside).error["code"] == "node_start"
    assert town("start", "--foreground", "--json", env=inside).error["code"] == "refused"


def test_a_command_line_of_the_towns_own_is_looked_at_by_its_name(town: Tt, tmp_path: Path) -> None:
    found = town("adapters", "doctor", "mini", "--json").json["items"]
    assert [(item["adapter"], item["what"], item["ok"]) for item in found] == [("mini", "installed", True)]
    file = tmp_path / "town" / "tinytown.toml"
    file.write_text(file.read_text() + '\n[agent_clis.gone]\ncommand = "no-such-program"\n')
    assert town("adapters", "doctor", "gone").code == 5

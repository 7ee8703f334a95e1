"""What runs in front: one agent, the node, and a service of the user."""

from __future__ import annotations

import configparser
import os
import plistlib
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tinytown_cli.service import launchd_file, launchd_text, systemd_file, systemd_text

Tt = Callable[..., Any]


def start(words: list[str], env: dict[str, str], cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tinytown_cli", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        env=env,
        cwd=cwd,
    )


def test_an_agent_in_front_shows_its_rounds_and_ctrl_c_closes_it(
    town: Tt, tmp_path: Path, tt_env: dict[str, str]
) -> None:
    root = tmp_path / "town"
    process = start(["spawn", "w1", "--cli", "mini", "--foreground"], tt_env, root)
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout as out, process.stderr as err:
        for line in err:
            if "agent.ready" in line:
                break
        assert town("assign", "w1", "Say hello").code == 0
        for line in out:
            if line == "hello from mini\n":
                break
        process.send_signal(signal.SIGINT)
        told = err.read()
        assert process.wait(40) == 130, told
    assert "closing the agent" in told
    assert town("list", "--json").json["items"][0]["state"] == "stopped"


def test_an_agent_in_front_ends_by_itself_after_its_last_round(town: Tt) -> None:
    town("task", "add", "Say hello")
    ran = town("spawn", "w1", "--cli", "mini", "--max-rounds", "1", "--foreground")
    assert (ran.code, ran.out) == (0, "hello from mini\n"), ran.err
    assert town("list", "--json").json["items"][0]["reason"] == "max_rounds"


def test_a_node_in_front_runs_the_town_until_it_is_told_to_stop(
    town: Tt, tmp_path: Path, tt_env: dict[str, str]
) -> None:
    root = tmp_path / "town"
    process = start(["start", "--foreground"], tt_env, root)
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr as err:
        for line in err:
            if line.endswith("ready\n"):
                break
        second = town("start", "--foreground", "--json")
        assert (second.code, second.error["code"]) == (1, "refused")
        process.send_signal(signal.SIGINT)
        told = err.read()
        assert process.wait(40) == 0, told
    assert town("start", "--json").json["node"] == "running"
    assert town("stop", "--json").json == {"node": "stopped", "was_running": True, "town": "shop"}
    assert town("stop", "--json").json["was_running"] is False


def test_the_unit_of_systemd_names_program_and_town_word_by_word() -> None:
    root = Path('/srv/my town/50% "x" $HOME')
    text = systemd_text("/usr/bin/python3", root, "shop", env={"PATH": '/a b/50%:$x:"y"'})
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment]
    unit.read_string(text)
    words = shlex.split(unit["Service"]["ExecStart"].replace("%%", "%").replace("$$", "$"))
    assert words == ["/usr/bin/python3", "-P", "-m", "tinytown.node", "--town", str(root)]
    assert shlex.split(unit["Service"]["Environment"].replace("%%", "%")) == ['PATH=/a b/50%:$x:"y"']
    assert unit["Service"]["KillMode"] == "process", "a node that crashes must not take its rounds with it"
    assert unit["Service"]["Restart"] == "on-failure", "`tt stop` must stay stopped"
    assert systemd_file(Path("/home/u"), "shop") == Path("/home/u/.config/systemd/user/tinytown-shop.service")


def test_the_agent_of_launchd_is_a_property_list_with_program_and_town() -> None:
    root = Path("/srv/a & b <c>")
    found = plistlib.loads(launchd_text("/usr/bin/python3", root, "shop", Path("/log"), env={"PATH": "/a&b"}).encode())
    assert found["ProgramArguments"] == ["/usr/bin/python3", "-P", "-m", "tinytown.node", "--town", str(root)]
    assert found["EnvironmentVariables"] == {"PATH": "/a&b"}
    assert found["RunAtLoad"] is True
    assert launchd_file(Path("/Users/u"), "shop").name == "dev.tinytown.shop.plist"


def test_installing_writes_the_service_and_says_how_to_switch_it_on(tt: Tt, tmp_path: Path) -> None:
    (tmp_path / "town" / "tinytown.toml").write_text('name = "shop"\n')
    made = tt("start", "--install", "--json", env={"TINYTOWN_REDIS_PASSWORD": "hush"}).json
    assert Path(made["file"]).read_text() == made["text"]
    assert Path(made["file"]).is_relative_to(tmp_path / "home")
    assert "shop" in made["command"]
    assert os.environ["PATH"] in made["text"]
    assert "hush" not in made["text"]
    assert str(tmp_path / "town") in made["text"]

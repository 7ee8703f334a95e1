"""A server through an agent CLI: whatever it leaves is proved like any other, and nothing is taken on trust."""

import shutil
import sys

import pytest
from tinytown import errors
from tinytown.services.bootstrap.model import digest
from tinytown.storage.embedded.binary import wheel_binary

PROGRAM = """
import os, re, shutil, sys
text = sys.stdin.read()
open({seen!r}, "w").write(text + "\\n" + repr(sorted(os.environ)))
out = re.search(r"`(/\\S+/out)/valkey-server`", text)[1]
{act}
"""


@pytest.fixture
def agent(bench):
    """Makes `builder` an agent CLI of the user's own that does as it is told."""

    def make(act):
        script = bench.folder / "builder.py"
        script.write_text(PROGRAM.format(seen=str(bench.folder / "seen"), act=act))
        bench.user.home.mkdir(mode=0o700, exist_ok=True)
        bench.user.config.write_text(f'[agent_clis.builder]\ncommand = "{sys.executable} {script}"\n')
        return bench

    return make


def good():
    return f"shutil.copy({str(wheel_binary())!r}, out + '/valkey-server')"


def test_what_an_agent_built_is_shown_proved_and_put_in_place(agent):
    bench = agent(good())
    asked = []
    done = bench.run(cli="builder", ask=lambda question: not asked.append(question))
    assert (done.state, done.origin, done.sha256) == ("installed", "agent CLI builder", digest(wheel_binary()))
    assert digest(bench.server) == done.sha256
    assert len(asked) == 2
    shown = [line for line in bench.said if done.sha256 in line]
    assert shown, "the digest is shown before anybody is asked to start it"
    prompt = (bench.folder / "seen").read_text()
    assert "SHA-256" in prompt
    assert bench.run(cli="builder").state == "unchanged"


def test_an_agent_is_not_even_started_where_nobody_can_be_asked(agent):
    bench = agent(good())
    with pytest.raises(errors.RefusedError) as caught:
        bench.run(cli="builder")
    assert caught.value.shown_code == "needs_force"
    assert not (bench.folder / "seen").exists()
    assert bench.run(cli="builder", force=True).state == "installed"


def test_nothing_an_agent_built_is_started_before_a_person_has_seen_its_digest(agent):
    bench = agent(
        "open(out + '/valkey-server', 'w').write('#!/bin/sh\\ntouch ' + out + '/../../../ran\\n')\n"
        "os.chmod(out + '/valkey-server', 0o755)"
    )
    with pytest.raises(errors.RefusedError, match="did not agree"):
        bench.run(cli="builder", ask=lambda question: "Start this" not in question)
    assert not list(bench.folder.rglob("ran"))
    assert not bench.server.exists()


@pytest.mark.parametrize(
    ("act", "code"),
    [
        ("pass", "build_failed"),
        ("sys.exit(1)", "build_failed"),
        ("open(out + '/valkey-server', 'w').write('not executable')", "build_failed"),
        (f"os.symlink({str(sys.executable)!r}, out + '/valkey-server')", "build_failed"),
        ("shutil.copy('/bin/true', out + '/valkey-server')", "not_a_server"),
    ],
    ids=["nothing", "gave up", "no program", "a link", "another program"],
)
def test_what_is_no_server_is_not_put_in_place_whatever_the_agent_says(agent, act, code):
    bench = agent(f"print('all done')\n{act}")
    with pytest.raises(errors.RefusedError) as caught:
        bench.run(cli="builder", force=True)
    assert caught.value.shown_code == code
    assert not bench.user.bin.exists()


def test_an_agent_gets_no_secret_of_a_town(agent):
    bench = agent(good())
    bench.env |= {"TINYTOWN_REDIS_PASSWORD": "sesame", "REDIS_URL": "redis://h", "OTHER": "1"}
    bench.run(cli="builder", force=True)
    seen = (bench.folder / "seen").read_text()
    assert "TINYTOWN" not in seen
    assert "REDIS_URL" not in seen


def test_the_scripted_agent_can_do_it_through_its_adapter(bench):
    script = bench.folder / "script.toml"
    script.write_text(
        "[[routes]]\nmatch = '`(?P<out>/\\S+/out)/valkey-server`'\n"
        f"[[routes.steps]]\nrun = ['cp', '{wheel_binary()}', '<<out>>/valkey-server']\n"
    )
    bench.env["TINYTOWN_SCRIPT"] = str(script)
    assert bench.run(cli="script", force=True).state == "installed"
    assert shutil.which(str(bench.server))


def test_an_unknown_agent_cli_and_one_that_is_missing_are_told(bench):
    with pytest.raises(errors.PluginNotFoundError):
        bench.run(cli="nosuch", force=True)
    bench.user.home.mkdir(mode=0o700)
    bench.user.config.write_text('[agent_clis.gone]\ncommand = "nosuch-program-here"\n')
    with pytest.raises(errors.AgentCliError, match="cannot be started"):
        bench.run(cli="gone", force=True)

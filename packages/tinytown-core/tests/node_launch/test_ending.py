"""How a round is ended: by its limit, on request, and what becomes of what it left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import uuid

import pytest
from tinytown.node import processes
from tinytown.node.launch.ending import Ending
from tinytown.node.launch.files import read_cli
from tinytown.node.launch.rounds import RoundState
from tinytown.node.processes import Identity

DAEMON = """
import os, sys, time
name, clear = sys.argv[1], sys.argv[2] == "clear"
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(write, b"%d" % os.getpid())
        os.close(write)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        environment = {} if clear else dict(os.environ)
        os.execve("/bin/sh", [name, "-c", "trap '' HUP; while :; do sleep 60; done"], environment)
    os._exit(0)
os.wait()
os.close(write)
print("daemon", os.read(read, 20).decode(), flush=True)
"""


def daemon_of(seen: bytes) -> Identity:
    found = processes.identity(int(seen.split(b"daemon ")[1].split()[0]))
    assert found is not None
    return found


def leftovers(process):
    return json.loads((process.directory / "leftovers").read_text())


async def launched(playground, process, shows, text):
    async with playground.launcher() as launcher:
        await launcher.launch(process.directory)
        return await shows(process, text)


def test_a_round_that_never_ends_is_ended_at_its_time_limit(playground, play):
    process = playground.prepare("while :; do sleep 60; done", time_limit_secs=0.2)
    assert play(playground.run(process)) is RoundState.ENDED
    assert process.exit.reason == "time_limit"
    assert process.exit.signal is not None


def test_a_cli_that_ignores_interrupt_and_terminate_is_killed(playground, play, shows):
    process = playground.prepare("trap '' INT TERM; echo ready; while :; do sleep 60; done")

    async def scenario():
        await launched(playground, process, shows, b"ready")
        assert process.ask_end()
        return await process.wait()

    assert play(scenario()) is RoundState.ENDED
    assert (process.exit.reason, process.exit.signal) == ("asked", signal.SIGKILL)


def test_a_cli_that_hears_the_interrupt_may_finish_its_words(playground, play, shows, python):
    script = (
        "import signal, sys\n"
        "def hear(*_):\n    print('goodbye ' * 100000, flush=True); sys.exit(7)\n"
        "signal.signal(signal.SIGINT, hear); print('ready', flush=True)\n"
        "while True: signal.pause()\n"
    )
    process = playground.prepare([python, "-c", script], interrupt_secs=20.0)

    async def scenario():
        await launched(playground, process, shows, b"ready")
        process.ask_end()
        await process.wait()

    play(scenario())
    assert (process.exit.reason, process.exit.code) == ("asked", 7)
    assert process.exit.log_bytes == len("ready\n") + len("goodbye ") * 100000 + 1


def test_asking_twice_shortens_the_waits(playground, play, shows):
    process = playground.prepare(
        "trap 'echo heard' INT; trap '' TERM; echo ready; while :; do sleep 60; done",
        interrupt_secs=60.0,
        terminate_secs=60.0,
    )

    async def scenario():
        await launched(playground, process, shows, b"ready")
        begun = time.monotonic()
        process.ask_end()
        await shows(process, b"heard")
        process.ask_end(hurry=True)
        await process.wait()
        return time.monotonic() - begun

    assert play(scenario()) < 15
    assert process.exit.signal == signal.SIGKILL


def test_a_stopped_cli_is_ended_too(playground, play, shows):
    process = playground.prepare("echo ready; kill -STOP $$; while :; do sleep 60; done")

    async def scenario():
        await launched(playground, process, shows, b"ready")
        process.ask_end()
        return await process.wait()

    assert play(scenario()) is RoundState.ENDED


def test_children_in_the_background_end_with_the_round(playground, play):
    process = playground.prepare("sleep 600 >/dev/null 2>&1 & echo daemon $!; exit 0")
    play(playground.run(process))
    pid = int(process.log().read().data.split()[1])
    assert processes.identity(pid) is None
    assert process.exit.code == 0
    assert pid in [ended for ended, _ in leftovers(process)["ended"]]


def test_a_daemon_that_kept_the_mark_ends_with_the_round(playground, play, shows, python):
    process = playground.prepare([python, "-c", DAEMON + "\nsys.stdin.read(); time.sleep(600)", "helper", "keep"])

    async def scenario():
        daemon = daemon_of(await launched(playground, process, shows, b"daemon"))
        process.ask_end()
        await process.wait()
        return daemon

    daemon = play(scenario())
    assert not processes.alive(daemon)
    assert daemon.pid in [pid for pid, _ in leftovers(process)["ended"]]


def test_a_keep_word_spares_a_shared_daemon_and_what_it_started(playground, play, python):
    process = playground.prepare([python, "-c", DAEMON, "gradle", "keep"], keep=["Gradle"])
    play(playground.run(process))
    daemon = daemon_of(process.log().read().data)
    assert processes.alive(daemon)
    assert daemon.pid in [pid for pid, _ in leftovers(process)["spared"]]
    assert leftovers(process)["ended"] == []


def test_a_daemon_that_lost_every_trace_is_not_hunted(playground, play, python, end_session):
    process = playground.prepare([python, "-c", DAEMON, "helper", "clear"])
    play(playground.run(process))
    daemon = daemon_of(process.log().read().data)
    try:
        assert processes.alive(daemon)
        assert not (process.directory / "leftovers").exists()
    finally:
        end_session(processes.table()[daemon.pid].session)


def test_a_daemon_that_holds_the_output_open_does_not_delay_the_end(playground, play, python):
    script = DAEMON.replace("os.dup2(null, descriptor)", "pass")
    process = playground.prepare([python, "-c", script, "gradle", "keep"], keep=["gradle"])
    begun = time.monotonic()
    play(playground.run(process))
    assert time.monotonic() - begun < 10
    assert processes.alive(daemon_of(process.log().read().data))


@pytest.fixture
def bystander():
    """A process that carries the mark of a round, so only other rules can save it."""
    name = f"r-{uuid.uuid4().hex}"
    child = subprocess.Popen(["sleep", "60"], env={"PATH": os.environ["PATH"], "TINYTOWN_ROUND_ID": name})
    yield name, processes.identity(child.pid)
    child.kill()
    child.wait()


def test_the_mark_is_enough_to_belong_to_a_round(playground, bystander):
    name, found = bystander
    assert list(Ending(playground.prepare("", name).spec, cli=None, since=found.ticks).collect()) == [found]


def test_a_protected_process_never_belongs_to_a_round(playground, bystander):
    name, found = bystander
    spec = playground.prepare("", name, protect=[found.pid]).spec
    assert Ending(spec, cli=None, since=0).collect() == {}


def test_a_process_older_than_the_round_never_belongs_to_it(playground, bystander):
    name, found = bystander
    assert Ending(playground.prepare("", name).spec, cli=None, since=found.ticks + 1).collect() == {}


def test_the_session_of_a_process_that_got_the_pid_of_the_cli_is_not_the_rounds(playground):
    other = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        found = processes.identity(other.pid)
        cli = Identity(found.pid, found.ticks - 1)
        assert Ending(playground.prepare("").spec, cli=cli, since=0).collect() == {}
        assert list(Ending(playground.prepare("").spec, cli=found, since=0).collect()) == [found]
    finally:
        other.kill()
        other.wait()


def test_a_pid_that_was_used_again_is_not_signalled(playground):
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        found = processes.identity(bystander.pid)
        assert not processes.send(Identity(found.pid, found.ticks - 1), signal.SIGKILL)
        assert bystander.poll() is None
        assert processes.send(found, signal.SIGKILL)
        bystander.wait()
        assert not processes.send(found, signal.SIGKILL)
    finally:
        bystander.kill()
        bystander.wait()


def test_a_zombie_counts_as_gone():
    child = subprocess.Popen(["true"])
    try:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert processes.identity(child.pid) is None
        assert child.pid not in processes.table()
    finally:
        child.wait()


def test_a_cli_killed_from_outside_ends_the_round_and_its_children(playground, play, shows):
    process = playground.prepare("sleep 600 & echo daemon $!; wait")

    async def scenario():
        seen = await launched(playground, process, shows, b"daemon")
        child = daemon_of(seen)
        processes.send(read_cli(process.directory), signal.SIGKILL)
        await process.wait()
        return child

    child = play(scenario())
    assert not processes.alive(child)
    assert (process.exit.reason, process.exit.signal) == ("exited", signal.SIGKILL)

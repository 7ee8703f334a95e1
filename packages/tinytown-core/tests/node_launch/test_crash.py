"""kill -9 at every step: the decision afterwards is right, and nothing is ever started twice."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import signal
import subprocess
from pathlib import Path

import pytest
import tinytown.crash as crash_module
from tinytown.crash import POINTS, point
from tinytown.errors import LaunchError
from tinytown.node import processes
from tinytown.node.launch import files
from tinytown.node.launch.recovery import recover
from tinytown.node.launch.rounds import RoundState

NEVER = [
    *("launcher.received", "launcher.locked", "spare.forked", "spare.gated"),
    *("shim.handed", "shim.claim_written", "shim.claimed"),
]
MAYBE = ["shim.cli_recorded", "shim.released"]
LOST = [
    *("shim.running", "shim.cli_exited", "shim.swept", "shim.joined", "ending.collected", "ending.signalled"),
    *("shim.segment_dropped", "shim.segment_opened", "shim.join_indexed", "shim.join_copied"),
]
ENDED = ["launcher.handed", "launcher.answered", "shim.exit_written", "shim.exit_synced"]
NODE = ["prepare.spec_written", "prepare.done", "void.written", "void.linked"]
OUTPUT = b"".join(b"%07d\n" % number for number in range(5000))

RECOVER = (
    "import asyncio, sys, pathlib; from tinytown.node.launch.recovery import recover\n"
    "print(asyncio.run(recover(pathlib.Path(sys.argv[1]))).kind)"
)
PREPARE = (
    "import sys, pathlib; from tinytown.node.launch.files import prepare, Spec\n"
    "prepare(pathlib.Path(sys.argv[1]), Spec('r-x', ['true'], {}, '/', None, sys.argv[1] + '/log'))"
)


def crashing(python, code, directory, where):
    environment = {"TINYTOWN_CRASH_AT": where}
    return subprocess.run([python, "-P", "-c", code, str(directory)], env=environment, capture_output=True, check=False)


class Counted:
    """A round that counts how often its CLI was started, and leaves a marked child behind."""

    def __init__(self, playground, **changes):
        self.file = playground.root / "starts"
        (playground.root / "output").write_bytes(OUTPUT)
        self.process = playground.prepare(
            f"echo x >> {self.file}; sleep 600 >/dev/null 2>&1 & cat output; echo ready; exec sleep ${{WAIT:-0}}",
            max_log_bytes=8192,
            **changes,
        )

    @property
    def starts(self) -> int:
        return len(self.file.read_text().split()) if self.file.exists() else 0

    def survivors(self):
        mark = self.process.spec.mark
        return [row for pid, row in processes.table().items() if processes.carries(pid, mark)]


async def launched_and_left(playground, round_, **environment):
    async with playground.launcher(**environment) as launcher:
        try:
            await launcher.launch(round_.process.directory)
        except LaunchError:
            return
        await round_.process.wait()


async def launched_again(playground, round_):
    """Another node, not knowing better, starts the same folder."""
    async with playground.launcher() as launcher:
        await launcher.launch(round_.process.directory)
        await round_.process.wait()


def test_every_crash_point_is_used_and_every_use_has_a_test():
    package = Path(crash_module.__file__).parent
    launch = [*package.glob("node/launch/*.py")]
    used = {
        name
        for source in [package / "crash.py", *launch]
        for name in re.findall(r'"((?:shim|spare|launcher|ending|void|prepare)\.\w+)"', source.read_text())
    }
    ours = {name for name in POINTS if name.split(".")[0] in {"shim", "spare", "launcher", "ending", "void", "prepare"}}
    called = "".join(source.read_text() for source in launch)
    assert used == ours == {*NEVER, *MAYBE, *LOST, *ENDED, *NODE}
    assert [name for name in ours if f'"{name}"' not in called] == []


def test_an_unknown_crash_point_is_an_error():
    with pytest.raises(KeyError):
        point("no.such.point")


@pytest.mark.parametrize("where", [*NEVER, *MAYBE, *LOST, *ENDED])
def test_a_kill_at_each_step_is_decided_rightly_and_starts_nothing_twice(playground, play, where):
    round_ = Counted(playground)
    crashed = playground.root / "crashed"
    # A launcher that died once is replaced, which is another test; here it dies each time.
    once = {} if where.startswith(("launcher.", "spare.")) else {"TINYTOWN_CRASH_ONCE": str(crashed)}

    async def scenario():
        await launched_and_left(playground, round_, TINYTOWN_CRASH_AT=where, **once)
        found = await recover(round_.process.directory)
        if found.kind == "live":
            await found.process.wait()
            found = await recover(round_.process.directory)
        starts = round_.starts
        await launched_again(playground, round_)
        again = await recover(round_.process.directory)
        return found, starts, again

    found, starts, again = play(scenario())
    assert crashed.exists() == bool(once)
    if where in NEVER:
        assert (found.kind, starts) == ("never_started", 0)
    elif where in MAYBE or where in LOST:
        assert found.kind == "lost"
        assert starts <= 1
    else:
        assert (found.kind, starts) == ("ended", 1)
        assert found.exit.reason == "exited"
    assert again.kind == found.kind
    assert round_.starts == starts
    assert round_.survivors() == []
    assert list(round_.process.directory.glob("log.tail*")) == []


@pytest.mark.parametrize(
    "where",
    ["launcher.received", "launcher.locked", "launcher.handed", "launcher.answered", "spare.forked", "spare.gated"],
)
def test_a_launcher_or_spare_shim_that_dies_is_replaced_and_the_round_still_starts_once(playground, play, where):
    round_ = Counted(playground)

    async def scenario():
        once = str(playground.root / "crashed")
        async with playground.launcher(TINYTOWN_CRASH_AT=where, TINYTOWN_CRASH_ONCE=once) as launcher:
            await launcher.launch(round_.process.directory)
            if await round_.process.wait() is RoundState.FREE:  # the spare shim died with the round in its hands
                again = type(round_.process)(round_.process.directory)
                await launcher.launch(again.directory)
                return await again.wait()
            return round_.process.state()

    assert play(scenario()) is RoundState.ENDED
    assert round_.starts == 1
    assert (playground.root / "crashed").exists()


@pytest.mark.parametrize(
    "victims",
    [set(names) for count in (1, 2, 3) for names in itertools.combinations(("shim", "launcher", "cli"), count)],
)
def test_kills_of_a_running_round_alone_and_together(playground, play, shows, victims):
    round_ = Counted(playground)
    spec = round_.process.spec
    files.prepare(round_.process.directory, spec._replace(env={**spec.env, "WAIT": "600"}))

    async def scenario():
        async with playground.launcher() as launcher:
            await launcher.launch(round_.process.directory)
            await shows(round_.process, b"ready")
            pids = {
                "shim": files.read_claim(round_.process.directory).owner,
                "launcher": processes.identity(launcher.pid),
                "cli": files.read_cli(round_.process.directory),
            }
            for name in victims:
                processes.send(pids[name], signal.SIGKILL)
            if victims & {"shim", "cli"}:
                await round_.process.wait()
            found = await recover(round_.process.directory)
            if found.kind == "live":
                found.process.ask_end()
                await found.process.wait()
            return found, await recover(round_.process.directory)

    found, final = play(scenario())
    if "shim" in victims:
        assert (found.kind, final.kind) == ("lost", "lost")
    elif "cli" in victims:
        assert (found.kind, final.exit.reason, final.exit.signal) == ("ended", "exited", signal.SIGKILL)
    else:
        assert (found.kind, final.kind, final.exit.reason) == ("live", "ended", "asked")
    assert round_.starts == 1
    assert round_.survivors() == []


@pytest.mark.parametrize("where", ["void.written", "void.linked"])
def test_a_node_killed_while_voiding_leaves_a_round_that_never_starts(playground, play, python, where):
    round_ = Counted(playground)
    assert crashing(python, RECOVER, round_.process.directory, where).returncode == -signal.SIGKILL

    async def scenario():
        found = await recover(round_.process.directory)
        await launched_again(playground, round_)
        return found

    assert play(scenario()).kind == "never_started"
    assert round_.starts == 0


@pytest.mark.parametrize("where", ["prepare.spec_written", "prepare.done"])
def test_a_node_killed_while_preparing_leaves_a_round_that_never_started(tmp_path, play, python, where):
    assert crashing(python, PREPARE, tmp_path / "r-x", where).returncode == -signal.SIGKILL
    assert play(recover(tmp_path / "r-x")).kind == "never_started"


@pytest.mark.parametrize("where", ["ending.collected", "ending.signalled", "shim.join_indexed", "shim.join_copied"])
def test_a_node_killed_while_it_ends_leftovers_is_followed_by_one_that_finishes(playground, play, python, where):
    round_ = Counted(playground)
    play(launched_and_left(playground, round_, TINYTOWN_CRASH_AT="shim.cli_exited"))
    assert crashing(python, RECOVER, round_.process.directory, where).returncode == -signal.SIGKILL
    assert play(recover(round_.process.directory)).kind == "lost"
    assert round_.survivors() == []
    assert (round_.process.directory / "log").read_bytes().endswith(b"ready\n")


def test_launchers_that_race_for_one_folder_start_one_cli(playground, play):
    async def scenario():
        async with playground.launcher() as one, playground.launcher() as two:
            for number in range(10):
                round_ = Counted(playground)
                directory = round_.process.directory
                answers = await asyncio.gather(one.launch(directory), two.launch(directory), return_exceptions=True)
                assert any(isinstance(answer, int) for answer in answers)
                await round_.process.wait()
                assert (await recover(directory)).kind == "ended"
                assert round_.starts == number + 1

    play(scenario())


def test_a_void_that_races_with_a_launch_lets_exactly_one_win(playground, play):
    async def scenario():
        kinds = set()
        async with playground.launcher() as launcher:
            await launcher.start()
            for turn in range(30):
                process = playground.prepare(f"echo x >> starts-{turn}")
                launching = asyncio.create_task(launcher.launch(process.directory))
                await asyncio.sleep(turn / 10_000)
                found = await recover(process.directory)
                await launching
                await process.wait()
                kinds.add(found.kind)
                started = (playground.root / f"starts-{turn}").exists()
                assert started == (found.kind != "never_started")
        return kinds

    assert play(scenario()) <= {"never_started", "live", "ended"}


def test_a_round_of_an_earlier_boot_is_recognised_and_nothing_is_signalled(playground, play, shows):
    process = playground.prepare("echo ready; exec sleep 600")

    async def scenario():
        async with playground.launcher() as launcher:
            await launcher.launch(process.directory)
            await shows(process, b"ready")
            started = process.directory / "started"
            kept = started.read_text()
            started.write_text(json.dumps({**json.loads(kept), "boot_id": "another"}))
            found = await recover(process.directory)
            assert not process.ask_end()
            started.write_text(kept)
            return found.kind, process.state()

    assert play(scenario()) == ("reboot", RoundState.LIVE)


def test_a_folder_that_was_never_made_is_voided_so_that_no_late_launch_can_use_it(playground, play):
    process = playground.prepare("touch ran")
    other = process.directory.with_name("r-other")
    assert play(recover(other)).kind == "never_started"
    files.prepare(other, process.spec)

    async def scenario():
        async with playground.launcher() as launcher:
            await launcher.launch(other)
            return await type(process)(other).wait()

    assert play(scenario()) is RoundState.VOID
    assert not (playground.root / "ran").exists()


def test_an_exit_that_is_damaged_is_no_exit(playground, play):
    process = playground.prepare("true")
    play(playground.run(process))
    raw = bytearray((process.directory / "exit").read_bytes())
    raw[60] ^= 1
    (process.directory / "exit").write_bytes(raw)
    assert process.exit is None
    assert play(recover(process.directory)).kind == "lost"


def test_files_torn_by_a_power_cut_mean_a_reboot(playground, play):
    process = playground.prepare("true")
    for name in ("spec", "started"):
        (process.directory / name).write_bytes(b"")
    assert play(recover(process.directory)).kind == "reboot"
    assert process.exit is None


def test_a_version_that_is_too_new_is_refused_and_not_guessed(playground, play):
    process = playground.prepare("true")
    (process.directory / "started").write_text('{"version": 2}')
    with pytest.raises(ValueError, match="version 2"):
        play(recover(process.directory))

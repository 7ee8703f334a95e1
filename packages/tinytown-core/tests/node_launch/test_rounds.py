"""What a round's CLI gets, and what its end records."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import stat
from pathlib import Path

import pytest
from tinytown.errors import LaunchError
from tinytown.node.launch import files
from tinytown.node.launch.rounds import RoundState


def text(process):
    return process.log().read(1 << 20).data


def test_a_round_runs_to_its_end_and_is_recorded(playground, play):
    process = playground.prepare("echo hello; echo oops >&2; exit 3")
    assert play(playground.run(process)) is RoundState.ENDED
    end = process.exit
    assert (end.reason, end.code, end.signal, end.error) == ("exited", 3, None, "")
    assert end.log_bytes == len(b"hello\noops\n")
    assert end.started_ms <= end.ended_ms
    assert text(process) == b"hello\noops\n"
    assert stat.S_IMODE(process.directory.stat().st_mode) == 0o700


def test_a_signal_that_ended_the_cli_is_recorded(playground, play):
    process = playground.prepare("kill -USR1 $$")
    play(playground.run(process))
    assert (process.exit.reason, process.exit.code, process.exit.signal) == ("exited", None, signal.SIGUSR1)


def test_a_large_prompt_reaches_standard_input_unchanged(playground, play):
    prompt = ('it\'s "quoted" $HOME `x` \\ \U0001f3d8 \r\n' * 8000).encode()
    assert len(prompt) > 200_000
    file = playground.root / "prompt"
    file.write_bytes(prompt)
    process = playground.prepare(["cat"], stdin=str(file))
    play(playground.run(process))
    seen, reader = b"", process.log()
    while data := reader.read().data:
        seen += data
    assert seen == prompt


def test_the_environment_is_the_specs_and_nothing_else(playground, play):
    process = playground.prepare(["/usr/bin/env"], env={"ONLY": "this", "NAME": "x=y"})
    play(playground.run(process, TINYTOWN_CRASH_AT="void.linked", PYTHONHASHSEED="1"))
    assert sorted(text(process).splitlines()) == [b"NAME=x=y", b"ONLY=this"]


def test_the_cli_leads_its_own_session_and_holds_no_descriptor_of_the_shim(playground, play, python):
    script = (
        "import os, signal\n"
        "print(os.getpid() == os.getsid(0) == os.getpgrp())\n"
        "print(sorted(map(int, os.listdir('/dev/fd')))[:4])\n"
        "print(signal.pthread_sigmask(signal.SIG_BLOCK, []))\n"
    )
    process = playground.prepare([python, "-c", script])
    play(playground.run(process))
    # The fourth is the one that lists the folder.
    assert text(process) == b"True\n[0, 1, 2, 3]\nset()\n"


@pytest.mark.parametrize("argv", [["no-such-program-anywhere"], ["/no/such/program"]])
def test_a_missing_program_is_a_start_error(playground, play, argv):
    process = playground.prepare(argv)
    assert play(playground.run(process)) is RoundState.ENDED
    assert (process.exit.reason, process.exit.code) == ("start_error", None)
    assert "No such file" in process.exit.error


def test_a_file_that_may_not_be_executed_is_a_start_error(playground, play):
    program = playground.root / "program"
    program.write_text("#!/bin/sh\n")
    process = playground.prepare([str(program)])
    play(playground.run(process))
    assert process.exit.reason == "start_error"
    assert "Permission denied" in process.exit.error


def test_a_missing_working_directory_or_prompt_is_a_start_error(playground, play):
    nowhere = playground.prepare("true", cwd=str(playground.root / "nowhere"))
    promptless = playground.prepare("true", stdin=str(playground.root / "no" / "prompt"))
    play(playground.run(nowhere))
    play(playground.run(promptless))
    assert (nowhere.exit.reason, promptless.exit.reason) == ("start_error", "start_error")


def test_a_log_that_cannot_be_created_stops_the_round_before_its_start(playground, play):
    process = playground.prepare("touch ran", log=str(playground.root / "no" / "log"))
    play(playground.run(process))
    assert process.exit.reason == "log_error"
    assert not (playground.root / "ran").exists()


def test_a_very_long_error_still_fits_into_the_exit(playground, play):
    process = playground.prepare(["/" + "ü" * 100 + "/" + "x" * 240 + "/" + "y" * 240])
    play(playground.run(process))
    assert process.exit.reason == "start_error"
    assert (process.directory / "exit").stat().st_size == 512


def test_a_broken_spec_is_refused_by_the_launcher_and_hurts_no_other_round(playground, play):
    broken = playground.prepare("true")
    (broken.directory / "spec").write_text("{")
    newer = playground.prepare("true")
    (newer.directory / "spec").write_text('{"version": 99}')
    good = playground.prepare("echo fine")

    async def scenario():
        async with playground.launcher() as launcher:
            with pytest.raises(LaunchError):
                await launcher.launch(broken.directory)
            with pytest.raises(LaunchError, match="version 99"):
                await launcher.launch(newer.directory)
            await launcher.launch(good.directory)
            return await good.wait()

    assert play(scenario()) is RoundState.ENDED
    assert broken.claim_void()


def test_somebody_who_looks_at_a_round_does_not_keep_it_from_its_start(playground, play):
    process = playground.prepare("exit 3")

    async def scene():
        lock = os.open(process.directory / files.LOCK, os.O_RDONLY | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_SH)
        async with playground.launcher() as launcher:
            await launcher.start()
            asyncio.get_running_loop().call_later(0.01, os.close, lock)
            await launcher.launch(process.directory)
            return await process.wait()

    assert play(scene()) is RoundState.ENDED
    assert process.exit.code == 3


def test_a_folder_with_spaces_and_strange_letters_is_launched(playground, play):
    playground.root /= "a folder \U0001f3d8 'x'"
    process = playground.prepare("pwd >/dev/null; echo ok")
    playground.root.mkdir(exist_ok=True)
    play(playground.run(process))
    assert text(process) == b"ok\n"


def descriptors(pid):
    return sorted(entry.name for entry in Path(f"/proc/{pid}/fd").iterdir())


def children(pid):
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_no_zombie_and_no_descriptor_stays_with_the_launcher(playground, play):
    async def scenario():
        async with playground.launcher() as launcher:
            for _ in range(10):
                process = playground.prepare("true")
                await launcher.launch(process.directory)
                await process.wait()
            return descriptors(launcher.pid), children(launcher.pid)

    held, left = play(scenario())
    # Its three and the line to the spare shim, of which both ends are open at the moment of the fork.
    assert len(held) <= 5
    # The spare shim, and the last one may still be on its last instruction.
    assert len(left) <= 2


def test_modules_of_the_launcher_are_standard_library_only(python):
    import subprocess

    code = (
        "import sys; import tinytown.node.launch.launcher\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('attr', 'attrs', 'cattrs', 'redis', 'psutil', 'asyncio')"
        " or m.startswith('tinytown.storage') or m == 'tinytown.errors'])"
    )
    done = subprocess.run([python, "-P", "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"

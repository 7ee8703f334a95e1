"""The log: its limit, its joins, its reader, and disks that are full."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tinytown.node.launch.capped_log import CappedLog, join, layout, marker
from tinytown.node.launch.log_reader import LogReader
from tinytown.node.launch.rounds import RoundProcess, RoundState


def everything(reader):
    data, skipped = b"", 0
    while (chunk := reader.read()).data:
        data += chunk.data
        skipped += chunk.skipped
    return data, skipped


def test_bytes_that_are_not_utf8_are_kept_as_they_are(playground, play):
    process = playground.prepare(r"printf 'a\377\376\000\200z'")
    play(playground.run(process))
    assert process.log().read().data == b"a\xff\xfe\x00\x80z"


def test_the_log_of_a_round_whose_town_was_moved_is_read_where_it_is_now(playground, play):
    process = playground.prepare("echo before; seq 1 20000", max_log_bytes=8192)
    play(playground.run(process))
    moved = process.directory.parent.rename(playground.root / "moved")
    found = RoundProcess(moved / process.directory.name)
    assert found.state() is RoundState.ENDED
    data, _skipped = everything(found.log())
    assert data.startswith(b"before\n1\n2\n")
    assert data.endswith(b"20000\n")
    assert found.join_log()


def test_a_hundred_megabytes_are_quick_and_bounded(playground, play, python):
    script = (
        "import sys\nblock = b'x' * 999 + b'\\n'\n"
        "for _ in range(1000): sys.stdout.buffer.write(block * 100)\nsys.stdout.buffer.write(b'the end')"
    )
    process = playground.prepare([python, "-c", script], max_log_bytes=1 << 20)
    begun = time.monotonic()
    play(playground.run(process))
    assert time.monotonic() - begun < 20
    end = process.exit
    log = (process.directory / "log").read_bytes()
    assert end.log_bytes == 100_000_007
    assert len(log) <= (1 << 20) + 200
    assert log.endswith(b"the end")
    assert marker(end.log_dropped) in log
    assert len(log) - len(marker(end.log_dropped)) + end.log_dropped == end.log_bytes
    assert [path.name for path in process.directory.glob("log.tail*")] == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_a_flood_of_output_does_not_grow_the_shim(playground, play, shows):
    process = playground.prepare("head -c 50000000 /dev/zero; echo ready; exec sleep 600", max_log_bytes=1 << 20)

    async def scenario():
        async with playground.launcher() as launcher:
            pid = await launcher.launch(process.directory)
            await shows(process, b"ready")
            peak = peak_kib(pid)
            process.ask_end()
            await process.wait()
            return peak

    assert play(scenario()) < 40_000


def peak_kib(pid):
    return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


def test_a_log_under_its_limit_is_whole_and_has_no_marker(tmp_path):
    text = bytes(range(256)) * 28
    log = CappedLog(tmp_path / "log", 8192)
    for start in range(0, len(text), 100):
        log.write(text[start : start + 100])
    log.finish()
    assert (tmp_path / "log").read_bytes() == text
    assert log.dropped == 0


def test_a_reader_that_keeps_up_sees_every_byte_although_the_log_forgets_the_middle(tmp_path):
    log = CappedLog(tmp_path / "log", 8192)
    reader, seen, sent = LogReader(tmp_path / "log", 8192), b"", b""
    for number in range(3000):
        line = b"line %d\n" % number
        log.write(line)
        sent += line
        seen += everything(reader)[0]
    log.finish()
    assert seen == sent
    assert (tmp_path / "log").stat().st_size < 8192 + 200


def test_a_late_reader_is_told_how_much_it_missed(tmp_path):
    log = CappedLog(tmp_path / "log", 8192)
    sent = b"".join(b"%07d\n" % number for number in range(5000))
    log.write(sent)
    reader = LogReader(tmp_path / "log", 8192)
    data, skipped = everything(reader)
    assert skipped == log.dropped > 0
    assert data == sent[:4096] + sent[4096 + skipped :]
    assert reader.position == len(sent)
    log.finish()
    assert everything(LogReader(tmp_path / "log", 8192)) == (data, skipped)
    middle = LogReader(tmp_path / "log", 8192, position=len(sent) - 100)
    assert everything(middle) == (sent[-100:], 0)


@pytest.mark.parametrize("killed_after", range(8))
def test_a_join_can_be_repeated_wherever_it_was_killed(tmp_path, killed_after):
    sent = b"".join(b"%07d\n" % number for number in range(5000))
    once = CappedLog(tmp_path / "once", 8192)
    once.write(sent)
    once.finish()
    CappedLog(tmp_path / "log", 8192).write(sent)
    place = layout(tmp_path / "log", 8192)
    segments = place.segments()
    # The state after a kill: some segments are in the log, the next one half copied, the rest apart.
    place.write_index(segments[0])
    whole = (tmp_path / "once").read_bytes()
    for number in segments[:killed_after]:
        place.segment_path(number).unlink()
    reached = place.joined_offset(segments[killed_after], segments[0]) + 37
    (tmp_path / "log").write_bytes(whole[:reached])
    apart = everything(LogReader(tmp_path / "log", 8192))
    join(place)
    assert (tmp_path / "log").read_bytes() == whole
    assert everything(LogReader(tmp_path / "log", 8192)) == apart
    join(place)
    assert (tmp_path / "log").read_bytes() == whole


def test_a_full_disk_under_the_log_neither_stops_nor_kills_the_cli(playground, play):
    script = "i=0; while [ $i -lt 3000 ]; do echo a line of output that fills the disk; i=$((i+1)); done; exit 5"
    process = playground.prepare(script)

    async def scenario():
        async with playground.launcher() as launcher:
            await launcher.start()
            # The size limit of a file stands for a disk with no room: a write fails in the same place.
            resource.prlimit(launcher.pid, resource.RLIMIT_FSIZE, (20_000, 20_000))
            await launcher.launch(playground.prepare("true").directory)  # takes the shim that was spare before
            await launcher.launch(process.directory)
            return await process.wait()

    assert play(scenario()) is RoundState.ENDED
    end = process.exit
    assert (end.reason, end.code) == ("exited", 5)
    assert end.log_bytes == 3000 * 37
    assert end.log_lost == end.log_bytes - 20_000
    assert (process.directory / "log").stat().st_size == 20_000


def test_the_node_is_rung_while_the_log_grows_and_nobody_has_to_listen(playground, play, shows):
    process = playground.prepare(
        "echo one; read x < gate; echo two; i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done"
    )
    gate = playground.root / "gate"

    os.mkfifo(gate)

    async def scenario():
        async with playground.launcher() as launcher:
            await launcher.launch(process.directory)
            await shows(process, b"one")
            process.detach()  # the node is gone
            gate.write_text("\n")
        follower = type(process)(process.directory)
        rings = 0
        async for _ in follower.growth():
            rings += 1
        return rings, await follower.wait()

    rings, state = play(scenario())
    assert state is RoundState.ENDED
    assert rings >= 1
    assert process.exit.code == 0


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 256 KiB."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() != 0 or sys.platform != "linux" or mount is None or umount is None:
        pytest.skip("only root on Linux may mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    done = subprocess.run([mount, "-t", "tmpfs", "-o", "size=256k", "none", disk], check=False, capture_output=True)
    if done.returncode:
        pytest.skip(f"cannot mount a small disk here: {done.stderr!r}")
    yield disk
    subprocess.run([umount, "-l", disk], check=True)


def test_a_disk_that_fills_up_still_gets_the_whole_exit(playground, play, small_disk):
    playground.root = small_disk
    process = playground.prepare(
        "i=0; while [ $i -lt 20000 ]; do echo a line of output for the disk; i=$((i+1)); done; exit 4"
    )
    assert play(playground.run(process)) is RoundState.ENDED
    assert (process.exit.reason, process.exit.code) == ("exited", 4)
    assert process.exit.log_bytes == 20000 * 30
    assert process.exit.log_lost > 300_000
    playground.clear()

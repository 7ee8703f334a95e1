"""The files of a round's folder: their names, versions and exact contents.

Node, launcher and shim speak to each other through these files alone, and any of them may die between two writes.
So each file is complete under its name or absent: small ones are written aside and renamed or linked, ``exit`` has a
fixed size, its place on the disk beforehand, and a checksum.
"""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import Any, Final, NamedTuple

from tinytown.crash import point
from tinytown.node import processes
from tinytown.node.processes import Identity

VERSION: Final = 1
EXIT_SIZE: Final = 512
MARK: Final = "TINYTOWN_ROUND_ID"

SPEC: Final = "spec"
LOCK: Final = "lock"
STARTED: Final = "started"
CLI: Final = "cli"
EXIT: Final = "exit"
LIFE: Final = "life"
LEFTOVERS: Final = "leftovers"


class Spec(NamedTuple):
    """What a shim is to run. All paths are absolute.

    Attributes:
        round_id: The round; the CLI carries it in its environment as its mark.
        argv: Program and arguments; a program without a slash is looked up on the PATH of ``env``.
        env: The whole environment: nothing else is inherited.
        cwd: Working directory.
        stdin: File that the CLI reads as standard input; None gives it an empty one.
        log: File that receives standard output and standard error.
        time_limit_secs: The round is ended after so long, sleep of the machine included. 0: never.
        max_log_bytes: Most that is kept of the output; beyond it the middle is left out.
        interrupt_secs: Wait after SIGINT.
        terminate_secs: Wait after SIGTERM.
        kill_secs: Longest wait after SIGKILL.
        keep: Words in process names that spare a process (shared daemons).
        protect: Pids that are never signalled: node, server, launcher.
    """

    round_id: str
    argv: list[str]
    env: dict[str, str]
    cwd: str
    stdin: str | None
    log: str
    time_limit_secs: float = 0.0
    max_log_bytes: int = 50 * 1024 * 1024
    interrupt_secs: float = 5.0
    terminate_secs: float = 5.0
    kill_secs: float = 5.0
    keep: list[str] = []  # noqa: RUF012 - a NamedTuple's default; nobody changes it
    protect: list[int] = []  # noqa: RUF012

    @property
    def mark(self) -> str:
        """The environment entry by which the round's processes are known."""
        return f"{MARK}={self.round_id}"


class Claim(NamedTuple):
    """Content of ``started``: who took the round, for ever.

    Attributes:
        void: A recovering node took it so that it never starts.
        owner: The shim, or the process that voided the round.
        since: Ticks of that moment: no process of the round but the CLI's own is older.
        boot_id: Boot of the machine in which that happened.
    """

    void: bool
    owner: Identity
    since: int
    boot_id: str


class ExitRecord(NamedTuple):
    """Content of ``exit``.

    Attributes:
        reason: Why it ended: ``exited``, ``time_limit``, ``asked``, ``start_error`` or ``log_error``.
        code: Exit code of the CLI; None when a signal ended it or it never ran.
        signal: Number of the signal that ended it, or None.
        error: Text of a start_error or log_error, else empty.
        started_ms: When the CLI was started, in milliseconds since 1970 by the clock that `ended_ms` is read from.
        ended_ms: When all was over.
        log_bytes: How much the CLI printed.
        log_dropped: How much of that was left out of the middle, by the limit.
        log_lost: How much could not be written, mostly because the disk was full.
    """

    reason: str
    code: int | None
    signal: int | None
    error: str
    started_ms: int
    ended_ms: int
    log_bytes: int
    log_dropped: int
    log_lost: int


def prepare(directory: Path, spec: Spec) -> None:
    """Write all that a shim needs; afterwards the launcher may be told.

    Args:
        directory: The round's folder, made when missing (0700).
        spec: What to run.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_json(directory / SPEC, spec._asdict())
    point("prepare.spec_written")
    # Its blocks are taken now, so that a full disk cannot swallow how a round ended.
    (directory / EXIT).write_bytes(bytes(EXIT_SIZE))
    if not (directory / LIFE).exists():
        os.mkfifo(directory / LIFE, 0o600)
    point("prepare.done")


def read_spec(directory: Path) -> Spec:
    """Read the round's spec.

    Raises:
        OSError: It is not there.
        ValueError: It is not one, or of a version that this code does not know.
    """
    fields = _read_json(directory / SPEC)
    return Spec(**{name: fields[name] for name in Spec._fields if name in fields})


def rehearse() -> None:
    """Go once through the code that a start runs, while nobody waits.

    A forked process copies each page at its first touch; done here, that does not delay the round (0.5 ms of 4).
    """
    if processes.identity(os.getpid()) is not None and processes.now_ticks():
        json.dumps({"version": VERSION, "void": False, "boot_id": processes.boot_id()}).encode()
    spec = Spec("", ["true"], {"PATH": "/"}, "/", None, "/log")
    fields = _checked(json.loads(json.dumps({"version": VERSION, **spec._asdict()}).encode()), SPEC)
    Spec(**{name: fields[name] for name in Spec._fields})
    path = Path(os.fsdecode(b"/rehearsal")) / STARTED
    os.fsencode(path.with_name(f"{path.name}.{os.getpid()}"))


def claim(directory: Path, *, owner: Identity, since: int, boot_id: str, void: bool) -> bool:
    """Take the round: one caller ever succeeds, and a kill leaves it either taken or free.

    Args:
        directory: The round's folder.
        owner: The calling process.
        since: Ticks of now.
        boot_id: The current boot.
        void: Take it so that it never starts.

    Returns:
        Whether this call took it.

    Raises:
        OSError: The disk has no room for a claim; nothing is decided.
    """
    aside = directory / f"{STARTED}.{owner.pid}.{owner.ticks}"
    _write(aside, {"void": void, "pid": owner.pid, "ticks": owner.ticks, "since": since, "boot_id": boot_id})
    point("void.written" if void else "shim.claim_written")
    try:
        os.link(aside, directory / STARTED)
    except FileExistsError:
        return False
    finally:
        aside.unlink()
    point("void.linked" if void else "shim.claimed")
    return True


def read_claim(directory: Path) -> Claim | None:
    """Who took the round, or None while it is free."""
    try:
        fields = _read_json(directory / STARTED)
    except FileNotFoundError:
        return None
    except (json.JSONDecodeError, UnicodeDecodeError):
        # A kill cannot do this; a power cut can, since a claim is not forced to disk. So it is of no boot that runs.
        return Claim(void=False, owner=Identity(0, 0), since=0, boot_id="")
    return Claim(
        void=bool(fields["void"]),
        owner=Identity(int(fields["pid"]), int(fields["ticks"])),
        since=int(fields["since"]),
        boot_id=str(fields["boot_id"]),
    )


def write_cli(directory: Path, cli: Identity) -> None:
    """Record the CLI's process; only after this may it execute."""
    write_json(directory / CLI, {"pid": cli.pid, "ticks": cli.ticks})


def read_cli(directory: Path) -> Identity | None:
    """The CLI's process; None means that it never executed (if the shim is gone)."""
    try:
        fields = _read_json(directory / CLI)
    except FileNotFoundError:
        return None
    return Identity(int(fields["pid"]), int(fields["ticks"]))


def write_exit(directory: Path, record: ExitRecord) -> None:
    """Write the exit in its place and force it to disk: the one commit point of a round's end."""
    error = record.error
    while len(raw := _encode_exit(record._replace(error=error))) > EXIT_SIZE:
        error = error[: len(error) * 3 // 4]
    descriptor = os.open(directory / EXIT, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.pwrite(descriptor, raw.ljust(EXIT_SIZE), 0)
        point("shim.exit_written")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    point("shim.exit_synced")


def read_exit(directory: Path) -> ExitRecord | None:
    """How the round ended; None when nothing, or nothing whole, was written."""
    try:
        raw = (directory / EXIT).read_bytes()
    except FileNotFoundError:
        return None
    checksum, _, body = raw.rstrip(b" \0").partition(b" ")
    if not body or checksum != b"%08x" % zlib.crc32(body):
        return None
    fields = _checked(json.loads(body), EXIT)
    return ExitRecord(**{name: fields[name] for name in ExitRecord._fields})


def write_json(path: Path, fields: dict[str, Any]) -> None:
    """Write a small versioned file so that it is there whole or not at all."""
    aside = path.with_name(f"{path.name}.{os.getpid()}.new")
    _write(aside, fields)
    aside.replace(path)


def _write(path: Path, fields: dict[str, Any]) -> None:
    raw = json.dumps({"version": VERSION, **fields}).encode()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        while raw:
            raw = raw[os.write(descriptor, raw) :]
    finally:
        os.close(descriptor)


def _encode_exit(record: ExitRecord) -> bytes:
    body = json.dumps({"version": VERSION, **record._asdict()}, separators=(",", ":")).encode()
    return b"%08x %s" % (zlib.crc32(body), body)


def _read_json(path: Path) -> dict[str, Any]:
    return _checked(json.loads(path.read_bytes()), path.name)


def _checked(fields: dict[str, Any], name: str) -> dict[str, Any]:
    if fields.get("version") != VERSION:
        raise ValueError(f"`{name}` has version {fields.get('version')}, this program reads {VERSION}")
    return fields

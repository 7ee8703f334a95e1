"""The CLI's process, kept behind a gate: it exists and is on record before it executes anything.

It waits for the name of its round's folder on a pipe. If the shim dies first, it sees the end of the pipe and leaves
without ever executing the CLI. So whoever finds no record of the CLI's process knows that it never ran.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import NamedTuple, NoReturn

from tinytown.node.launch.files import read_spec, rehearse

_NOT_EXECUTED = 127
_DEFAULTS = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)


class Gated(NamedTuple):
    """A CLI's process that waits to be let through.

    Attributes:
        pid: Its pid; it leads its own session and group.
        output: Reading end of its standard output and error.
        gate: Takes the name of the folder; close it to send the process away.
        trouble: Reads the reason why it could not execute; ends empty when it does.
    """

    pid: int
    output: int
    gate: int
    trouble: int


def fork_cli() -> Gated:
    """Fork the process of a CLI to come, and leave it behind the gate.

    Raises:
        OSError: There is no room for a process.
    """
    output, output_in = os.pipe()
    gate_out, gate = os.pipe()
    trouble, trouble_in = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(gate)
            _wait_and_execute(gate_out, output_in)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.write(trouble_in, f"{error.strerror} (errno {error.errno}): {error.filename or ''}".encode())
        except BaseException as error:  # noqa: BLE001 - a forked child must never run on into its parent's code
            os.write(trouble_in, repr(error).encode())
        finally:
            os._exit(_NOT_EXECUTED)
    for descriptor in (output_in, gate_out, trouble_in):
        os.close(descriptor)
    return Gated(pid, output, gate, trouble)


def dismiss(gated: Gated) -> None:
    """Send the process away; it has executed nothing."""
    for descriptor in (gated.gate, gated.output, gated.trouble):
        os.close(descriptor)
    os.waitpid(gated.pid, 0)


def release(gated: Gated, directory: Path) -> str:
    """Open the gate and wait until the CLI executes.

    Returns:
        Why it could not, or nothing.
    """
    with contextlib.suppress(BrokenPipeError):  # it was killed behind the gate; its end tells
        os.write(gated.gate, os.fsencode(directory) + b"\n")
    os.close(gated.gate)
    text = b""
    while data := os.read(gated.trouble, 4096):
        text += data
    os.close(gated.trouble)
    return text.decode("utf-8", "replace")


def _wait_and_execute(gate: int, output: int) -> NoReturn:
    for number in _DEFAULTS:
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    os.dup2(output, 1)
    os.dup2(output, 2)
    rehearse()
    name = b""
    while not name.endswith(b"\n"):
        data = os.read(gate, 65536)
        if not data:
            os._exit(_NOT_EXECUTED)
        name += data
    spec = read_spec(Path(os.fsdecode(name[:-1])))
    os.dup2(os.open(spec.stdin or os.devnull, os.O_RDONLY | os.O_CLOEXEC), 0)
    os.chdir(spec.cwd)
    os.execvpe(spec.argv[0], spec.argv, spec.env)  # noqa: S606 - argv, never a shell

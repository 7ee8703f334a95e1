"""Start the CLI behind a gate: its process exists and is on record before it executes anything.

The child waits for one byte on a pipe. If the shim dies first, the child sees the end of the pipe and leaves without
ever executing the CLI. So whoever finds no record of the CLI's process knows that it never ran.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from tinytown.node.launch.files import Spec

_NOT_EXECUTED = 127


class Gated(NamedTuple):
    """A CLI that waits to be let through.

    Attributes:
        pid: Its process, leader of its own session and group once it executes.
        output: Reading end of its standard output and error.
        gate: Write a byte to let it execute, close to send it away.
        trouble: Reads the reason why it could not execute; ends empty when it does.
    """

    pid: int
    output: int
    gate: int
    trouble: int


def fork_cli(spec: Spec, close_in_child: Callable[[], None]) -> Gated:
    """Fork the CLI's process and leave it behind the gate.

    Args:
        spec: What it will execute.
        close_in_child: Closes what only the shim may hold.

    Raises:
        OSError: Its standard input cannot be opened, or there is no room for a process.
    """
    stdin = os.open(spec.stdin or os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    output, output_in = os.pipe()
    gate_out, gate = os.pipe()
    trouble, trouble_in = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            close_in_child()
            os.close(gate)
            os.setsid()
            _execute(spec, stdin, output_in, gate_out)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.write(trouble_in, f"{error.strerror} (errno {error.errno}): {error.filename or ''}".encode())
        except BaseException as error:  # noqa: BLE001 - a forked child must never run on into its parent's code
            os.write(trouble_in, repr(error).encode())
        finally:
            os._exit(_NOT_EXECUTED)
    for descriptor in (stdin, output_in, gate_out, trouble_in):
        os.close(descriptor)
    return Gated(pid, output, gate, trouble)


def release(gated: Gated) -> str:
    """Open the gate and wait until the CLI executes.

    Returns:
        Why it could not, or nothing.
    """
    with contextlib.suppress(BrokenPipeError):  # it was killed behind the gate; its end tells
        os.write(gated.gate, b"!")
    os.close(gated.gate)
    text = b""
    while data := os.read(gated.trouble, 4096):
        text += data
    os.close(gated.trouble)
    return text.decode("utf-8", "replace")


def _execute(spec: Spec, stdin: int, output: int, gate: int) -> NoReturn:
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    os.chdir(spec.cwd)
    os.dup2(stdin, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    if not os.read(gate, 1):
        os._exit(_NOT_EXECUTED)
    os.execvpe(spec.argv[0], spec.argv, spec.env)  # noqa: S606 - argv, never a shell

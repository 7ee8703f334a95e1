"""The shim's event loop: move the CLI's output to the log, hear signals, ring the node's bell.

Nothing here waits for the node: its end of the life line is written without blocking and may have no reader.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from types import FrameType
from typing import Final

from tinytown.node import processes
from tinytown.node.launch.capped_log import CappedLog

_READ_BYTES: Final = 256 * 1024
_READS_A_TURN: Final = 16
_BELL_SECS: Final = 0.05
_LONGEST_TURN_SECS: Final = 30.0
"""poll(2) does not count the machine's sleep, so a time limit is looked at this often."""


class Asked:
    """Counts the signals that ask the shim to end its round, and wakes the loop for each (and for a child's end).

    Attributes:
        times: SIGTERMs so far; a SIGINT counts as two, which means hurry.
        wake: Descriptor that becomes readable after a signal.
    """

    def __init__(self) -> None:
        """Take over the signals of this process."""
        self.times = 0
        self.wake, writer = os.pipe()
        os.set_blocking(self.wake, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._hear)
        signal.signal(signal.SIGINT, self._hear)
        signal.signal(signal.SIGCHLD, self._hear)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        self.times += {signal.SIGTERM: 1, signal.SIGINT: 2}.get(signal.Signals(number), 0)


class Pump:
    """One turn at a time: wait for output, a signal or the time to ring, and deal with it.

    Attributes:
        drained: Nobody holds the writing end of the output any more.
    """

    def __init__(self, output: int, log: CappedLog, life: int, asked: Asked) -> None:
        """Watch an output pipe.

        Args:
            output: Reading end of the CLI's output.
            log: Where the output goes.
            life: Life line to the node, non-blocking.
            asked: The signals.
        """
        self.drained = False
        self._output = output
        self._log = log
        self._life = life
        self._wake = asked.wake
        self._next_bell = 0.0
        self._grew = False
        self._poll = select.poll()
        self._poll.register(asked.wake, select.POLLIN)
        self._poll.register(output, select.POLLIN)
        os.set_blocking(output, False)

    def turn(self, timeout: float) -> bool:
        """Wait at most so long, and handle what came.

        Args:
            timeout: In seconds; 0 only looks.

        Returns:
            Whether anything came.
        """
        timeout = min(timeout, _LONGEST_TURN_SECS)
        if self._grew:
            timeout = min(timeout, self._next_bell - processes.boot_clock())
        # Rounded up, since a wait of 0 ms just before a deadline would spin.
        ready = self._poll.poll(max(0, int(timeout * 1000 + 0.999)))
        for descriptor, _ in ready:
            if descriptor == self._wake:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake, 4096)
            else:
                self._move()
        self._ring()
        return bool(ready)

    def _move(self) -> None:
        for _ in range(_READS_A_TURN):
            try:
                data = os.read(self._output, _READ_BYTES)
            except BlockingIOError:
                return
            if not data:
                self.drained = True
                self._poll.unregister(self._output)
                return
            self._log.write(data)
            self._grew = True

    def _ring(self) -> None:
        now = processes.boot_clock()
        if self._grew and now >= self._next_bell:
            self._grew = False
            self._next_bell = now + _BELL_SECS
            ring(self._life)


def ring(life: int) -> None:
    """Tell the node that the log grew; a full life line already says so."""
    with contextlib.suppress(BlockingIOError):
        os.write(life, b".")

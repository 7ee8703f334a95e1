"""The records of the process modules."""

from __future__ import annotations

from typing import NamedTuple


class Identity(NamedTuple):
    """One life of one process.

    Attributes:
        pid: Its number, which another process may get later.
        ticks: When it started, in the platform's own unit; only ever compared with ticks of the same boot.
    """

    pid: int
    ticks: int


class ProcessInfo(NamedTuple):
    """One row of the process table.

    Attributes:
        pid: Its number.
        parent: Pid of its parent.
        group: Its process group.
        session: Its session.
        ticks: When it started, as in :class:`Identity`.
        name: Short name the kernel knows it by.
    """

    pid: int
    parent: int
    group: int
    session: int
    ticks: int
    name: str

    @property
    def identity(self) -> Identity:
        """Pid and start together."""
        return Identity(self.pid, self.ticks)

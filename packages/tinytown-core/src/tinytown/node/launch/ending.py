"""End the processes of a round: find all that carry its trace, interrupt, terminate, kill.

The shim uses this in its loop and a recovering node in its own, so the ending is a generator that asks its caller to
wait. Nothing is signalled that does not carry a trace of the round (its session, its group, a parent in it, or its
mark in the environment), that is older than the round, or that is protected; a process is always identified by pid
and start.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from typing import Any, NamedTuple

from tinytown.crash import point
from tinytown.node import processes
from tinytown.node.launch.files import Spec
from tinytown.node.processes import Identity, ProcessInfo

_PAUSE_SECS = 0.02
_INTERPRETERS = re.compile(r"(java|node|python[\d.]*|ruby|perl|bash|sh|deno|bun)$")


class Step(NamedTuple):
    """One rung of an ending: a signal and how long to wait for its effect."""

    number: int
    wait_secs: float
    group_only: bool = False


def full_steps(spec: Spec) -> list[Step]:
    """Rungs for a round whose CLI still runs: the group is asked first, as Ctrl-C would."""
    return [Step(signal.SIGINT, spec.interrupt_secs, group_only=True), *sweep_steps(spec)]


def sweep_steps(spec: Spec) -> list[Step]:
    """Rungs for what a CLI left behind."""
    return [Step(signal.SIGTERM, spec.terminate_secs), Step(signal.SIGKILL, spec.kill_secs)]


class Ending:
    """Collects and ends the processes of one round.

    Attributes:
        ended: Processes that were signalled and are gone, with their names.
        spared: Processes that a keep word spared.
        hurry: Set to skip the waits but the last.
    """

    def __init__(self, spec: Spec, *, cli: Identity | None, since: int) -> None:
        """Prepare; nothing is looked at yet.

        Args:
            spec: Waits, keep words, protected pids and the mark.
            cli: The CLI's process, leader of its session and group; it need not live.
            since: Ticks of the round's claim: nothing older belongs to it, but the CLI's process, which was kept ready.
        """
        self.hurry = False
        self.spared: dict[Identity, str] = {}
        self._seen: dict[Identity, str] = {}
        self._spec = spec
        self._cli = cli
        self._since = since
        self._never = {*spec.protect, 0, 1, os.getpid(), os.getppid()}
        self._keep = {word.lower() for word in spec.keep}

    def collect(self) -> dict[Identity, ProcessInfo]:
        """Find the living processes that belong to the round and are not spared."""
        table = processes.table()
        candidates = {
            pid: row
            for pid, row in table.items()
            if (row.ticks >= self._since or row.identity == self._cli) and pid not in self._never
        }
        leader = self._leader(table)
        children: dict[int, list[int]] = {}
        for pid, row in candidates.items():
            children.setdefault(row.parent, []).append(pid)
        members = _with_descendants(
            {
                pid
                for pid, row in candidates.items()
                if row.identity in self._seen
                or (leader is not None and leader in (row.session, row.group))
                or processes.carries(pid, self._spec.mark)
            },
            children,
        )
        kept = {pid for pid in members if candidates[pid].identity != self._cli and self._is_kept(candidates[pid])}
        kept = _with_descendants(kept, children)
        self.spared |= {candidates[pid].identity: candidates[pid].name for pid in kept}
        found = {candidates[pid].identity: candidates[pid] for pid in members - kept}
        self._seen |= {process: row.name for process, row in found.items()}
        return found

    def run(self, steps: list[Step]) -> Iterator[float]:
        """End them, step by step, looking again before each signal for new ones.

        Yields:
            Seconds that the caller should wait (or less, if it knows of a change).
        """
        signalled = False
        for step in steps:
            targets = self.collect()
            if not targets:
                return
            if not signalled:
                point("ending.collected")
            deadline = processes.boot_clock() + step.wait_secs
            told: set[Identity] = set()
            while self._tell(step, targets, told):
                if not signalled:
                    signalled = True
                    point("ending.signalled")
                while any(processes.alive(process) for process in told):
                    now = processes.boot_clock()
                    if now >= deadline or (self.hurry and step.number != signal.SIGKILL):
                        break
                    yield min(_PAUSE_SECS, deadline - now)
                else:
                    # What they started between our look and their end must not escape.
                    targets = self.collect()
                    continue
                break

    def report(self) -> dict[str, Any]:
        """What was ended, spared, and is still there, for the round's ``leftovers`` file."""
        rows = [(process, name, processes.alive(process)) for process, name in self._seen.items()]
        return {
            "ended": [[process.pid, name] for process, name, living in rows if not living and process != self._cli],
            "spared": [[process.pid, name] for process, name in self.spared.items()],
            "surviving": [[process.pid, name] for process, name, living in rows if living],
        }

    def _tell(self, step: Step, targets: dict[Identity, ProcessInfo], told: set[Identity]) -> bool:
        """Signal those that were not yet told on this step; whether there was one."""
        leader = None if self._cli is None else self._cli.pid
        fresh = [
            process
            for process, row in targets.items()
            if process not in told and not (step.group_only and row.group != leader)
        ]
        for process in fresh:
            processes.send(process, step.number)
            if step.number != signal.SIGKILL:
                processes.send(process, signal.SIGCONT)  # a stopped process hears nothing else
        told.update(fresh)
        return bool(fresh)

    def _leader(self, table: dict[int, ProcessInfo]) -> int | None:
        """The CLI's pid as a session and group number, unless another process has that pid by now."""
        if self._cli is None:
            return None
        holder = table.get(self._cli.pid)
        return self._cli.pid if holder is None or holder.ticks == self._cli.ticks else None

    def _is_kept(self, row: ProcessInfo) -> bool:
        """Whether a keep word is a word of the program's name; for an interpreter also of what it runs."""
        if not self._keep:
            return False
        argv = processes.command(row.pid)
        names = [row.name, *(os.path.basename(word) for word in argv[:1])]  # noqa: PTH119 - text, not a path
        if argv and _INTERPRETERS.match(names[-1]):
            names += [word for word in argv[1:] if not word.startswith("-")][:2]
        return any(word in self._keep for name in names for word in re.split(r"[^a-z0-9]+", name.lower()))


def _with_descendants(roots: set[int], children: dict[int, list[int]]) -> set[int]:
    found, waiting = set(roots), list(roots)
    while waiting:
        for pid in children.get(waiting.pop(), []):
            if pid not in found:
                found.add(pid)
                waiting.append(pid)
    return found

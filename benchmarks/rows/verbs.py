"""How many verbs a server carries out, against empty scripts with the same arguments."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import hiredis
from tinytown.domain.ids import IdKind, new_id
from tinytown.storage.calls import tasks
from tinytown.storage.redis.wire import Command
from tinytown.testing.raw import pipeline
from tinytown.testing.towns import TestTown

from benchmarks.counting import command_of
from benchmarks.places import town
from benchmarks.result import Budget, Line, in_turns, must

_FSYNC = "everysec"
_EMPTY = "return ''"
_pack: Any = getattr(hiredis, "pack_command")  # noqa: B009 - its stub allows commands of one word only

Sender = Callable[[Sequence[Sequence[str]]], Sequence[object]]


def measure(*, quick: bool) -> list[Line]:
    """Measure one verb with both ways to send it."""
    batch, rounds = (200, 10) if quick else (1000, 30)
    with town(fsync=_FSYNC, sound=False) as place:
        first, second = (place.spawn(name, cli="noop") for name in ("a", "b"))
        task = place.add(agent=first)
        calls = (tasks.assign(task, agent) for agent in itertools.cycle((second, first)))
        place.run(next(calls))
        socket = place.serve().socket
        sha = str(place.command("SCRIPT", "LOAD", _EMPTY))
        verbs = (command_of(call, place.name, new_id(IdKind.OPERATION)) for call in calls)
        lines: list[Line] = []
        for what, size, send in (("pipelined", batch, pipeline(socket)), ("one by one", batch // 10, None)):
            sender = send or _one_by_one(place)

            def some(kind: str, size: int = size, sender: Sender = sender) -> float:
                commands = [_as(kind, next(verbs), sha) for _ in range(size)]
                began = time.perf_counter()
                replies = sender(commands)
                rate = size / (time.perf_counter() - began)
                must(len(replies) == size and _fine(kind, replies), f"a {kind} was refused: {replies[:1]}")
                return rate

            samples = in_turns({"verb": lambda: some("verb"), "empty": lambda: some("empty")}, rounds)
            lines.append(
                Line(
                    row="verbs",
                    what=f"assign per second, {what}",
                    unit="/s",
                    fsync=_FSYNC,
                    samples=samples["verb"],
                    against="an empty script with the same arguments",
                    reference=samples["empty"],
                    budgets=(Budget(figure="ratio", limit=0.5, least=True),),
                    done=f"each of {size * rounds} replies gave the task with its new agent",
                )
            )
        must(place.task(task).agent_id in {first, second}, "the task is assigned")
    return lines


def _as(kind: str, command: Command, sha: str) -> list[str]:
    words = [str(word) for word in command]
    return words if kind == "verb" else [words[0], sha, *words[2:]]


def _fine(kind: str, replies: Sequence[object]) -> bool:
    if kind == "empty":
        return all(reply == "" for reply in replies)
    return all(str(reply).startswith('{"task"') or '"task":' in str(reply) for reply in replies)


def _one_by_one(place: TestTown) -> Sender:
    """Send over one connection, each command after the reply to the one before."""
    import socket

    def send(commands: Sequence[Sequence[str]]) -> list[object]:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(place.serve().socket))
            return list(_replies(connection, commands))

    def _replies(connection: socket.socket, commands: Sequence[Sequence[str]]) -> Iterator[object]:
        reader = hiredis.Reader(encoding="utf-8")
        for command in commands:
            connection.sendall(_pack(tuple(command)))
            while (reply := reader.gets()) is False:
                reader.feed(connection.recv(65536))
            yield reply

    return send

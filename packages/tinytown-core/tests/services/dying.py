"""A program that restores or clears a town and is killed at one of its calls: ``dying.py TOWN FILE NUMBER WHEN``."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import attrs
from tinytown import Town
from tinytown.services.clearing import clear

SMALL = {"town_clear": 7, "town_export": 9}


class Dying:
    """A storage whose process is killed before or after a call; its parts are small, so that there are many."""

    def __init__(self, inner: Any, left: int, when: str) -> None:
        self._inner, self._left, self._when = inner, left, when

    def run(self, call: Any, *, operation: str | None = None) -> Any:
        if limit := SMALL.get(call.verb):
            call = attrs.evolve(call, args={**call.args, "limit": limit})
        if call.changes:
            self._left -= 1
        if self._left == 0 and self._when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = self._inner.run(call, operation=operation)
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def main() -> None:
    root, file, number, when = sys.argv[1:]
    with Town.open(root, unfinished=True) as town:
        town.storage = Dying(town.storage, int(number), when)
        if file == "-":
            town.run_steps(clear(town.context))
        else:
            town.restore(Path(file), force=True)


if __name__ == "__main__":
    main()

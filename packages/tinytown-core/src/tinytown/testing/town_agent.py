"""An agent CLI for tests: a program that runs the Python lines it is given, with words for what agents do.

`python -P -m tinytown.testing.town_agent FILE`. The lines may use: ``prompt`` (what came on standard input), ``run``
(which run of this file it is, from 1), ``task_id``, ``round_id``, ``agent``, ``reach(name)`` and ``hold(name)``
(pipes shared with the test), ``complete``, ``fail``, ``block``, ``send``, ``write``, ``commit``, ``sh`` and ``os``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, TypeVar

from tinytown.storage.protocol import Call, Storage

T = TypeVar("T")


class Words:
    """What the lines of an agent may say.

    Args:
        file: The lines; pipes and prompts lie in folders beside its own.
    """

    def __init__(self, file: Path) -> None:
        self.base = file.parent.parent
        self.raw = sys.stdin.buffer.read()
        self.run = self._count(file.stem)
        self.task_id = os.environ.get("TINYTOWN_TASK_ID", "")
        self.round_id = os.environ["TINYTOWN_ROUND_ID"]
        self.agent = os.environ["TINYTOWN_AGENT_NAME"]
        self._storage: Storage | None = None

    def _count(self, name: str) -> int:
        """Keep the prompt under the next free number; the rename makes the number visible with the whole text."""
        partial = self.base / "prompts" / f".{os.getpid()}"
        partial.write_bytes(self.raw)
        number = 1
        while True:
            try:
                os.link(partial, self.base / "prompts" / f"{name}.{number:04d}")
            except FileExistsError:
                number += 1
            else:
                partial.unlink()
                return number

    def reach(self, name: str) -> None:
        """Tell the test that this line is reached."""
        with (self.base / "pipes" / f"{name}.reached").open("wb", buffering=0) as pipe:
            pipe.write(b".")

    def hold(self, name: str) -> None:
        """Wait until the test lets go."""
        with (self.base / "pipes" / f"{name}.held").open("rb", buffering=0) as pipe:
            pipe.read(1)

    def call(self, call: Call[T]) -> T:
        """Make a call to the town, with the connection that the node left for its rounds."""
        if self._storage is None:
            self._storage = _open(Path(os.environ["TINYTOWN_TOWN"]))
        return self._storage.run(call)

    def complete(self, result: str = "done", task: str = "") -> Any:
        """Submit the task."""
        from tinytown.storage.calls import tasks

        return self.call(tasks.submit(task or self.task_id, result=result, round_id=self.round_id))

    def fail(self, reason: str = "no") -> Any:
        """Say that the task failed."""
        from tinytown.storage.calls import tasks

        return self.call(tasks.fail(self.task_id, reason, round_id=self.round_id))

    def block(self, reason: str = "needs_input: what now?") -> Any:
        """Ask a person."""
        from tinytown.storage.calls import tasks

        return self.call(tasks.block(self.task_id, reason, round_id=self.round_id))

    def send(self, to: str, body: str, **more: Any) -> Any:
        """Send mail."""
        from tinytown.domain.ids import IdKind, new_id
        from tinytown.storage.calls import mail

        return self.call(mail.send(new_id(IdKind.MESSAGE), to, body, round_id=self.round_id, **more))

    def write(self, path: str, text: str) -> None:
        """Write a file of the workspace."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def sh(self, command: str) -> None:
        """Run a shell command that must succeed."""
        subprocess.run(["/bin/sh", "-c", command], check=True, stdin=subprocess.DEVNULL)

    def commit(self, path: str = "work.txt", text: str = "work\n") -> None:
        """Write a file and commit it."""
        self.write(path, text)
        subprocess.run(["git", "add", "--", path], check=True)
        subprocess.run(["git", "commit", "-q", "-m", f"{path} in {self.round_id}", "--", path], check=True)


def _open(root: Path) -> Storage:
    from tinytown.config.connection import read_connection
    from tinytown.config.paths import TownPaths
    from tinytown.config.town import load_town
    from tinytown.storage.embedded.server import ensure_server
    from tinytown.storage.redis.plugin import open_sync

    paths = TownPaths(root)
    connection = read_connection(paths)
    if connection is None:
        raise SystemExit("the node left no connection")
    url = ensure_server(paths, may_start=False).url if connection.embedded else connection.url
    return open_sync(url, load_town(paths.node_settings).name)


def main() -> None:
    """Run the lines."""
    file = Path(sys.argv[1])
    words = Words(file)
    names = {name: getattr(words, name) for name in dir(words) if not name.startswith("_")}
    names |= {"prompt": words.raw.decode("utf-8", "replace"), "os": os, "sys": sys, "time": time}
    names |= {"subprocess": subprocess, "Path": Path, "words": words}
    exec(compile(file.read_text(), str(file), "exec"), names)  # noqa: S102 - the lines of the test's own agent


if __name__ == "__main__":
    main()

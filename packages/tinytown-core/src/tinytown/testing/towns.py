"""Throw-away towns for tests: a real node, a real server, agents that are small programs, and nothing left behind.

::

    with towns.town(tmp_path, {"w1": "complete('done')"}) as town:
        town.start()
        task = town.add("fix it", agent=town.spawn("w1"))
        assert town.until(task, "completed").result == "done"

At its end the town is stopped and its records are compared with its indexes; every process that its rounds started
must be gone. Processes are only ever ended by an id that the town itself keeps on record.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

from tinytown.config.paths import TownPaths, UserPaths
from tinytown.domain.ids import IdKind, new_id
from tinytown.domain.records import Agent, Gate, Message, Round, Task
from tinytown.node import control, processes
from tinytown.node.environment import capture, write_agent_env
from tinytown.node.launch import files
from tinytown.storage.calls import agents, mail, tasks
from tinytown.storage.calls import town as town_calls
from tinytown.storage.embedded.server import EmbeddedServer, ensure_server, lock_held, stop_server
from tinytown.storage.embedded.settings import Fsync
from tinytown.storage.protocol import Call, Storage
from tinytown.storage.redis.plugin import open_sync
from tinytown.testing.pipes import Pipes

T = TypeVar("T")

DEADLINE_SECS = 50.0
"""How long anything may take, on a machine that is busy with other tests."""
PAUSE_SECS = 0.01
_NAME = "town"


class TestTown:
    """One town in a folder of a test. Make it with `town`."""

    __test__ = False

    def __init__(self, base: Path, *, env: Mapping[str, str], socket: Path | None = None) -> None:
        self.base = base
        self.root = base / _NAME
        self.paths = TownPaths(self.root)
        self.env = {"PATH": os.environ["PATH"], "HOME": str(base), "TINYTOWN_HOME": str(base / "home"), **env}
        self.name = _NAME
        self.fsync = Fsync.ALWAYS
        self.socket = socket
        self.python = sys.executable
        if socket is not None:
            self.env["TINYTOWN_REDIS_URL"] = f"unix://{socket}"
        self.process: subprocess.Popen[bytes] | None = None
        self._pipes = Pipes(base / "pipes")
        self._storage: Storage | None = None

    # The folder

    def define(self, scripts: Mapping[str, str], config: str, options: Mapping[str, str], *, fsync: str) -> None:
        """Write the agents and `tinytown.toml`."""
        self.fsync = Fsync(fsync)
        for folder in ("agents", "pipes", "prompts", "home"):
            (self.base / folder).mkdir(exist_ok=True)
        text = [f'name = "{_NAME}"', config, "[redis]", f'fsync = "{fsync}"']
        for name, script in scripts.items():
            text += [f"[agent_clis.{name}]", options.get(name, "")]
            if "command" not in options.get(name, ""):
                file = self.base / "agents" / f"{name}.py"
                file.write_text(script)
                text.append(f'command = "{sys.executable} -P -m tinytown.testing.town_agent {file}"')
            self._pipes.for_lines(script)
        self.paths.config.write_text("\n".join(text) + "\n")

    def git(self, *words: str) -> str:
        """Run git in the town and give what it printed."""
        done = subprocess.run(
            ["git", *words], cwd=self.root, env=self.env, check=True, capture_output=True, stdin=subprocess.DEVNULL
        )
        return done.stdout.decode().rstrip("\n")

    # Server and storage

    def serve(self) -> EmbeddedServer:
        """Start the town's own server if it does not run."""
        return ensure_server(self.paths, fsync=self.fsync, env=self.env, user=UserPaths(self.base / "home"))

    @property
    def storage(self) -> Storage:
        """A client of the town."""
        if self._storage is None:
            self._storage = open_sync(f"unix://{self.socket}" if self.socket else self.serve().url, _NAME)
        return self._storage

    def run(self, call: Call[T]) -> T:
        """Make a call."""
        return self.storage.run(call)

    def command(self, *words: object) -> Any:
        """Send one command to the server, past all verbs."""
        from tinytown.testing.raw import pipeline

        return pipeline(self.socket or self.serve().socket)([[str(word) for word in words]])[0]

    # The node

    def start(self, *, wait: bool = True, **env: str) -> subprocess.Popen[bytes]:
        """Start a node as a child of the test, with more variables, and wait until it has joined."""
        with self.paths_log().open("ab") as log:
            self.process = subprocess.Popen(
                [self.python, "-P", "-m", "tinytown.node", "--town", str(self.root)],
                env={**self.env, **env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if wait:
            self.ready()
        return self.process

    def paths_log(self) -> Path:
        """Where the node writes to; its folder is made."""
        self.paths.node_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.paths.dot.chmod(0o700)
        return self.paths.node_log

    def ready(self) -> None:
        """Wait until the node has joined."""
        process = self.process
        if process is None:
            raise AssertionError("no node was started")
        self.wait(lambda: process.poll() is not None or control.node_ready(self.paths), "the node joins")
        if process.poll() is not None:
            raise AssertionError(f"the node ended with {process.returncode}:\n{self.log()}")

    def log(self) -> str:
        """What the nodes of this town have said."""
        return self.paths.node_log.read_text() if self.paths.node_log.exists() else ""

    def kill(self) -> None:
        """End the node as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self, *, timeout: float = 10.0, now: bool = True) -> int | None:
        """Stop the node in order; gives its exit code."""
        if self.process is None:
            return None
        control.stop_node(self.paths, timeout=timeout, now=now)
        return self.process.wait(DEADLINE_SECS)

    # Verbs

    @property
    def node_id(self) -> str:
        """Id of the town's node."""
        return control.node_identity(self.paths)

    def spawn(self, name: str, *, cli: str | None = None, env: Mapping[str, str] | None = None, **more: Any) -> str:
        """Register an agent whose CLI has its name if no other is given; gives its id."""
        ref = new_id(IdKind.AGENT)
        write_agent_env(
            self.paths, ref, capture({**self.env, **(env or {})}, adapter_names=tuple(env or ()), pass_env=None)
        )
        return self.run(agents.spawn(ref, name, cli=cli or name, node=self.node_id, **more)).agent.id

    def add(self, text: str = "do it", *, agent: str | None = None, gates: Sequence[Gate] = (), **more: Any) -> str:
        """Add a task; gives its id."""
        return self.run(tasks.add(new_id(IdKind.TASK), text, agent=agent, gates=gates, **more)).task.id

    def send(self, to: str, body: str, **more: Any) -> str:
        """Send mail as a person; gives its id."""
        return self.run(mail.send(new_id(IdKind.MESSAGE), to, body, **more)).message.id

    def task(self, ref: str) -> Task:
        """Look at a task."""
        return cast("Task", self.run(town_calls.show(ref, "task")).record)

    def agent(self, ref: str) -> Agent:
        """Look at an agent."""
        return cast("Agent", self.run(town_calls.show(ref, "agent")).record)

    def message(self, ref: str) -> Message:
        """Look at a message."""
        return cast("Message", self.run(town_calls.show(ref, "message")).record)

    def rounds(self, agent: str) -> list[Round]:
        """List the work rounds of an agent, oldest first."""
        found = self.run(agents.rounds(agent)).items
        return sorted(found, key=lambda item: item.number)

    def run_live(self) -> int:
        """Count the rounds that go on, gates included."""
        return self.run(town_calls.status(limit=1)).live

    def events(self, *kinds: str) -> list[Mapping[str, str]]:
        """List what happened, of some types or all."""
        entries = self.storage.read_stream("events", after="0", limit=5000)
        return [dict(fields) for _ref, fields in entries if not kinds or fields["type"] in kinds]

    def prompts(self, name: str) -> list[bytes]:
        """List what the runs of an agent's program found on standard input, oldest first."""
        return [file.read_bytes() for file in sorted((self.base / "prompts").glob(f"{name}.*"))]

    # Waiting

    def wait(self, true: Callable[[], T], what: str, *, secs: float = DEADLINE_SECS) -> T:
        """Wait until something outside the town's records is true."""
        ends = time.monotonic() + secs
        while not (found := true()):
            if time.monotonic() > ends:
                raise AssertionError(f"waited {secs:g} s in vain until {what}\n{self.log()[-3000:]}")
            time.sleep(PAUSE_SECS)
        return found

    def facts(self, true: Callable[[], T], what: str, *, secs: float = DEADLINE_SECS) -> T:
        """Wait until the records say something, and look again at each event."""
        ends = time.monotonic() + secs
        position = self.storage.newest_id("events")
        while not (found := true()):
            left = ends - time.monotonic()
            if left <= 0:
                raise AssertionError(f"waited {secs:g} s in vain until {what}\n{self.log()[-3000:]}")
            entries = self.storage.read_stream(
                "events", after=position, limit=500, block_ms=int(min(left, 0.5) * 1000) + 1
            )
            position = entries[-1][0] if entries else position
        return found

    def until(self, ref: str, *states: str, secs: float = DEADLINE_SECS) -> Task:
        """Wait until a task is in one of some states."""

        def look() -> Task | None:
            found = self.task(ref)
            return found if found.state in states else None

        found = self.facts(look, f"{ref} is {' or '.join(states)}; it is {self._say(ref)}", secs=secs)
        if found is None:
            raise AssertionError(ref)
        return found

    def _say(self, ref: str) -> str:
        return str(self.task(ref).state)

    def happened(self, kind: str, *, count: int = 1, secs: float = DEADLINE_SECS, **fields: str) -> None:
        """Wait until something has happened, perhaps several times."""

        def look() -> bool:
            found = [e for e in self.events(kind) if all(e.get(name) == value for name, value in fields.items())]
            return len(found) >= count

        self.facts(look, f"{kind} happens", secs=secs)

    def reached(self, name: str, *, secs: float = DEADLINE_SECS) -> None:
        """Wait until an agent has reached a line."""
        if not self._pipes.reached(name, secs):
            raise AssertionError(f"no agent reached `{name}`\n{self.log()[-3000:]}")

    def release(self, name: str) -> None:
        """Let one agent that holds go on."""
        self._pipes.release(name)

    # Processes

    def owner(self, round_id: str) -> processes.Identity:
        """The shim of a round."""
        claim = self.wait(lambda: files.read_claim(self.paths.round_dir(round_id)), "the round is claimed")
        if claim is None:
            raise AssertionError(round_id)
        return claim.owner

    def cli(self, round_id: str) -> processes.Identity:
        """The process of a round's agent CLI."""
        found = self.wait(lambda: files.read_cli(self.paths.round_dir(round_id)), "the CLI is on record")
        if found is None:
            raise AssertionError(round_id)
        return found

    def marked(self) -> list[processes.ProcessInfo]:
        """List the processes that carry the mark of a round of this town."""
        rounds = [folder.name for folder in self.paths.rounds_dir.glob("r-*")]
        table = processes.table().values()
        mine = [row for row in table if row.pid != os.getpid()]
        return [row for row in mine if any(processes.carries(row.pid, f"{files.MARK}={ref}") for ref in rounds)]

    # The end

    def check(self) -> list[str]:
        """Compare the records with the indexes; an empty list is a sound town."""
        from tinytown.testing import dumps, invariants
        from tinytown.testing.raw import pipeline

        return invariants.check(dumps.of_server(pipeline(self.socket or self.serve().socket), _NAME))

    def move(self, name: str) -> None:
        """Rename the town's folder, with its node and server ended before."""
        self.kill()
        self.close()
        self.root = self.root.rename(self.base / name)
        self.paths = TownPaths(self.root)

    def close(self) -> None:
        """Let go of the server, and end it."""
        if self._storage is not None:
            self._storage.close()
            self._storage = None
        if lock_held(self.paths):
            stop_server(self.paths)

    def demand_sound(self) -> None:
        """Fail unless the records fit the indexes."""
        broken = self.check()
        if broken:
            raise AssertionError("\n".join(broken))

    def clear(self) -> list[str]:
        """End everything; gives what was still there although the town had stopped."""
        left: list[str] = []
        with contextlib.suppress(Exception):
            self.stop()
        self.kill()
        for row in self.marked():
            left.append(f"{row.pid} {row.name}")
            processes.send(row.identity, signal.SIGKILL)
        for started in self.paths.rounds_dir.glob("r-*"):
            with contextlib.suppress(ValueError, KeyError):
                claim = files.read_claim(started)
                if claim is not None and claim.owner.pid not in {0, os.getpid()} and processes.alive(claim.owner):
                    left.append(f"shim {claim.owner.pid}")
                    processes.send(claim.owner, signal.SIGKILL)
        self._pipes.close()
        self.close()
        return left


@contextlib.contextmanager
def town(
    base: Path,
    scripts: Mapping[str, str] | None = None,
    *,
    config: str = "",
    options: Mapping[str, str] | None = None,
    git: bool = True,
    env: Mapping[str, str] | None = None,
    fsync: str = "everysec",
    socket: Path | None = None,
    sound: bool = True,
    python: Path | None = None,
) -> Generator[TestTown]:
    """Make a town, and end it without a trace.

    Args:
        base: An empty folder; the town is a folder in it.
        scripts: Lines of agents (see `tinytown.testing.town_agent`) by the name of their CLI.
        config: Text at the top of `tinytown.toml`: keys first, then tables.
        options: More lines of a CLI's table, by its name; with a `command` it is used instead of the lines.
        git: Make the town a repository with one commit.
        env: More variables for the node and for what `spawn` hands over.
        fsync: When its server writes to the disk.
        socket: Use the server that listens there in place of one of its own.
        sound: Check at the end that the records fit the indexes and that no process is left.
        python: What runs the node; the test's own Python when None.
    """
    found = TestTown(base, env=env or {}, socket=socket)
    found.python = str(python or sys.executable)
    found.root.mkdir()
    found.define(scripts or {}, config, options or {}, fsync=fsync)
    if git:
        (found.root / ".gitignore").write_text(".tt/\n")
        found.git("init", "-q", "-b", "main")
        found.git("config", "user.name", "Tester")
        found.git("config", "user.email", "tester@localhost")
        found.git("add", "-A")
        found.git("commit", "-q", "-m", "first")
    try:
        yield found
        if sound:
            found.stop()
            found.demand_sound()
    except BaseException:
        found.clear()
        raise
    left = found.clear()
    if sound and left:
        raise AssertionError(f"left behind: {left}")
    shutil.rmtree(found.root, ignore_errors=True)

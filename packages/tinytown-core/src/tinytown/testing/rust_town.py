"""Writes a town as the Rust program keeps it, in its present form and its older ones, for tests of bringing it over."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import attrs

from tinytown.testing.servers import TestServer

SUPERVISOR = "00000000-0000-0000-0000-000000000001"


def uuid(number: int) -> str:
    """Give a UUID that a test can recognise."""
    return f"00000000-0000-4000-8000-{number:012x}"


@attrs.frozen
class RustTown:
    """Hands on the keys of one old town.

    Attributes:
        server: Where it lies.
        name: Its name.
        isolated: Whether the keys carry the name; those of the first versions do not.
    """

    server: TestServer
    name: str = "old"
    isolated: bool = True

    def key(self, rest: str) -> str:
        """Give a whole key."""
        return f"tt:{self.name}:{rest}" if self.isolated else f"tt:{rest}"

    def record(self, kind: str, number: int, *, as_json: bool = False, **fields: Any) -> str:
        """Write an agent or a task, as a hash or as the older JSON text; gives its UUID."""
        ref = uuid(number)
        times = {"agent": ("created_at", "last_heartbeat"), "task": ("created_at", "updated_at")}[kind]
        whole = {"id": ref, **dict.fromkeys(times, f"2024-05-01T12:00:{number % 60:02}.123456789Z"), **fields}
        if as_json:
            self.server.command("SET", self.key(f"{kind}:{ref}"), json.dumps(whole))
        else:
            flat = [word for name, value in whole.items() for word in (name, _flat(value))]
            self.server.command("HSET", self.key(f"{kind}:{ref}"), *flat)
        return ref

    def agent(self, number: int, name: str, **fields: Any) -> str:
        """Write an agent."""
        given: dict[str, Any] = {"name": name, "state": "idle", "cli": "claude", **fields}
        return self.record("agent", number, **given)

    def task(self, number: int, description: str, state: str = "pending", **fields: Any) -> str:
        """Write a task."""
        given: dict[str, Any] = {"description": description, "state": state, "tags": [], **fields}
        return self.record("task", number, **given)

    def backlog(self, *refs: str) -> None:
        """Put tasks into the backlog."""
        self.server.command("RPUSH", self.key("backlog"), *refs)

    def message(
        self, number: int, to: str, type_: str, *, urgent: bool = False, sender: str = "", **fields: Any
    ) -> str:
        """Put a message into an inbox, or in front of the urgent one."""
        ref = uuid(number)
        whole = {
            "id": ref,
            "from": sender or SUPERVISOR,
            "to": to,
            "type": type_,
            "priority": "normal",
            "created_at": "2024-05-01T13:00:00Z",
            "correlation_id": None,
            **fields,
        }
        lane, push = ("urgent", "LPUSH") if urgent else ("inbox", "RPUSH")
        self.server.command(push, self.key(f"{lane}:{to}"), json.dumps(whole))
        return ref

    def mission(self, number: int, items: Sequence[dict[str, Any]] = (), **fields: Any) -> str:
        """Write a mission with its work items."""
        ref = uuid(number)
        run: dict[str, Any] = {
            "id": ref,
            "objective_refs": [{"type": "doc", "path": "plan.md"}],
            "state": "running",
            **fields,
        }
        self.server.command("SET", self.key(f"mission:{ref}"), json.dumps(run))
        for item in items:
            whole: dict[str, Any] = {
                "mission_id": ref,
                "kind": "implement",
                "status": "pending",
                "depends_on": [],
                **item,
            }
            self.server.command("HSET", self.key(f"mission:{ref}:work"), str(item["id"]), json.dumps(whole))
        self.server.command("SADD", self.key("mission:active"), ref)
        return ref

    def dump(self) -> dict[str, object]:
        """Give every key with what the server would write of it, to see that nothing was touched."""
        found = self.server.command("KEYS", "tt:*")
        if not isinstance(found, list):
            raise TypeError(f"KEYS answered {found!r}")
        old = sorted(str(key) for key in found if not str(key).startswith("tt:{"))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        return {key: (self.server.command("DUMP", key), self.server.command("PTTL", key)) for key in old}


def _flat(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)

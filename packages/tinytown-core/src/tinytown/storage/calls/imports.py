"""Calls that take over records from elsewhere. All are repeatable: what is there already stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinytown.domain.records import Agent, Message, Task
from tinytown.storage import codec
from tinytown.storage.calls._make import SETTLING, change, query, rows, strings
from tinytown.storage.protocol import Answer, Call

MAX_IDS = 500
"""How many ids one question may name."""


def known(ids: Sequence[str]) -> Call[tuple[str, ...]]:
    """Say which of at most `MAX_IDS` ids are taken."""
    return query("import_known", {"ids": list(ids) or None}, lambda answer: strings(answer.get("known")))


def agent(
    ref: str,
    name: str,
    *,
    cli: str,
    role: str,
    node: str,
    created_at: int,
    last_active_at: int,
    nickname: str | None = None,
    parent: str | None = None,
    tasks_completed: int = 0,
    rounds_completed: int = 0,
    by: str = "import",
) -> Call[tuple[Agent, bool]]:
    """Register a stopped agent. Answers with it, and whether it is new.

    Args:
        ref: Its id, derived from where it came from.
        name: Its name here; refused when another agent has it.
        cli: The agent CLI that runs it.
        role: Its role.
        node: The node that will run it once it is restarted.
        created_at: When it was made, in milliseconds.
        last_active_at: When it last did something.
        nickname: A second name; refused when another agent has it.
        parent: Id of the agent it works for; left out where that one is not there.
        tasks_completed: How many tasks it has completed.
        rounds_completed: How many rounds it has had.
        by: Who imports.
    """
    args = {
        "id": ref,
        "name": name,
        "cli": cli,
        "role": role,
        "node": node,
        "created_at": created_at,
        "last_active_at": last_active_at,
        "nickname": nickname,
        "parent": parent,
        "tasks_completed": tasks_completed or None,
        "rounds_completed": rounds_completed or None,
        "by": by,
    }
    return change("agent_import", args, lambda answer: (codec.record(Agent, answer["agent"]), _made(answer)))


def task(
    ref: str,
    description: str,
    *,
    state: str,
    created_at: int,
    updated_at: int,
    agent: str | None = None,
    role: str | None = None,
    tags: Sequence[str] = (),
    depends_on: Sequence[str] = (),
    parent: str | None = None,
    result: str | None = None,
    reason: str | None = None,
    started_at: int = 0,
    closed_at: int = 0,
    by: str = "import",
) -> Call[tuple[Task, bool]]:
    """Add a task in the state it had. Answers with it, and whether it is new.

    Args:
        ref: Its id, derived from where it came from.
        description: What is to be done.
        state: ``pending`` (also for an assigned or waiting one: agent and dependencies decide), ``blocked`` or closed.
        created_at: When it was made, in milliseconds.
        updated_at: When it last changed.
        agent: Id of its agent; one that is not there or was removed leaves the task in the backlog.
        role: Role that it asks for.
        tags: Its tags.
        depends_on: Ids of tasks it waits for; those that are not there are left out.
        parent: Id of the task it belongs to; left out where that one is not there.
        result: What came of it.
        reason: Why it is blocked, failed or cancelled.
        started_at: When it was begun; 0 for never.
        closed_at: When it was closed, for a closed one.
        by: Who imports.
    """
    args: dict[str, Any] = {
        "id": ref,
        "description": description,
        "state": state,
        "created_at": created_at,
        "updated_at": updated_at,
        "agent": agent,
        "role": role,
        "tags": list(tags) or None,
        "depends_on": list(depends_on) or None,
        "parent": parent,
        "result": result,
        "reason": reason,
        "started_at": started_at or None,
        "closed_at": closed_at or None,
        "by": by,
    }
    return change(
        "task_import",
        args,
        lambda answer: (codec.record(Task, answer["task"]), _made(answer)),
        allowed={**rows("task", "submit", "fail", "cancel"), **SETTLING},
    )


def message(
    ref: str,
    to: str,
    body: str,
    *,
    sender: str,
    kind: str,
    created_at: int,
    urgent: bool = False,
    from_id: str | None = None,
    by: str = "import",
) -> Call[tuple[Message, bool]]:
    """Put an unread message into its reader's lane. Answers with it, and whether it is new.

    Args:
        ref: Its id, derived from where it came from.
        to: Id of its reader.
        body: Its text.
        sender: Who wrote it, as people see it.
        kind: ``task``, ``query``, ``info`` or ``ack``.
        created_at: When it was written, in milliseconds.
        urgent: Whether it goes before other mail.
        from_id: Id of the agent that wrote it.
        by: Who imports.
    """
    args = {
        "id": ref,
        "to": to,
        "body": body,
        "sender": sender,
        "kind": kind,
        "created_at": created_at,
        "urgent": urgent or None,
        "from_id": from_id,
        "by": by,
    }
    return change("message_import", args, lambda answer: (codec.record(Message, answer["message"]), _made(answer)))


def _made(answer: Answer) -> bool:
    return bool(answer.get("made"))

"""Calls that take back what ended agents hold. Each names the holder, so that what has moved on is left alone."""

from __future__ import annotations

from collections.abc import Sequence

from tinytown.domain.records import Message, Task
from tinytown.storage import codec
from tinytown.storage.calls._make import SETTLING, change, rows
from tinytown.storage.protocol import Call

MOVED_AT_ONCE = 100
"""How many messages one call moves at most, so that no script takes long."""


def move_mail(
    holder: str, to: str, messages: Sequence[str], *, round_id: str | None = None, by: str | None = None
) -> Call[tuple[Message, ...]]:
    """Give mail that waits for an ended agent to another one, or to the conductor; says which it was.

    Args:
        holder: Id of the agent that has ended.
        to: Who gets it.
        messages: Ids, at most `MOVED_AT_ONCE`; those that no longer wait for the holder are left alone.
        round_id: The live round that asks, which is refused.
        by: Who asks.
    """
    args = {"holder": holder, "to": to, "messages": list(messages)[:MOVED_AT_ONCE], "round_id": round_id, "by": by}
    return change("mail_move", args, lambda answer: codec.records(Message, answer.get("messages")))


def message_to_task(
    message: str, holder: str, *, round_id: str | None = None, by: str | None = None
) -> Call[Task | None]:
    """Make a task of the backlog out of a message that asked an ended agent for work; None if it waits no more."""
    args = {"message": message, "holder": holder, "round_id": round_id, "by": by}
    return change("message_to_task", args, lambda answer: codec.optional(Task, answer.get("task")))


def reclaim_task(
    task: str,
    holder: str,
    verb: str,
    *,
    agent: str | None = None,
    reason: str | None = None,
    round_id: str | None = None,
    by: str | None = None,
) -> Call[Task | None]:
    """Take a task from an ended agent; None if it waits for that agent no more.

    Args:
        task: The task.
        holder: Id of the agent that has ended, or is not on record.
        verb: ``assign``, ``requeue`` or ``cancel``.
        agent: To whom it is assigned.
        reason: Why it is cancelled.
        round_id: The live round that asks, which is refused.
        by: Who asks.
    """
    args = {
        "task": task,
        "holder": holder,
        "verb": verb,
        "agent": agent,
        "reason": reason,
        "round_id": round_id,
        "by": by,
    }
    return change(
        "task_reclaim",
        args,
        lambda answer: codec.record(Task, answer["task"]) if answer.get("done") else None,
        allowed={**rows("task", "assign", "requeue", "cancel"), **SETTLING},
    )


def delete_task(
    task: str,
    seen: int,
    *,
    holder: str | None = None,
    reason: str | None = None,
    round_id: str | None = None,
    by: str | None = None,
) -> Call[str]:
    """Take a closed task off the books, or with ``holder`` one that an ended agent left; gives its id.

    Args:
        task: The task.
        seen: Its ``updated_at`` when it was looked at; one that has changed since is kept.
        holder: Id of the ended agent, to cancel an open task first.
        reason: Why it is cancelled.
        round_id: The live round that asks, which is refused.
        by: Who asks.
    """
    args = {"task": task, "seen": seen, "holder": holder, "reason": reason, "round_id": round_id, "by": by}
    return change("task_delete", args, lambda answer: str(answer["id"]), allowed={**rows("task", "cancel"), **SETTLING})

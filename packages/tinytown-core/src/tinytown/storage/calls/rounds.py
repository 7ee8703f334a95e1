"""Calls of the node about rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from tinytown.domain import outcomes
from tinytown.domain.records import Agent, Gate, Message, Round, Task
from tinytown.storage import codec
from tinytown.storage.calls._make import SETTLING, change, rows
from tinytown.storage.calls.answers import Bundle, Ended
from tinytown.storage.protocol import Answer, Call

MAIL_BUDGET_BYTES = 96 * 1024
INLINE_BYTES = 16 * 1024
"""A larger body goes into a file beside the prompt and counts only this much."""
MAIL_ROUNDS_PER_HOUR = 20

_APPLYING = {**rows("task", "assign", "requeue", "cancel", "fail", "submit", "release", "reject", "pass"), **SETTLING}

_LIMITS = {
    "rejections": outcomes.MAX_REJECTIONS,
    "reminders": outcomes.MAX_REMINDERS,
    "crashes": outcomes.MAX_CRASHES,
    "contexts": outcomes.MAX_CONTEXTS,
    "deliveries": outcomes.MAX_DELIVERIES,
    "gate_tries": outcomes.MAX_GATE_TRIES,
    "backoff_ms": outcomes.BACKOFF_MS,
    "max_backoff_ms": outcomes.MAX_BACKOFF_MS,
}


@attrs.frozen(kw_only=True)
class RoundReport:
    """What the node found at the end of a round. Tokens and money are of this round alone.

    Attributes:
        outcome: A value of `tinytown.domain.outcomes.Outcome`.
        detail: A sentence: the question, the error, the limit.
        verdict: What the node says for an agent CLI that cannot run commands, as the agent would have.
        retry_ms: When a limit resets, in milliseconds from now.
        uncommitted: Changed files that no commit holds, where gates need one.
        gates: The gates that apply if the task was submitted.
        forget_session: The CLI's conversation cannot be resumed.
        session_usage: The conversation's running totals, to subtract at its next round.
        shown: Where mail stood in the prompt: ``at`` holds line and byte offset by message, ``after_ms`` when, counted
            from the beginning of the round. None where the prompt was not read by anybody.
    """

    outcome: str
    detail: str | None = None
    exit_code: int | None = None
    session_id: str | None = None
    forget_session: bool = False
    session_usage: Mapping[str, Any] | None = None
    head_before: str | None = None
    head_after: str | None = None
    branch: str | None = None
    log: str | None = None
    workspace: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_micros: int | None = None
    verdict: Mapping[str, Any] | None = None
    retry_ms: int | None = None
    uncommitted: Sequence[str] = ()
    gates: Sequence[Gate] = ()
    shown: Mapping[str, Any] | None = None


def _bundle(answer: Answer) -> Bundle:
    if answer.get("nothing"):
        return Bundle(nothing=answer["nothing"])
    return Bundle(
        round=codec.record(Round, answer["round"]),
        agent=codec.optional(Agent, answer.get("agent")),
        task=codec.optional(Task, answer.get("task")),
        messages=codec.records(Message, answer.get("messages")),
        backlog=codec.records(Task, answer.get("backlog")),
    )


def _ended(answer: Answer) -> Ended:
    return Ended(
        round=codec.record(Round, answer["round"]),
        task=codec.optional(Task, answer.get("task")),
        agent=codec.optional(Agent, answer.get("agent")),
    )


def take(
    round_id: str,
    agent_id: str,
    *,
    node_id: str,
    nonce: str,
    max_rounds_per_task: int = 10,
    budget_bytes: int = MAIL_BUDGET_BYTES,
    mail_rounds_per_hour: int = MAIL_ROUNDS_PER_HOUR,
    max_tokens: int | None = None,
    max_micros: int | None = None,
) -> Call[Bundle]:
    """Begin a round for an agent. The same round id gives the same bundle again.

    Args:
        round_id: The round.
        agent_id: Whose.
        node_id: The node that will run it.
        nonce: The node's life.
        max_rounds_per_task: A task that took so many is blocked.
        budget_bytes: How much mail goes into a prompt.
        mail_rounds_per_hour: How many rounds without a task an agent may have.
        max_tokens: What the whole town may spend; None for no limit.
        max_micros: The same in millionths of a dollar.
    """
    args = {
        "round_id": round_id,
        "agent_id": agent_id,
        "node_id": node_id,
        "nonce": nonce,
        "max_rounds_per_task": max_rounds_per_task,
        "budget_bytes": budget_bytes,
        "inline_bytes": INLINE_BYTES,
        "mail_rounds_per_hour": mail_rounds_per_hour,
        "max_backoff_ms": outcomes.MAX_BACKOFF_MS,
        "max_tokens": max_tokens,
        "max_micros": max_micros,
    }
    return change("round_take", args, _bundle, allowed=rows("task", "start", "block"), natural=True)


def end(round_id: str, report: RoundReport, *, node_id: str, nonce: str, heard: str | None = None) -> Call[Ended]:
    """Record the end of a round and apply what was said in it. The same end again changes nothing.

    Args:
        round_id: The round.
        report: What the node found.
        node_id: The node that ran it.
        nonce: The node's life.
        heard: The verb by which, as far as the node knows, the round spoke of its task; empty for none. If it said
            something else the end is refused as ``unheard``, since the report may depend on it. None: it does not.
    """
    fields = attrs.asdict(report, recurse=False)
    fields["uncommitted"] = list(report.uncommitted) or None
    fields["gates"] = [attrs.asdict(gate) for gate in report.gates] or None
    fields["verdict"] = dict(report.verdict) if report.verdict else None
    fields["session_usage"] = dict(report.session_usage) if report.session_usage else None
    fields["shown"] = dict(report.shown) if report.shown else None
    fields["forget_session"] = report.forget_session or None
    args = {**fields, "round_id": round_id, "node_id": node_id, "nonce": nonce, "heard": heard, "limits": _LIMITS}
    return change("round_end", args, _ended, allowed=_APPLYING, natural=True)


def gate_take(
    round_id: str, task_id: str, *, node_id: str, nonce: str, head: str | None = None, workspace: str | None = None
) -> Call[Bundle]:
    """Begin the next gate of a task that verifies, for a commit."""
    args = {
        "round_id": round_id,
        "task_id": task_id,
        "node_id": node_id,
        "nonce": nonce,
        "head": head,
        "workspace": workspace,
        "max_backoff_ms": outcomes.MAX_BACKOFF_MS,
    }
    return change("gate_take", args, _bundle, natural=True)


def gate_end(
    round_id: str,
    result: str,
    *,
    node_id: str,
    nonce: str,
    outcome: str,
    exit_code: int | None = None,
    detail: str | None = None,
    findings: str | None = None,
    evidence: Mapping[str, Any] | None = None,
    log: str | None = None,
    workspace: str | None = None,
) -> Call[Ended]:
    """Record how a gate ended.

    Args:
        round_id: The gate's round.
        result: ``pass``, ``reject``, ``unavailable`` (it could not run) or ``lost`` (run it again, nobody's fault).
        node_id: The node that ran it.
        nonce: The node's life.
        outcome: How its process ended.
        exit_code: Of the command.
        detail: Why it could not run.
        findings: What goes back to the author.
        evidence: What is kept of a gate that passed.
        log: Where its output is.
        workspace: Where it ran.
    """
    args = {
        "round_id": round_id,
        "result": result,
        "node_id": node_id,
        "nonce": nonce,
        "outcome": outcome,
        "exit_code": exit_code,
        "detail": detail,
        "findings": findings,
        "evidence": dict(evidence) if evidence else None,
        "log": log,
        "workspace": workspace,
        "limits": _LIMITS,
    }
    return change("gate_end", args, _ended, allowed=_APPLYING, natural=True)

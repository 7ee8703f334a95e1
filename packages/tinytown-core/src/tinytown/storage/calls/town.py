"""Calls about the town as a whole, and the queries that look across records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tinytown.domain.records import Agent, Attention, Node, Round, Task
from tinytown.storage import codec
from tinytown.storage.calls._make import SETTLING, change, page, query, rows, strings
from tinytown.storage.calls.answers import Overview, Page, Shown, WaitFacts, WhyFacts
from tinytown.storage.protocol import Answer, Call

MAX_EVENTS = 100_000


def claim(
    name: str, instance: str, *, max_events: int = MAX_EVENTS, replace: bool = False, unfinished: bool = False
) -> Call[bool]:
    """Say that a folder is the town of this name. Answers whether it is new.

    Args:
        name: Name of the town.
        instance: Id of the folder.
        max_events: How many events are kept.
        replace: Take it over from another folder.
        unfinished: Though a restore or a reset of it was interrupted; for those who go on with it.
    """
    args = {
        "name": name,
        "instance": instance,
        "max_events": max_events,
        "replace": replace or None,
        "unfinished": unfinished or None,
    }
    return change("town_claim", args, lambda answer: bool(answer.get("created")), natural=True)


def show(ref: str, kind: str | None = None) -> Call[Shown]:
    """Show a record of any kind with its history."""

    def decode(answer: Answer) -> Shown:
        found = answer["kind"]
        return Shown(kind=found, record=codec.record(codec.KINDS[found], answer["record"]), history=_history(answer))

    return query("show", {"ref": ref, "kind": kind}, decode)


def _history(answer: Answer) -> tuple[Mapping[str, Any], ...]:
    return tuple(answer.get("history") or ())


def status(*, limit: int = 100) -> Call[Overview]:
    """Count everything."""

    def decode(answer: Answer) -> Overview:
        return Overview(
            town=answer.get("town") or {},
            tasks={state: int(count) for state, count in answer["tasks"].items()},
            agents_total=int(answer["agents_total"]),
            agents=codec.records(Agent, answer.get("agents")),
            nodes=codec.records(Node, answer.get("nodes")),
            attention_total=int(answer["attention_total"]),
            attention=codec.records(Attention, answer.get("attention")),
            conductor_mail=int(answer["conductor_mail"]),
            live=int(answer["live"]),
        )

    return query("status", {"limit": limit}, decode)


def wait_facts(
    ref: str,
    *,
    local: str | None = None,
    runs: bool = False,
    lost_ms: int = 45_000,
    apart: Sequence[str] = (),
    auto_claim: bool = True,
) -> Call[WaitFacts]:
    """Say what a wait still waits for, and whether anything of it moves without a person.

    Args:
        ref: A task or an agent.
        local: Id of the asking machine's node.
        runs: Whether that node's lock is held, which counts more than what is on record.
        lost_ms: How long another node may be silent.
        apart: Roles that take from the backlog only what asks for them.
        auto_claim: Whether agents take work from the backlog by themselves.
    """
    args = {
        "ref": ref,
        "local": local,
        "runs": runs or None,
        "lost_ms": lost_ms,
        "apart": list(apart) or None,
        "auto_claim": auto_claim or None,
    }

    def decode(answer: Answer) -> WaitFacts:
        return WaitFacts(
            kind=answer["kind"],
            record=codec.record(codec.KINDS[answer["kind"]], answer["record"]),
            tasks=codec.records(Task, answer.get("tasks")),
            open=strings(answer.get("open")),
            busy=bool(answer.get("busy")),
            backlog=int(answer.get("backlog") or 0),
            moving=answer.get("moving"),
            stuck=strings(answer.get("stuck")),
            stuck_total=int(answer.get("stuck_total") or 0),
            because=strings(answer.get("because")),
            wide=bool(answer.get("wide")),
        )

    return query("wait_facts", args, decode)


def why_facts(ref: str) -> Call[WhyFacts]:
    """Gather what explains the state of something."""

    def decode(answer: Answer) -> WhyFacts:
        until = answer.get("parked_until")
        return WhyFacts(
            kind=answer["kind"],
            record=codec.record(codec.KINDS[answer["kind"]], answer["record"]),
            history=_history(answer),
            agent=codec.optional(Agent, answer.get("agent")),
            task=codec.optional(Task, answer.get("task")),
            round=codec.optional(Round, answer.get("round")),
            blockers=codec.records(Task, answer.get("blockers")),
            queue=strings(answer.get("queue")),
            parked_until=None if until is None else int(until),
            parked_probe=answer.get("parked_probe"),
            nodes=codec.records(Node, answer.get("nodes")),
            agents_total=int(answer.get("agents_total") or 0),
            attention=codec.records(Attention, answer.get("attention")),
            now=int(answer["now"]),
        )

    return query("why_facts", {"ref": ref}, decode)


def attention(*, after: int | None = None, limit: int = 100) -> Call[Page[Attention]]:
    """List the open items."""
    return query("list_attention", {"after": after, "limit": limit}, page(Attention))


def close_attention(item: str, verb: str, *, answer: str | None = None, by: str | None = None) -> Call[Attention]:
    """Answer or dismiss an item."""
    return change(
        "attention_close",
        {"attention": item, "verb": verb, "answer": answer, "by": by},
        lambda reply: codec.record(Attention, reply["attention"]),
        allowed={**rows("attention", verb), **rows("task", "unblock", "reopen"), **SETTLING},
    )

"""The story of a record: what was done to it, when, by whom, and where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from tinytown.domain.clock import rfc3339
from tinytown.domain.ids import CONDUCTOR_ID
from tinytown.domain.records import Agent, Attention, Event, Message, Node, Round, Task
from tinytown.services import checks
from tinytown.services.context import TownContext
from tinytown.services.naming import Names
from tinytown.services.steps import Steps, ask
from tinytown.services.watching import Filter, newest_events
from tinytown.storage.calls import town as town_calls

EVENTS_SHOWN = 50
"""So many of the last events tell the story of an agent or a round; others keep as many lines themselves."""
PROMPT = "prompt.md"
_KNOWN = frozenset({"at", "verb", "old", "new", "by", "by_id", "round_id", "node_id", "lane"})
_PLACES = frozenset({"prompt_line", "prompt_offset", "how"})


@attrs.frozen(kw_only=True)
class TraceStep:
    """One thing that was done to a record.

    Attributes:
        at: When, in the server's milliseconds.
        verb: What.
        old: The state before, where one changed.
        new: The state after it.
        by: Who: an agent, ``conductor``, ``person``, or ``town`` for what happens by itself.
        by_id: The id of that agent.
        round_id: The round in which it was done.
        node_id: The node on which it was done.
        place: Where, in words.
        file: The saved prompt in which a message was shown, in the town's folder.
        line: The line at which it begins there, from 1.
        offset: The byte at which it begins there, from 0.
        detail: What else is known: a reason, an outcome, what dealt with it.
    """

    at: int
    verb: str
    old: str | None = None
    new: str | None = None
    by: str | None = None
    by_id: str | None = None
    round_id: str | None = None
    node_id: str | None = None
    place: str | None = None
    file: str | None = None
    line: int | None = None
    offset: int | None = None
    detail: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Write it as `--json` and REST show it."""
        return {**attrs.asdict(self), "at": rfc3339(self.at)}


@attrs.frozen(kw_only=True)
class Trace:
    """A record with its story.

    Attributes:
        kind: Its kind.
        record: The record.
        steps: What was done to it, oldest first.
    """

    kind: str
    record: Task | Agent | Message | Round | Attention | Node
    steps: tuple[TraceStep, ...]


def trace(context: TownContext, ref: str) -> Steps[Trace]:
    """Tell what has happened to a record of any kind: what was done to it, when, by whom and where.

    Args:
        context: The town.
        ref: Its id, the beginning of one, or a name.
    """
    shown = yield from ask(town_calls.show(checks.ref(ref)))
    record, names = shown.record, Names()
    if isinstance(record, Agent | Round):
        wanted = Filter(agent_id=record.id) if isinstance(record, Agent) else Filter(round_id=record.id)
        events = yield from names.beside((yield from newest_events(wanted, EVENTS_SHOWN)))
        node = record.node if isinstance(record, Round) else None
        return Trace(kind=shown.kind, record=record, steps=tuple(_of_event(event, node) for event in events))
    return Trace(kind=shown.kind, record=record, steps=tuple(_of_line(context, line) for line in shown.history))


def _of_line(context: TownContext, line: Mapping[str, Any]) -> TraceStep:
    round_id = line.get("round_id")
    prompt = line.get("prompt_line")
    file = None
    if prompt is not None and round_id is not None:
        file = str((context.paths.round_dir(str(round_id)) / PROMPT).relative_to(context.root))
    rest = {name: value for name, value in line.items() if name not in _KNOWN | _PLACES and value}
    words = [str(line["how"])] if line.get("how") not in {None, "tt inbox"} else []
    words += [f"{'changed' if line.get('verb') == 'edit' else name} {rest[name]}" for name in sorted(rest)]
    return TraceStep(
        at=int(line["at"]),
        verb=str(line.get("verb") or ""),
        old=line.get("old"),
        new=line.get("new"),
        by=line.get("by"),
        by_id=line.get("by_id") or (CONDUCTOR_ID if line.get("by") == "conductor" else None),
        round_id=round_id,
        node_id=line.get("node_id"),
        place=_place(line, file),
        file=file,
        line=prompt,
        offset=line.get("prompt_offset"),
        detail="; ".join(words) or None,
    )


def _place(line: Mapping[str, Any], file: str | None) -> str | None:
    words: list[str] = []
    if lane := line.get("lane"):
        words.append(f"the {lane} lane")
    if file is not None:
        words.append(f"line {line['prompt_line']} (byte {line.get('prompt_offset')}) of {file}")
    elif line.get("how") == "tt inbox":
        words.append("tt inbox")
    if (round_id := line.get("round_id")) and file is None:
        words.append(f"round {round_id}")
    if node := line.get("node_id"):
        words.append(f"node {node}")
    return ", ".join(words) or None


_BY_DETAIL = ("agent.spawned", "agent.interrupt", "agent.resume", "agent.close", "agent.kill", "agent.restart")
"""Events whose detail is who wanted it."""


def _of_event(event: Event, node: str | None) -> TraceStep:
    says_who = event.type in _BY_DETAIL
    kind, _, verb = event.type.partition(".")
    about = next((ref for ref in (event.message_id, event.task_id, event.attention_id) if ref), None)
    where = event.node_id or node
    words = [about if kind != "round" else event.task_id, None if says_who else event.detail]
    return TraceStep(
        at=event.at,
        verb=event.type if kind not in {"agent", "round"} else verb,
        old=event.old,
        new=event.new,
        by=event.detail if says_who else event.agent,
        by_id=CONDUCTOR_ID if says_who and event.detail == "conductor" else None if says_who else event.agent_id,
        round_id=event.round_id,
        node_id=where,
        place=", ".join(
            [*([f"round {event.round_id}"] if event.round_id else ()), *([f"node {where}"] if where else ())]
        )
        or None,
        detail="; ".join(word for word in words if word) or None,
    )

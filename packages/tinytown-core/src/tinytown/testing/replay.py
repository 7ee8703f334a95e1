"""What the history of a town says: the state of every record after its events, and moves that no table allows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from tinytown.domain.states import AGENT, TASK

Event = Mapping[str, str]

_WANTED = {f"agent.{verb}" for verb in ("interrupt", "resume", "close", "kill", "restart")}
"""Events whose old and new value is what people want of an agent, not its state."""

_CONCERNS = {
    "task": "task_id",
    "agent": "agent_id",
    "message": "message_id",
    "round": "round_id",
    "gate": "round_id",
    "attention": "attention_id",
    "node": "node_id",
}


def replayed_states(events: Iterable[Event]) -> dict[str, str]:
    """Give the state of every record that a history from its beginning leads to."""
    states: dict[str, str] = {}
    for event in events:
        kind, _dot, _verb = event["type"].partition(".")
        subject = event.get(_CONCERNS.get(kind, ""))
        if subject and "new" in event and event["type"] not in _WANTED:
            states[subject] = event["new"]
        if event["type"] == "round.started":
            states[event["agent_id"]] = "working"
    return states


_VERB_OF = {
    "task.added": "add",
    "task.ready": "ready",
    "task.assigned": "assign",
    "task.started": "start",
    "task.submitted": "submit",
    "task.released": "release",
    "task.passed": "pass",
    "task.rejected": "reject",
    "task.blocked": "block",
    "task.unblocked": "unblock",
    "task.failed": "fail",
    "task.requeued": "requeue",
    "task.cancelled": "cancel",
    "task.reopened": "reopen",
    "task.edited": "edit",
}


_AGENT_VERB_OF = {
    "agent.ready": "ready",
    "agent.idle": "end",
    "agent.stopped": "stop",
    "agent.error": "error",
    "agent.restarted": "restart",
    "agent.removed": "remove",
}


def broken_moves(events: Iterable[Event]) -> Iterator[str]:
    """Name every change of a task or agent that its table does not have, and gaps between two changes of a task."""
    states: dict[str, str] = {}
    for event in events:
        agent_verb = _AGENT_VERB_OF.get(event["type"])
        if agent_verb is not None:
            change = AGENT[agent_verb]
            if event["old"] not in change.sources or event["new"] not in change.targets:
                yield f"{event['type']} from {event['old']} to {event['new']} is not in the table"
        ref, new = event.get("task_id"), event.get("new")
        if not event["type"].startswith("task.") or ref is None or new is None:
            continue
        old, verb = event.get("old"), _VERB_OF.get(event["type"])
        follows_submit = event["type"] == "task.completed"
        if not follows_submit and old != states.get(ref):
            yield f"{ref} was {states.get(ref)}, but {event['type']} says that it was {old}"
        if verb is not None:
            row = TASK[verb]
            legal_source = old in row.sources if row.sources else old is None
            if not legal_source or new not in row.targets:
                yield f"{event['type']} from {old} to {new} is not in the table"
        states[ref] = new

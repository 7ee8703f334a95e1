"""What each command answers under ``--json``, as JSON Schema: one place, from which the published files are made.

Records come from their classes. A test runs every command and holds what it prints against its entry here; a command
without an entry fails it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tinytown.domain.records import Agent, Attention, Event, Message, Node, Round, Task
from tinytown.domain.states import TaskState
from tinytown.node.workspaces.landing import Landed
from tinytown.services.bootstrap.operation import Bootstrapped
from tinytown.services.checkup.model import Level
from tinytown.services.clearing_worktrees import Cleared
from tinytown.services.held import Held
from tinytown.services.landing import Workspace
from tinytown.services.neighbours import Neighbour
from tinytown.services.resetting import Reset
from tinytown.services.tracing import TraceStep
from tinytown.storage.record_schemas import Schema, object_of, of_type, record_schema
from tinytown.storage.saves.town import KINDS

RECORDS: Mapping[str, type[Any]] = {
    "task": Task,
    "agent": Agent,
    "message": Message,
    "round": Round,
    "attention": Attention,
    "node": Node,
    "event": Event,
}

TEXT: Schema = {"type": "string"}
MAYBE_TEXT: Schema = {"type": ["string", "null"]}
NUMBER: Schema = {"type": "integer", "minimum": 0}
YES_NO: Schema = {"type": "boolean"}
MAYBE: Schema = {"type": ["boolean", "null"]}
TEXTS: Schema = {"type": "array", "items": TEXT}
ANYTHING: Schema = {}
CURSOR: Schema = {"type": ["integer", "string", "null"]}


def record(name: str) -> Schema:
    """Point at a record."""
    return {"$ref": f"#/$defs/{name}"}


def list_of(item: Schema, **more: Schema) -> Schema:
    """Give the form of every list: its items, and the cursor of the next page or null."""
    return object_of({"items": {"type": "array", "items": item}, "next": CURSOR, **more})


def either(*schemas: Schema) -> Schema:
    """Give several forms, one of which the answer has."""
    return {"anyOf": list(schemas)}


ERROR = object_of({"error": object_of({"code": TEXT, "message": TEXT, "hint": TEXT})})
"""What every command prints on standard error when it is refused."""

_TASK, _AGENT, _MESSAGE, _EVENT = record("task"), record("agent"), record("message"), record("event")
_ATTENTION = record("attention")
_RECORD = either(*(record(name) for name in RECORDS if name != "event"))
_TRIMMED = object_of({"type": {"const": "events_trimmed"}, "oldest": TEXT, "message": TEXT})
_ROW = object_of({"check": TEXT, "level": of_type(Level), "text": TEXT, "remedy": MAYBE_TEXT, "fix": MAYBE_TEXT})
_REPAIR = object_of({"check": TEXT, "text": TEXT, "done": YES_NO, "trouble": MAYBE_TEXT})
_SETTING = object_of(
    {"key": TEXT, "value": ANYTHING, "set": YES_NO, "secret": YES_NO, "source": TEXT, "origin": MAYBE_TEXT}
)
_CHANGED_SETTING = object_of({"key": TEXT, "file": TEXT, "changed": YES_NO, "unset": YES_NO})
_CAUSE = object_of({"code": TEXT, "text": TEXT, "ref": MAYBE_TEXT, "command": MAYBE_TEXT})
_SHORT_AGENT: dict[str, Schema] = {"agent": TEXT, "agent_id": TEXT, "state": TEXT}
_KEPT_AGENT = object_of({**_SHORT_AGENT, "open_tasks": NUMBER, "mail": NUMBER, "why": TEXT, "command": TEXT})
_SHORT_AGENTS: Schema = {"type": "array", "items": object_of(_SHORT_AGENT)}
_RECOVERED = object_of(
    {**_SHORT_AGENT, "cause": TEXT, "why": TEXT, "command": MAYBE_TEXT, "restarted": YES_NO, "failed": MAYBE_TEXT}
)
_STEP = of_type(TraceStep)
_STEP["properties"]["at"] = {"type": "string", "format": "date-time"}
_FORGOTTEN = list_of(object_of({"name": TEXT, "path": TEXT}), dry_run=YES_NO)
_SERVICE = object_of({"file": TEXT, "text": TEXT, "command": TEXT})
_STATUS = object_of(
    {
        "town": TEXT,
        "root": TEXT,
        "server": TEXT,
        "tasks": object_of({str(state): NUMBER for state in TaskState}),
        "agents_total": NUMBER,
        "agents": {"type": "array", "items": _AGENT},
        "nodes": {"type": "array", "items": record("node")},
        "attention_total": NUMBER,
        "attention": {"type": "array", "items": _ATTENTION},
        "conductor_mail": NUMBER,
        "live_rounds": NUMBER,
    }
)
_STATUS["properties"]["task_list"] = list_of(_TASK)
_GIVEN = object_of(
    {
        "agent": TEXT,
        "agent_id": TEXT,
        "dry_run": YES_NO,
        "items": {"type": "array", "items": _TASK},
        "lost": TEXTS,
        "more": YES_NO,
    }
)

_ENTRY: dict[str, Schema] = {
    "id": TEXT,
    "description": TEXT,
    **dict.fromkeys(("agent", "role", "status", "parent", "result"), MAYBE_TEXT),
    **dict.fromkeys(("tags", "depends_on"), TEXTS),
}
_PLANNED = object_of({**_ENTRY, **dict.fromkeys(("task", "state", "reason"), MAYBE_TEXT)})
_VALUE = either(MAYBE_TEXT, TEXTS)
_SYNCED = object_of(
    {
        "direction": TEXT,
        "dry_run": YES_NO,
        "added": {"type": "array", "items": object_of(_ENTRY)},
        "changes": {
            "type": "array",
            "items": object_of({"id": TEXT, "field": TEXT, "old": _VALUE, "new": _VALUE}),
        },
        **dict.fromkeys(("cancelled", "removed", "ordered", "taken"), TEXTS),
        "finished": YES_NO,
        "waiting": NUMBER,
    }
)
_CONFLICT = object_of({"id": TEXT, "field": TEXT, "file": _VALUE, "town": _VALUE, "base": _VALUE})
_CONFLICTS = object_of({"direction": TEXT, "conflicts": {"type": "array", "items": _CONFLICT}})

_COUNTS = object_of(dict.fromkeys((*KINDS, "event"), NUMBER))

ANSWERS: Mapping[str, Schema] = {
    "init": object_of({"name": TEXT, "root": TEXT, "server": TEXT}),
    "start": either(object_of({"node": TEXT, "town": TEXT}), _SERVICE),
    "stop": object_of({"node": TEXT, "was_running": YES_NO, "town": TEXT}),
    "status": _STATUS,
    "demo": object_of(
        {
            "tasks": {"type": "array", "items": _TASK},
            "commits": TEXTS,
            "rejections": NUMBER,
            "seconds": {"type": "number"},
            "kept": MAYBE_TEXT,
        }
    ),
    "doctor": list_of(_ROW, ok=YES_NO, repaired={"type": "array", "items": _REPAIR}),
    "bootstrap": of_type(Bootstrapped),
    "config": either(list_of(_SETTING), _SETTING, _CHANGED_SETTING),
    "config list": list_of(_SETTING),
    "config get": either(list_of(_SETTING), _SETTING),
    "config set": _CHANGED_SETTING,
    "config unset": _CHANGED_SETTING,
    "migrate": list_of(
        object_of({"kind": TEXT, "old": TEXT, "id": TEXT, "text": TEXT, "new": YES_NO}),
        dry_run=YES_NO,
        town=TEXT,
        url=TEXT,
        skipped={"type": "array", "items": object_of({"key": TEXT, "reason": TEXT})},
        notes=TEXTS,
    ),
    "save": object_of({"file": TEXT, "bytes": NUMBER, "counts": _COUNTS}),
    "restore": object_of(
        {
            "dry_run": YES_NO,
            "counts": _COUNTS,
            "replaced": _COUNTS,
            "kept": MAYBE_TEXT,
            "ended_rounds": TEXTS,
            "moved_agents": TEXTS,
            "server": MAYBE_TEXT,
        }
    ),
    "towns": either(list_of(of_type(Neighbour)), _FORGOTTEN),
    "spawn": _AGENT,
    "list": list_of(_AGENT),
    "nodes": list_of(record("node")),
    "wait": either(_TASK, _AGENT),
    **dict.fromkeys(("kill", "close", "interrupt", "resume", "restart"), _AGENT),
    "logs": object_of({"log": TEXT, "text": TEXT}),
    "prune": object_of(
        {
            "dry_run": YES_NO,
            "killed": _SHORT_AGENTS,
            "removed": _SHORT_AGENTS,
            "kept": {"type": "array", "items": _KEPT_AGENT},
            "workspaces": {"type": "array", "items": of_type(Cleared)},
        }
    ),
    "workspace list": list_of(of_type(Workspace)),
    "workspace land": of_type(Landed),
    "reset": of_type(Reset),
    "recover": object_of({"dry_run": YES_NO, "node_started": YES_NO, "agents": {"type": "array", "items": _RECOVERED}}),
    "reclaim": object_of({"dry_run": YES_NO, "items": {"type": "array", "items": of_type(Held)}}),
    "assign": _TASK,
    **dict.fromkeys(("task add", "task show", "task edit"), _TASK),
    "task list": list_of(_TASK),
    "task current": either(_TASK, {"type": "null"}),
    **{f"task {verb}": _TASK for verb in ("complete", "fail", "block", "unblock", "cancel", "requeue", "reopen")},
    "plan": either(list_of(_PLANNED), object_of({"file": TEXT})),
    "sync": either(_SYNCED, _CONFLICTS),
    **dict.fromkeys(("backlog add", "backlog claim", "backlog remove"), _TASK),
    "backlog list": list_of(_TASK),
    "backlog assign-all": _GIVEN,
    "send": _MESSAGE,
    "inbox": either(list_of(_MESSAGE), _MESSAGE),
    "trace": object_of({"kind": TEXT, "record": _RECORD, "history": {"type": "array", "items": _STEP}}),
    "history": list_of(_EVENT),
    "events": either(list_of(_EVENT), _EVENT, _TRIMMED),
    "conductor": object_of({"town": TEXT, "text": TEXT}),
    "why": object_of({"ref": MAYBE_TEXT, "kind": TEXT, "state": TEXT, "causes": {"type": "array", "items": _CAUSE}}),
    "attention list": list_of(_ATTENTION),
    "attention answer": _ATTENTION,
    "attention dismiss": _ATTENTION,
    "adapters list": list_of(
        object_of({"name": TEXT, "built_in": YES_NO, "shadowed": YES_NO, "distributions": TEXTS, "versions": TEXTS})
    ),
    "adapters show": object_of(
        {
            "name": TEXT,
            "executable": MAYBE_TEXT,
            "capabilities": TEXTS,
            "env_vars": TEXTS,
            "install_hint": MAYBE_TEXT,
            "homepage": MAYBE_TEXT,
            "min_version": MAYBE_TEXT,
            "tested_version": MAYBE_TEXT,
        }
    ),
    "adapters doctor": list_of(
        object_of({"adapter": TEXT, "what": TEXT, "ok": MAYBE, "text": TEXT, "hint": MAYBE_TEXT})
    ),
    "completion": object_of({"shell": TEXT, "script": TEXT}),
}
"""The form of each command's answer, by its name. A command that streams prints one such object on each line."""


def definitions() -> dict[str, Schema]:
    """Give the schemas of all records, by name."""
    return {name: record_schema(kind) for name, kind in RECORDS.items()}

"""How people see records: tables and cards made from the same values as the JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tinytown.domain.clock import rfc3339
from tinytown.domain.states import shown_agent_state

from tinytown_cli.terminal import one_line

if TYPE_CHECKING:
    from tinytown.domain.records import Agent, Attention, Event, Message, Node, Round, Task
    from tinytown.services.tracing import TraceStep

    from tinytown_cli.output import Cell, Output

_STATE_COLOURS = {
    "blocked": "yellow",
    "paused": "yellow",
    "draining": "yellow",
    "waiting": "dim",
    "completed": "green",
    "idle": "green",
    "working": "bold",
    "running": "bold",
    "failed": "red",
    "error": "red",
    "dead": "red",
    "down": "red",
    "cancelled": "dim",
    "stopped": "dim",
}
_TEXT_WIDTH = 60
_PREVIEW_COLUMNS = 160
_TASK_COLUMNS = len("t-9k3fq2xa7m" + "  " + "completed" + "  " + "  ")
"""What the other columns of a table of tasks take, without the agent's name; each is followed by two spaces."""


def state_cell(state: str) -> Cell:
    """Give a state with its colour."""
    return state, _STATE_COLOURS.get(state)


def when(at: int) -> str:
    """Give a time, or a dash for never."""
    return rfc3339(at) if at else "-"


def tasks(out: Output, items: Iterable[Task], *, empty: str) -> None:
    """Show a table of tasks."""
    found = list(items)
    longest = max((len(task.agent or "") for task in found), default=0)
    width = min(_TEXT_WIDTH, out.room(_TASK_COLUMNS + max(longest, len("AGENT")), least=20))
    rows = [(task.id, state_cell(task.state), task.agent or "-", one_line(task.description, width)) for task in found]
    _table(out, ("ID", "STATE", "AGENT", "DESCRIPTION"), rows, empty)


def task(out: Output, item: Task) -> None:
    """Show all of a task."""
    pairs = [
        ("task", item.id),
        ("state", item.state + (f" ({item.reason})" if item.reason else "")),
        ("agent", f"{item.agent} ({item.agent_id})" if item.agent else "-"),
        ("role", item.role),
        ("tags", ", ".join(item.tags)),
        ("depends on", ", ".join(item.depends_on)),
        ("parent", item.parent_id),
        ("plan", item.plan_id),
        ("attempt", str(item.attempt)),
        ("gates", ", ".join(gate.name for gate in item.gates)),
        ("branch", item.branch),
        ("created", f"{when(item.created_at)} by {item.created_by}"),
        ("updated", when(item.updated_at)),
        ("closed", when(item.closed_at) if item.closed_at else None),
        ("tokens", f"{item.input_tokens} in, {item.output_tokens} out" if item.input_tokens else None),
        ("cost", money(item.cost_micros) if item.cost_micros else None),
    ]
    _card(out, pairs)
    for head, text in (
        ("description", item.description),
        ("findings", item.findings),
        ("answer", item.answer),
        ("result", item.result),
    ):
        if text:
            out.line()
            out.line(f"{head}:")
            out.line(text)


def agent_state(item: Agent) -> str:
    """Give the one word by which people see an agent."""
    return shown_agent_state(item.state, item.wanted, live_round=item.round_id is not None)


def agents(out: Output, items: Iterable[Agent], *, empty: str) -> None:
    """Show a table of agents."""
    rows = [
        (
            item.name,
            item.id,
            state_cell(agent_state(item)),
            item.role,
            item.cli or "-",
            item.task_id or "-",
            str(item.queued_tasks),
            f"{item.mail}" + (f" ({item.urgent_mail} urgent)" if item.urgent_mail else ""),
        )
        for item in items
    ]
    _table(out, ("NAME", "ID", "STATE", "ROLE", "CLI", "TASK", "QUEUED", "MAIL"), rows, empty)


def agent(out: Output, item: Agent) -> None:
    """Show all of an agent."""
    _card(
        out,
        [
            ("agent", f"{item.name} ({item.id})"),
            ("nickname", item.nickname),
            ("state", agent_state(item) + (f" ({item.reason})" if item.reason else "")),
            ("role", item.role),
            ("cli", item.cli + (f", model {item.model}" if item.model else "")),
            ("node", item.node),
            ("parent", item.parent_id),
            ("task", item.task_id),
            ("round", item.round_id),
            ("queued", f"{item.queued_tasks} tasks, {item.mail} messages, {item.urgent_mail} urgent"),
            ("done", f"{item.tasks_completed} tasks, {item.rounds_completed} rounds"),
            ("tokens", f"{item.input_tokens} in, {item.output_tokens} out" if item.input_tokens else None),
            ("cost", money(item.cost_micros) if item.cost_micros else None),
            ("active", when(item.last_active_at)),
        ],
    )


def nodes(out: Output, items: Iterable[Node], *, empty: str) -> None:
    """Show a table of nodes."""
    rows = [
        (
            item.name or "-",
            item.id,
            state_cell(item.state),
            item.host or "-",
            str(item.pid),
            f"{item.running}/{item.capacity}",
            str(item.agents),
            when(item.beat_at),
        )
        for item in items
    ]
    _table(out, ("NAME", "ID", "STATE", "HOST", "PID", "ROUNDS", "AGENTS", "LAST BEAT"), rows, empty)


def messages(out: Output, items: Iterable[Message], *, empty: str, preview: int | None = None) -> None:
    """Show messages one below the other: whole, or of each so many lines."""
    shown = False
    for item in items:
        if shown:
            out.line()
        shown = True
        marks = "".join([" urgent" if item.urgent else "", f", answers {item.reply_to}" if item.reply_to else ""])
        sender = f"{item.sender} ({item.from_id})" if item.from_id else item.sender
        out.line(
            f"{item.id}  {item.kind}{marks}  from {sender} to {item.to}  {item.state}  {when(item.created_at)}", "bold"
        )
        lines = item.body.splitlines()
        if preview is None or (len(lines) <= preview and len(item.body) <= preview * _PREVIEW_COLUMNS):
            out.line(item.body)
            continue
        for line in lines[:preview]:
            out.line(one_line(line, _PREVIEW_COLUMNS))
        out.line(f"… the whole of it: tt inbox {item.id}", "dim")
    if not shown:
        out.note(empty)


def attention(out: Output, items: Iterable[Attention], *, empty: str) -> None:
    """Show what needs a person, with what can be done."""
    shown = False
    for item in items:
        shown = True
        about = f"  about {item.ref}" if item.ref else ""
        holds = f"  blocks {item.blocks}" if item.blocks else ""
        out.line(f"{item.id}  {item.kind}{about}{holds}  {item.state}  {when(item.created_at)}", "bold")
        out.line(f"  {one_line(item.text, 400)}")
        for each in item.suggestions:
            out.line(f"  - {each}")
        if item.answer:
            out.line(f"  answered: {one_line(item.answer, 400)}")
    if not shown:
        out.note(empty)


def round_(out: Output, item: Round) -> None:
    """Show all of a round."""
    _card(
        out,
        [
            ("round", f"{item.id}, number {item.number}, {item.kind}"),
            ("agent", f"{item.agent} ({item.agent_id})" if item.agent else None),
            ("task", item.task_id),
            ("state", item.state + (f": {item.outcome}" if item.outcome else "")),
            ("detail", item.detail),
            ("started", when(item.started_at)),
            ("ended", when(item.ended_at)),
            ("exit code", None if item.exit_code is None else str(item.exit_code)),
            ("workspace", item.workspace),
            ("log", item.log),
        ],
    )


def event_line(item: Event) -> str:
    """Give an event on one line."""
    ids = (
        item.task_id,
        item.agent_id,
        item.message_id,
        item.round_id,
        item.mission_id,
        item.node_id,
        item.attention_id,
    )
    change = f" {item.old or '-'} -> {item.new or '-'}" if item.old or item.new else ""
    detail = f"  {one_line(item.detail, 100)}" if item.detail else ""
    return f"{item.id}  {when(item.at)}  {item.type}{change}  {' '.join(each for each in ids if each)}{detail}".rstrip()


def event_told(item: Event) -> str:
    """Tell an event to a person: when, who, what happened to what."""
    kind, _, done = item.type.partition(".")
    own = {"agent": None, "task": item.task_id, "message": item.message_id, "round": item.round_id}
    about = own.get(kind, item.attention_id or item.task_id or item.round_id or item.node_id or item.mission_id)
    words = [kind, *([about] if about else ()), done.replace("_", " ")]
    if item.old or item.new:
        words.append(f"({item.old or '-'} -> {item.new or '-'})")
    if kind == "round" and item.task_id:
        words.append(f"for {item.task_id}")
    if kind != "round" and item.round_id:
        words.append(f"in {item.round_id}")
    detail = f": {one_line(item.detail, 80)}" if item.detail else ""
    return f"{when(item.at)}  {item.agent or item.agent_id or 'town'}  {' '.join(words)}{detail}"


def trace_step(step: TraceStep) -> str:
    """Give one step of a trace: when, what, the change, by whom, where, and the rest."""
    change = f"{step.old or '-'} -> {step.new or '-'}" if step.old or step.new else None
    who = f"by {step.by}" + (f" ({step.by_id})" if step.by_id else "") if step.by else None
    where = f"at {step.place}" if step.place else None
    return "  ".join(each for each in (when(step.at), step.verb, change, who, where, step.detail) if each)


def money(micros: int | None) -> str:
    """Give an amount of money."""
    return "-" if micros is None else f"${micros / 1_000_000:.4f}"


def _card(out: Output, pairs: Iterable[tuple[str, str | None]]) -> None:
    shown = [(name, value) for name, value in pairs if value]
    width = max(len(name) for name, _ in shown)
    for name, value in shown:
        out.line(f"{name.ljust(width)}  {value}")


def _table(out: Output, heads: tuple[str, ...], rows: list[tuple[Cell, ...]], empty: str) -> None:
    if rows:
        out.table(heads, rows)
    else:
        out.note(empty)

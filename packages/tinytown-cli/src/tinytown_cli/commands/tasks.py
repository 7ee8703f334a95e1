"""`tt assign` and the commands of `tt task`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinytown.storage.calls.answers import Changed

from tinytown_cli import views
from tinytown_cli.texts import read_text

if TYPE_CHECKING:
    from tinytown.domain.records import Task

    from tinytown_cli.context import Context


def assign(
    context: Context,
    *,
    agent: str,
    work: str,
    role: str | None,
    tags: tuple[str, ...],
    depends_on: tuple[str, ...],
    parent: str | None,
    gate: tuple[str, ...],
    no_wait: bool,
) -> None:
    """Give an agent a new task, or one that exists."""
    text = read_text(work, what="task")
    town = context.town
    task = town.assign(
        agent,
        text,
        wait=False,
        role=role,
        tags=several(tags),
        depends_on=several(depends_on),
        parent=parent,
        gates=gate,
    )
    if task.round_id is not None and not no_wait:
        task = carried_out(context, Changed(task=task, ordered=True)).task
    show_task(context, task)


def add(
    context: Context,
    *,
    text: str,
    agent: str | None,
    role: str | None,
    tags: tuple[str, ...],
    depends_on: tuple[str, ...],
    parent: str | None,
    gate: tuple[str, ...],
) -> None:
    """Add a task."""
    body = read_text(text, what="task")
    task = context.town.add_task(
        body, agent=agent, role=role, tags=several(tags), depends_on=several(depends_on), parent=parent, gates=gate
    )
    show_task(context, task)


def show(context: Context, *, task: str) -> None:
    """Show all of a task."""
    found = context.town.task(task)
    context.out.record(found, lambda out: views.task(out, found))


def list_tasks(
    context: Context,
    *,
    state: str | None,
    agent: str | None,
    role: str | None,
    tags: tuple[str, ...],
    limit: int | None,
    after: int | None,
) -> None:
    """List tasks."""
    page = context.town.tasks(
        state=state, agent=agent, role=role, tags=several(tags), after=after, limit=100 if limit is None else limit
    )
    context.out.items(page.items, lambda out: views.tasks(out, page.items, empty="no such tasks"), next_=page.next)


def current(context: Context, *, agent: str | None) -> None:
    """Show the task of a live round."""
    found = context.town.current(agent)
    if found is not None:
        context.out.record(found, lambda out: views.task(out, found))
        return
    context.out.either(lambda: None, lambda out: out.note("no task is being worked on"))


def complete(context: Context, *, task: str, result: str | None, no_gates: bool, no_wait: bool) -> None:
    """Say that a task is done."""
    text = optional_text(result, "result")
    show_changed(context, context.town.complete(task, result=text, no_gates=no_gates, wait=False), wait=not no_wait)


def fail(context: Context, *, task: str, reason: str | None, no_wait: bool) -> None:
    """Close a task as failed."""
    text = "failed" if reason is None else read_text(reason, what="reason")
    show_changed(context, context.town.fail(task, reason=text, wait=False), wait=not no_wait)


def block(context: Context, *, task: str, reason: str | None, no_wait: bool) -> None:
    """Block a task."""
    text = "blocked" if reason is None else read_text(reason, what="reason")
    show_changed(context, context.town.block(task, reason=text, wait=False), wait=not no_wait)


def unblock(context: Context, *, task: str, answer: str | None) -> None:
    """Let a blocked task go on."""
    show_changed(context, context.town.unblock(task, answer=optional_text(answer, "answer")))


def cancel(context: Context, *, task: str, reason: str | None, no_wait: bool) -> None:
    """Close a task without a result."""
    text = optional_text(reason, "reason")
    show_changed(context, context.town.cancel(task, reason=text, wait=False), wait=not no_wait)


def requeue(context: Context, *, task: str, no_wait: bool) -> None:
    """Put a task back into the backlog."""
    show_changed(context, context.town.requeue(task, wait=False), wait=not no_wait)


def reopen(context: Context, *, task: str) -> None:
    """Take up a closed task again."""
    show_changed(context, context.town.reopen(task))


def several(words: tuple[str, ...]) -> tuple[str, ...]:
    """Split what was given with commas."""
    return tuple(part.strip() for word in words for part in word.split(",") if part.strip())


def optional_text(word: str | None, what: str) -> str | None:
    """Read a text that may be left out."""
    return None if word is None else read_text(word, what=what)


def show_changed(context: Context, changed: Changed, *, wait: bool = False) -> None:
    """Show a task after a verb, and say when the verb takes effect later; wait for that if so asked."""
    if changed.recorded:
        context.out.note("recorded; it counts when this round has ended, so end your turn now")
    elif changed.ordered and wait:
        changed = carried_out(context, changed)
    elif changed.ordered:
        context.out.note(f"ordered; it counts when round `{changed.task.round_id}` has ended")
    show_task(context, changed.task)


def carried_out(context: Context, changed: Changed) -> Changed:
    """Say that an order waits for a live round, and wait with it."""
    from tinytown.services.settling import settled
    from tinytown.services.tasks import ORDER_SECS

    from tinytown_cli.progress import working

    context.say_notices()
    context.out.note(f"waiting until round `{changed.task.round_id}` has ended")
    with working(context.out, f"round {changed.task.round_id} ends"):
        return context.town.run_steps(settled(changed, timeout=ORDER_SECS))


def show_task(context: Context, task: Task) -> None:
    """Show a task on one line."""
    reason = f" ({task.reason})" if task.reason else ""
    who = f"  {task.agent}" if task.agent else ""
    context.out.record(task, lambda out: out.line(f"{task.id}  {task.state}{reason}{who}"))

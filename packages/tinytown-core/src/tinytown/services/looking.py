"""Looking at single records of any kind, and at their output."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from tinytown.domain.records import Agent, Round, Task
from tinytown.errors import NotFoundError
from tinytown.services import checks
from tinytown.services.context import TownContext
from tinytown.services.steps import Steps, ask
from tinytown.storage.calls import agents
from tinytown.storage.calls import town as town_calls
from tinytown.storage.calls.answers import Page

R = TypeVar("R")


def show_as(kind: type[R], word: str, ref: str) -> Steps[R]:
    """Give a record of a known kind.

    Args:
        kind: Its class.
        word: The name of its kind.
        ref: Its id, the beginning of one, or a name.

    Raises:
        NotFoundError: There is none.
    """
    shown = yield from ask(town_calls.show(ref, word))
    if not isinstance(shown.record, kind):
        raise NotFoundError(kind=word, ref=ref)
    return shown.record


def task(context: TownContext, ref: str) -> Steps[Task]:
    """Give one task."""
    _ = context
    return (yield from show_as(Task, "task", checks.ref(ref, what="task")))


def agent(context: TownContext, ref: str) -> Steps[Agent]:
    """Give one agent."""
    _ = context
    return (yield from show_as(Agent, "agent", checks.ref(ref, what="agent")))


def rounds(context: TownContext, agent: str, *, limit: int = 20) -> Steps[Page[Round]]:
    """List the last rounds of an agent, the newest last."""
    _ = context
    return (yield from ask(agents.rounds(checks.ref(agent, what="agent"), limit=checks.limit(limit, most=100))))


def log_file(context: TownContext, ref: str) -> Steps[Path]:
    """Give the file with the output of a round: of that round, or of the last one of an agent or a task.

    Raises:
        NotFoundError: There was no such round.
    """
    shown = yield from ask(town_calls.show(checks.ref(ref)))
    found: Round | None = None
    if isinstance(shown.record, Round):
        found = shown.record
    elif isinstance(shown.record, Agent):
        page = yield from ask(agents.rounds(shown.record.id, limit=1))
        found = page.items[-1] if page.items else None
    elif isinstance(shown.record, Task):
        ids = [str(line["round_id"]) for line in shown.history if line.get("round_id")]
        last = shown.record.round_id or (ids[-1] if ids else None)
        found = (yield from show_as(Round, "round", last)) if last else None
    if found is None:
        raise NotFoundError(kind="round of", ref=ref, hint="nothing of it has run yet; `tt why` says why")
    here = context.paths.round_dir(found.id) / "log"  # also in a town that was moved since, where the note is wrong
    return context.root / found.log if found.log and not here.exists() else here

"""What ended agents hold, thing by thing, and what shall become of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

import attrs

from tinytown.domain.records import Agent, Message, Task
from tinytown.domain.states import TaskState

CONDUCTOR = "conductor"
BACKLOG = "backlog"
SHOWN = 200
"""How many characters of a text are shown."""


class Doing(StrEnum):
    """What becomes of something that an ended agent holds."""

    LISTED = "listed"
    "Nothing; it was only asked for."
    STAYS = "stays"
    "Nothing; `why` says what else moves it."
    ASSIGN = "assign"
    REQUEUE = "requeue"
    MOVE = "move"
    TASK = "task"
    "A message that asks for work becomes a task of the backlog."
    CANCEL = "cancel"
    DELETE = "delete"


@attrs.frozen(kw_only=True)
class Held:
    """One thing that an ended agent holds.

    Attributes:
        kind: ``task`` or ``message``.
        id: Its id.
        state: The state of a task; the kind of a message.
        urgent: Whether a message is urgent.
        text: The beginning of its text.
        holder: Name of the agent, or the id of one that is not on record.
        holder_id: Its id.
        doing: What becomes of it.
        to: Who or what gets it: an agent, ``conductor``, ``backlog``, or the task that is made of it.
        why: Why it stays.
        done: Whether that was done; never in a rehearsal.
    """

    kind: str
    id: str
    state: str
    urgent: bool = False
    text: str
    holder: str
    holder_id: str
    doing: Doing = Doing.LISTED
    to: str | None = None
    why: str | None = None
    done: bool = False


@attrs.frozen(kw_only=True)
class Reclaimed:
    """What `reclaim` found and did, or would do.

    Attributes:
        dry_run: Nothing was done; the rest says what would be.
        items: What ended agents hold, and what becomes of each.
    """

    dry_run: bool
    items: tuple[Held, ...] = ()


@attrs.frozen(kw_only=True)
class Wish:
    """What was asked for.

    Attributes:
        to: The agent that gets everything.
        backlog: Everything goes to the backlog, and to the conductor what cannot.
        cancel: Tasks are cancelled.
        delete: Tasks are taken off the books.
    """

    to: Agent | None = None
    backlog: bool = False
    cancel: bool = False
    delete: bool = False

    @property
    def changes(self) -> bool:
        """Whether anything shall be done at all."""
        return self.to is not None or self.backlog or self.cancel or self.delete

    def task(self, task: Task, holder: str) -> Held:
        """Say what becomes of an open task."""
        doing, to, why = self._of_task(task)
        text = " ".join(task.description[:SHOWN].split())
        of, state = str(task.agent_id), str(task.state)
        return Held(
            kind="task", id=task.id, state=state, text=text, holder=holder, holder_id=of, doing=doing, to=to, why=why
        )

    def message(self, message: Message, holder: Agent) -> Held:
        """Say what becomes of a message that waits."""
        doing, to = self._of_message(message)
        return Held(
            kind="message",
            id=message.id,
            state=message.kind,
            urgent=message.urgent,
            text=" ".join(message.body[:SHOWN].split()),
            holder=holder.name,
            holder_id=holder.id,
            doing=doing,
            to=to,
        )

    def _of_task(self, task: Task) -> tuple[Doing, str | None, str | None]:
        if task.state not in {TaskState.ASSIGNED, TaskState.WAITING, TaskState.BLOCKED}:
            return Doing.STAYS, None, "its gates decide; if they reject it, it goes to the backlog"
        if self.cancel or self.delete:
            return Doing.CANCEL if self.cancel else Doing.DELETE, None, None
        if self.to is not None:
            return Doing.ASSIGN, self.to.name, None
        return (Doing.REQUEUE, BACKLOG, None) if self.backlog else (Doing.LISTED, None, None)

    def _of_message(self, message: Message) -> tuple[Doing, str | None]:
        if self.to is not None:
            return Doing.MOVE, self.to.name
        if not self.backlog:
            return Doing.LISTED, None
        # Only what asks for work can go to the backlog; people read the rest.
        return (Doing.TASK, "t-" + message.id[2:]) if message.kind == "task" else (Doing.MOVE, CONDUCTOR)


def without_needed(items: Sequence[Held], needing: Mapping[str, Sequence[str]]) -> list[Held]:
    """Put tasks that are deleted behind those that depend on them, and let stay what another open task depends on.

    Args:
        items: What becomes of each task.
        needing: Task to the open ones that wait for it.
    """
    ordered = [item for item in items if item.doing is not Doing.DELETE]
    left = [item for item in items if item.doing is Doing.DELETE]
    going: set[str] = set()
    while True:
        free = [item for item in left if going.issuperset(needing.get(item.id, ()))]
        if not free:
            break
        ordered += free
        going.update(item.id for item in free)
        left = [item for item in left if item.id not in going]
    for item in left:
        needed = next(other for other in needing[item.id] if other not in going)
        ordered.append(attrs.evolve(item, doing=Doing.STAYS, why=f"task `{needed}` depends on it"))
    return ordered

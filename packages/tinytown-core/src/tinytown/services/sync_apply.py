"""Doing what a push has planned, step by step, so that doing it again after a crash changes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from tinytown.domain.gates import gates_for
from tinytown.domain.plan_entries import in_order
from tinytown.errors import RefusedError, StorageRefusedError, StorageUnavailableError, TinytownError
from tinytown.services.context import ActorFields
from tinytown.services.steps import Steps, ask_under
from tinytown.storage.calls import edits, tasks
from tinytown.storage.calls.seen import starting_from

if TYPE_CHECKING:
    from tinytown.domain.records import Task
    from tinytown.services.context import TownContext
    from tinytown.services.sync_work import Work
    from tinytown.storage.calls.answers import Changed
    from tinytown.storage.protocol import Call

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
BECAUSE = "as tasks.toml says"


@attrs.define(kw_only=True)
class Push:
    """A push that was planned: it is noted before its first step.

    Attributes:
        nonce: Of which the operation ids of its steps are made, so that they are the same after a crash.
        works: What is said of each entry.
        names: Entries to the tasks that they stand for.
        no_gates: Complete tasks without their gates.
        ordered: Entries whose change waits for the end of a round.
        taken: Entries that somebody else pushed at the same moment.
    """

    nonce: str
    works: list[Work]
    names: dict[str, str]
    no_gates: bool = False
    ordered: list[str] = attrs.field(factory=list[str])
    taken: list[str] = attrs.field(factory=list[str])

    def as_json(self) -> dict[str, Any]:
        """Write it down."""
        works = [attrs.asdict(work) for work in self.works]
        return {"nonce": self.nonce, "works": works, "names": self.names, "no_gates": self.no_gates}


def push_from(noted: Mapping[str, Any]) -> Push:
    """Read a push that was written down."""
    from tinytown.services.sync_work import Work

    works = [Work(**work) for work in noted["works"]]
    return Push(nonce=noted["nonce"], works=works, names=dict(noted["names"]), no_gates=bool(noted["no_gates"]))


class Applying:
    """Carries a push out. A refusal in its middle, after a change by others, ends it and names what was not done.

    Args:
        context: The town.
        push: What was planned.
    """

    def __init__(self, context: TownContext, push: Push) -> None:
        self._context, self._push = context, push
        self._tasks: dict[str, Task] = {}
        self._left: dict[str, int] = {}

    @property
    def done(self) -> set[str]:
        """Give the entries of which nothing is left to do."""
        return {ref for ref, steps in self._left.items() if not steps}

    def run(self) -> Steps[None]:
        """Do all steps: new tasks first, then what is taken up again, edits, and at last what is closed."""
        works = {work.id: work for work in self._push.works}
        added = {ref: work for ref, work in works.items() if work.add}
        order = in_order({ref: tuple((work.add or {})["depends_on"]) for ref, work in added.items()})
        phases: list[tuple[Callable[[Work], Steps[None]], list[Work]]] = [
            (self._add, [added[ref] for ref in order]),
            (self._first, [work for work in works.values() if work.first]),
            (self._edit, [work for work in works.values() if work.values]),
            (self._last, [work for work in self._closing_last() if work.last]),
        ]
        for _act, several in phases:
            for work in several:
                self._left[work.id] = self._left.get(work.id, 0) + 1
        for act, several in phases:
            for work in several:
                try:
                    if work.id not in self._push.taken:
                        yield from act(work)
                except (StorageUnavailableError, StorageRefusedError):
                    raise
                except TinytownError as error:
                    raise self._stopped(work, error) from None
                self._left[work.id] -= 1

    def _stopped(self, work: Work, error: TinytownError) -> TinytownError:
        detail = f"entry `{work.id}`: {error.message}"
        hint = error.hint or "look at it with `tt plan`, then sync again; what was done before stays"
        return RefusedError(refusal=error.shown_code, detail=detail, hint=hint)

    def _closing_last(self) -> list[Work]:
        rank = {"assign": 0, "submit": 1, "fail": 2, "cancel": 2}
        works = self._push.works
        needs = {work.id: tuple((work.add or {}).get("depends_on", ())) for work in works}
        place = {ref: number for number, ref in enumerate(in_order(needs))}
        return sorted(works, key=lambda work: (rank.get(work.last or "", 0), place[work.id]))

    def _say(self, work: Work, what: str, call: Call[Changed]) -> Steps[Changed]:
        digest = hashlib.sha256(f"{self._push.nonce} {what} {work.id}".encode()).digest()
        operation = "o-" + "".join(_ALPHABET[byte & 31] for byte in digest[:16])
        changed = yield from ask_under(call, operation)
        self._tasks[work.id] = changed.task
        if changed.ordered:
            self._push.ordered.append(work.id)
        return changed

    @property
    def _by(self) -> ActorFields:
        return self._context.actor.fields

    def _ref(self, name: str) -> str:
        return self._push.names.get(name, name)

    def _add(self, work: Work) -> Steps[None]:
        made = work.add or {}
        call = tasks.add(
            work.task,
            made["description"],
            agent=made["agent"],
            role=made["role"],
            tags=made["tags"],
            depends_on=[self._ref(name) for name in made["depends_on"]],
            parent=None if made["parent"] is None else self._ref(made["parent"]),
            plan_id=work.id,
            **self._by,
        )
        changed = yield from self._say(work, "add", call)
        self._push.names[work.id] = changed.task.id
        if changed.task.id != work.task:  # somebody else pushed the same entry at this moment
            self._push.taken.append(work.id)

    def _first(self, work: Work) -> Steps[None]:
        verb = tasks.reopen if work.first == "reopen" else tasks.requeue
        changed = yield from self._say(
            work, "first", starting_from(verb(work.task, **self._by), work.first, work.state)
        )
        if work.first == "reopen" and work.last is None and changed.task.state == "assigned":
            call = tasks.requeue(work.task, **self._by)  # the file names nobody
            yield from self._say(work, "requeue", starting_from(call, "requeue", "assigned"))

    def _edit(self, work: Work) -> Steps[None]:
        values, seen = dict(work.values), work.seen
        if "depends_on" in values:
            values["depends_on"] = [self._ref(name) for name in values["depends_on"]]
        if values.get("parent_id"):
            values["parent_id"] = self._ref(values["parent_id"])
        yield from self._say(work, "edit", edits.edit(work.task, values, seen=seen, **self._by))

    def _last(self, work: Work) -> Steps[None]:
        before = self._tasks.get(work.id)
        state = work.state if before is None else str(before.state)
        if work.last == "assign":
            call = tasks.assign(work.task, work.agent or "", **self._by)
        elif work.last == "submit":
            call = yield from self._submit(work)
        elif work.last == "fail":
            call = tasks.fail(work.task, BECAUSE, **self._by)
        else:
            call = tasks.cancel(work.task, reason=BECAUSE, **self._by)
        yield from self._say(work, "last", call if work.add else starting_from(call, work.last, state))

    def _submit(self, work: Work) -> Steps[Call[Changed]]:
        from tinytown.domain.records import Task
        from tinytown.services.looking import show_as

        found = yield from show_as(Task, "task", work.task)
        gates = () if self._push.no_gates else gates_for(self._context.config.gates, found.gates)
        node = self._context.node_control.node_identity(self._context.paths) if gates else None
        return tasks.submit(work.task, gates=gates, gate_node=node, no_gates=self._push.no_gates, **self._by)

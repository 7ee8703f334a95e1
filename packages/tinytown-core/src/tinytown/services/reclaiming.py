"""`reclaim`: what agents that have ended still hold is listed, handed to another agent, or put into the backlog.

First a plan is made, which a rehearsal gives back as it is; then the plan is carried out, item by item. Each item
names the holder that was seen, so what has moved on in the meantime is left alone, and a command that was cut off is
simply given again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from tinytown.domain.records import Agent, Task
from tinytown.domain.states import AgentState, Wanted
from tinytown.errors import NotFoundError, RefusedError, UsageError, WrongStateError
from tinytown.services import checks
from tinytown.services.context import TownContext
from tinytown.services.ended_agents import all_agents, has_ended, people_only, shown_state
from tinytown.services.held import Doing, Held, Reclaimed, Wish, without_needed
from tinytown.services.looking import show_as
from tinytown.services.orphans import needing, open_tasks, orphans_of_nobody, waiting_mail
from tinytown.services.steps import Steps, ask
from tinytown.services.trash import keep_task
from tinytown.services.working import see_to_it
from tinytown.storage.calls import reclaim as calls

_VERBS = {Doing.ASSIGN: "assign", Doing.REQUEUE: "requeue", Doing.CANCEL: "cancel"}


def reclaim(
    context: TownContext,
    *,
    from_: str | None = None,
    to: str | None = None,
    to_backlog: bool = False,
    orphan_tasks: bool = False,
    cancel: bool = False,
    delete: bool = False,
    dry_run: bool = False,
) -> Steps[Reclaimed]:
    """List what stopped and broken agents hold, or hand it on.

    Without ``to``, ``to_backlog``, ``cancel`` and ``delete`` nothing is changed. Tasks that wait or are blocked stay
    so, with their question; only whose they are changes. What is being verified needs no agent and stays.

    Args:
        context: The town.
        from_: Only what this agent holds; it must have ended.
        to: Give tasks and mail to this agent.
        to_backlog: Put tasks back into the backlog, and messages that ask for work as new tasks; other mail goes to
            the conductor's mailbox.
        orphan_tasks: Look at tasks alone, also at those whose agent is not on record at all.
        cancel: Cancel the tasks; only with ``orphan_tasks``.
        delete: Take the tasks off the books, with a copy under ``.tt/trash``; only with ``orphan_tasks``.
        dry_run: Only say what would be done.

    Returns:
        What was found and what was, or would be, done with each.

    Raises:
        UsageError: The arguments contradict each other; nothing was changed.
        NotFoundError: There is no such agent.
        RefusedError: An agent to take from still works, or one to give to does not; or a round asks.
    """
    check_wish(orphan_tasks=orphan_tasks, to=to is not None, backlog=to_backlog, cancel=cancel, delete=delete)
    people_only(context, "take what others hold")
    holders = yield from _holders(from_)
    taker = None if to is None else (yield from _taker(to))
    wish = Wish(to=taker, backlog=to_backlog, cancel=cancel, delete=delete)
    items = yield from _plan(holders, wish, gone=orphan_tasks and from_ is None, mail=not orphan_tasks)
    if not dry_run and wish.changes:
        items = yield from _carry_out(context, items)
    return Reclaimed(dry_run=dry_run, items=tuple(items))


def check_wish(*, orphan_tasks: bool, to: bool, backlog: bool, cancel: bool, delete: bool) -> None:
    """Refuse wishes that contradict each other.

    Raises:
        UsageError: They do.
    """
    if (cancel or delete) and not orphan_tasks:
        raise UsageError(
            detail="only orphan tasks can be cancelled or deleted; mail never is",
            hint="add `--orphan-tasks`, or move what is held with `--to` or `--to-backlog`",
        )
    if sum((to, backlog, cancel, delete)) > 1:
        raise UsageError(
            detail="what is held can go one way only",
            hint="choose one of `--to`, `--to-backlog`, `--cancel` and `--delete`",
        )


def _holders(from_: str | None) -> Steps[list[Agent]]:
    if from_ is None:
        return [agent for agent in (yield from all_agents()) if has_ended(agent)]
    agent = yield from show_as(Agent, "agent", checks.ref(from_, what="agent"))
    if not has_ended(agent) and agent.state is not AgentState.REMOVED:
        raise RefusedError(
            refusal="agent_lives",
            detail=f"agent `{agent.name}` is {shown_state(agent)}, so what it holds is its own",
            hint=f"stop it first with `tt kill {agent.name}`" if agent.cli else "read it with `tt inbox conductor`",
        )
    return [agent]


def _taker(ref: str) -> Steps[Agent]:
    agent = yield from show_as(Agent, "agent", checks.ref(ref, what="agent"))
    if not agent.cli:
        raise RefusedError(
            refusal="not_assignable", detail="the conductor takes no tasks", hint="use `--to-backlog` or another agent"
        )
    if has_ended(agent) or agent.state is AgentState.REMOVED or agent.wanted in {Wanted.STOPPED, Wanted.DRAINING}:
        raise RefusedError(
            refusal="agent_ends",
            detail=f"agent `{agent.name}` is {shown_state(agent)} and takes nothing over",
            hint=f"start it again with `tt restart {agent.name}`, or choose another agent",
        )
    return agent


def _plan(holders: Iterable[Agent], wish: Wish, *, gone: bool, mail: bool) -> Steps[list[Held]]:
    """List what is held and what shall become of each, in the order in which it is carried out."""
    tasks: list[tuple[Task, str]] = []
    letters: list[Held] = []
    for agent in holders:
        if agent.open_tasks:
            tasks += [(task, agent.name) for task in (yield from open_tasks(agent.id))]
        if mail and agent.mail:
            letters += [wish.message(message, agent) for message in (yield from waiting_mail(agent.id))]
    if gone:
        tasks += [(task, str(task.agent_id)) for task in (yield from orphans_of_nobody())]
    if wish.cancel or wish.delete:  # what depends on others was mostly made after them, and goes before them
        tasks.sort(key=lambda pair: -pair[0].seq)
    items = [wish.task(task, holder) for task, holder in tasks]
    if wish.delete:
        items = without_needed(items, (yield from needing()))
    return [*items, *letters]


def _carry_out(context: TownContext, items: Sequence[Held]) -> Steps[list[Held]]:
    """Do what was planned; each item says whether it was done."""
    done: list[Held] = []
    place = 0
    while place < len(items):
        item = items[place]
        if item.doing is Doing.MOVE:
            together = _moved_together(items, place)
            done += yield from _move(context, together)
            place += len(together)
            continue
        done.append((yield from _do(context, item)))
        place += 1
    if any(each.done for each in done):
        yield from see_to_it(context)
    return done


def _moved_together(items: Sequence[Held], place: int) -> list[Held]:
    """Give the messages from a place on that go from one agent to the same place."""
    first, found = items[place], list[Held]()
    for item in items[place : place + calls.MOVED_AT_ONCE]:
        if (item.doing, item.holder_id, item.to) != (first.doing, first.holder_id, first.to):
            break
        found.append(item)
    return found


def _move(context: TownContext, items: Sequence[Held]) -> Steps[list[Held]]:
    first = items[0]
    ids = [item.id for item in items]
    moved = yield from ask(calls.move_mail(first.holder_id, str(first.to), ids, **context.actor.fields))
    known = {message.id for message in moved}
    return [attrs.evolve(item, done=True) if item.id in known else _late(item) for item in items]


def _do(context: TownContext, item: Held) -> Steps[Held]:
    who, reason = context.actor.fields, f"its agent `{item.holder}` has ended"
    try:
        if item.doing is Doing.TASK:
            made = yield from ask(calls.message_to_task(item.id, item.holder_id, **who))
            return _late(item) if made is None else attrs.evolve(item, done=True)
        if item.doing is Doing.DELETE:
            seen = yield from keep_task(context, item.id)
            yield from ask(calls.delete_task(item.id, seen, holder=item.holder_id, reason=reason, **who))
            return attrs.evolve(item, done=True)
        if item.doing not in _VERBS:
            return item
        verb, to = _VERBS[item.doing], item.to if item.doing is Doing.ASSIGN else None
        taken = yield from ask(calls.reclaim_task(item.id, item.holder_id, verb, agent=to, reason=reason, **who))
    except (NotFoundError, RefusedError, WrongStateError) as error:
        return attrs.evolve(item, why=error.message)
    return _late(item) if taken is None else attrs.evolve(item, done=True)


def _late(item: Held) -> Held:
    return attrs.evolve(item, why=f"it no longer waits for `{item.holder}`")

"""What a town of the Rust program becomes here: a pure plan, printed by the dry run and carried out by the real one."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

import attrs

from tinytown.config.agent_clis import PRESETS, preset_name
from tinytown.config.command_line import needs_shell
from tinytown.config.write import town_name_from
from tinytown.domain.ids import CONDUCTOR_ID, IdKind, derived_id
from tinytown.domain.names import MAX_BODY_BYTES
from tinytown.services.migration_mail import as_mail
from tinytown.services.migration_missions import AllTasks, document_of, with_missions
from tinytown.storage.calls import imports
from tinytown.storage.protocol import Call
from tinytown.storage.redis.rust_town import SUPERVISOR, OldAgent, OldMessage, OldTask, OldTown, Skipped

BY = "migrate"
ALIVE_STATES = frozenset({"starting", "idle", "working", "paused", "draining"})
ALIVE_MS = 120_000
"""An agent of the Rust program that has shown itself within this time may still be running."""

_CLOSED = {"completed", "failed", "cancelled"}
_RESERVED_SUFFIXES = 10_000
_LONGEST_SHOWN = 500


@attrs.frozen(kw_only=True)
class Entry:
    """One thing that is brought over.

    Attributes:
        kind: ``agent``, ``task``, ``message`` or ``mission``.
        old: What names it in the old town.
        id: Its id here, or the file of a mission.
        text: One line for people.
        call: What brings it; None for a file.
        document: What the file holds.
    """

    kind: str
    old: str
    id: str
    text: str
    call: Call[Any] | None = None
    document: str | None = None


@attrs.frozen(kw_only=True)
class Here:
    """What of this town the plan depends on.

    Attributes:
        names: Names and nicknames of the agents, with their ids.
        node: The node that will run the agents.
        default_cli: Agent CLI for agents whose own command line is none here.
        clis: Agent CLIs of the user's own, with their command lines.
        now: The time in milliseconds, for what has none.
    """

    names: Mapping[str, str]
    node: str
    default_cli: str
    clis: Mapping[str, str]
    now: int


@attrs.define(kw_only=True)
class Plan:
    """What will be done, in order, and what will not.

    Attributes:
        entries: What is brought over.
        skipped: What is not, or not whole.
        notes: What a person should know.
        alive: Names of agents that may still be running.
    """

    entries: list[Entry] = attrs.Factory(list[Entry])
    skipped: list[Skipped] = attrs.Factory(list[Skipped])
    notes: list[str] = attrs.Factory(list[str])
    alive: list[str] = attrs.Factory(list[str])


def make_plan(old: OldTown, here: Here) -> Plan:
    """Decide what becomes of everything.

    Args:
        old: The old town.
        here: This town.
    """
    plan = Plan(skipped=list(old.skipped))
    names = _agents(plan, old, here)
    _tasks(plan, old, here, with_missions(old, plan.notes), names)
    for message in old.mail:
        _message(plan, message, here, names)
    for mission in old.missions:
        file, text = document_of(mission)
        plan.entries.append(
            Entry(kind="mission", old=mission.uuid, id=file, text=f"its whole record, as {file}", document=text)
        )
    if old.nameless:
        plan.notes.append(
            f"{old.nameless} keys of before towns had names may be of any town; `--legacy` brings them into this one"
        )
    for what, count in sorted(old.left.items()):
        plan.notes.append(f"{count} keys of {what} stay where they are")
    plan.alive = [
        agent.name for agent in old.agents if agent.state in ALIVE_STATES and here.now - agent.heartbeat < ALIVE_MS
    ]
    return plan


def _agents(plan: Plan, old: OldTown, here: Here) -> dict[str, str]:
    """Plan the agents, those above first. Gives the name here of each one by its old id."""
    taken = dict(here.names)
    known = {agent.uuid: agent for agent in old.agents}
    names = {SUPERVISOR: "conductor"}
    strange: dict[str, list[str]] = {}
    for agent in _after_their_needs(known, {ref: (each.parent,) for ref, each in known.items() if each.parent}):
        ref = derived_id(IdKind.AGENT, agent.uuid)
        own = {name for name, owner in taken.items() if owner == ref}
        name = _main_name(here, ref) or _free_name(agent.name, {*taken} - own)
        nickname = _nickname(plan, agent, name, taken, ref)
        taken[name] = ref
        if nickname:
            taken[nickname] = ref
        names[agent.uuid] = name
        cli = _cli(agent, here)
        if cli is None:
            cli = here.default_cli
            strange.setdefault(agent.cli.strip(), []).append(name)
        call = imports.agent(
            ref,
            name,
            cli=cli,
            role=_folded(agent.role) or "worker",
            node=here.node,
            nickname=nickname,
            parent=derived_id(IdKind.AGENT, agent.parent) if agent.parent in known else None,
            tasks_completed=agent.tasks_completed,
            rounds_completed=agent.rounds_completed,
            created_at=agent.created_at or here.now,
            last_active_at=agent.last_active_at or agent.heartbeat or agent.created_at or here.now,
            by=BY,
        )
        renamed = "" if name == agent.name else f", there `{agent.name[:60]}`"
        text = f"`{name}`{renamed}, stopped, runs {cli}"
        plan.entries.append(Entry(kind="agent", old=agent.uuid, id=ref, text=text, call=call))
    _suggest_clis(plan, strange, here)
    return names


def _main_name(here: Here, ref: str) -> str | None:
    """Give the name that an agent was brought over under before."""
    return next((name for name, owner in here.names.items() if owner == ref), None)


def _free_name(text: str, taken: Iterable[str]) -> str:
    base, taken = _folded(text) or "agent", set(taken)
    if base not in taken:
        return base
    found = (f"{base[:57]}-{number}" for number in range(2, _RESERVED_SUFFIXES))
    return next(name for name in found if name not in taken)


def _folded(text: str | None) -> str | None:
    """Make a valid name of any text; None where nothing is left of it."""
    if not text or text.lower() == "default":
        return None
    name = town_name_from(text)
    return None if name == "town" and "town" not in text.lower() else name


def _nickname(plan: Plan, agent: OldAgent, name: str, taken: Mapping[str, str], ref: str) -> str | None:
    nick = _folded(agent.nickname)
    if nick is None or nick == name:
        return None
    if taken.get(nick, ref) != ref:
        plan.notes.append(f"`{name}` comes without its nickname `{nick}`, which another agent has")
        return None
    return nick


def _cli(agent: OldAgent, here: Here) -> str | None:
    """Give the agent CLI of an agent; None for a command line that is none here."""
    text = agent.cli.strip()
    if not text:
        return here.default_cli
    words = " ".join(text.split())
    same = (name for name, command in here.clis.items() if " ".join(command.split()) == words)
    name = preset_name(text) or next(same, text)
    return name if name in here.clis or _folded(name) == name else None


def _suggest_clis(plan: Plan, strange: Mapping[str, list[str]], here: Here) -> None:
    """Say for each command line that is no agent CLI here how to make it one; that is found by the next dry run."""
    taken = {*here.clis, *PRESETS}
    for text, agents in strange.items():
        shown = ", ".join([*(f"`{name}`" for name in agents[:5]), *(("others",) if agents[5:] else ())])
        note = f"{shown} ran `{text[:120]}`, which is no agent CLI here, and would run {here.default_cli}"
        if needs_shell(text) or len(text) > _LONGEST_SHOWN or not text.isprintable():
            note += "; put it into a script and make that one with `tt config agent_clis.NAME SCRIPT` before migrating"
        else:
            name = _free_name(PurePath(text.split()[0].strip("'\"")).name, taken)
            taken.add(name)
            note += f"; before migrating, keep it with: tt config agent_clis.{name} {shlex.quote(text)}"
        plan.notes.append(note)


def _tasks(
    plan: Plan,
    old: OldTown,
    here: Here,
    work: AllTasks,
    names: Mapping[str, str],
) -> None:
    tasks, needs, blocked = work
    agents = {agent.uuid for agent in old.agents}
    queue = {str(mail.fields.get("task_id")): (place, mail.to) for place, mail in _orders(old)}
    backlog = {ref: place for place, ref in enumerate(old.backlog)}
    takers: dict[str, str] = {}
    for ref, task in tasks.items():
        taker = queue[ref][1] if ref in queue else task.agent if task.state != "pending" else None
        if taker in agents:
            takers[ref] = taker
        elif taker and taker != SUPERVISOR and task.state not in _CLOSED:
            plan.notes.append(f"task {ref} goes into the backlog, because its agent {taker} is not there")

    def place(task: OldTask) -> tuple[int, int, int]:
        if task.state in _CLOSED:
            return 0, task.created_at, 0
        if task.uuid in takers:
            running = task.state in {"running", "in_flight"}
            return 1, 0 if running else 1, queue.get(task.uuid, (1 << 40, ""))[0]
        return (2, backlog[task.uuid], 0) if task.uuid in backlog else (3, task.created_at, 0)

    ordered = {task.uuid: task for task in sorted(tasks.values(), key=lambda task: (*place(task), task.created_at))}
    above = {ref: (*needs.get(ref, ()), *((task.parent,) if task.parent else ())) for ref, task in ordered.items()}
    for task in _after_their_needs(ordered, above):
        if _too_long(plan, f"task {task.uuid}", task.description, task.result):
            continue
        taker = takers.get(task.uuid)
        state = task.state if task.state in _CLOSED else "blocked" if task.uuid in blocked else "pending"
        made = task.created_at or task.updated_at or here.now
        ref = derived_id(IdKind.TASK, task.uuid)
        call = imports.task(
            ref,
            _clean(task.description),
            state=state,
            agent=derived_id(IdKind.AGENT, taker) if taker else None,
            role=None,
            tags=task.tags,
            depends_on=[derived_id(IdKind.TASK, need) for need in needs.get(task.uuid, ()) if need in tasks],
            parent=derived_id(IdKind.TASK, task.parent) if task.parent in tasks else None,
            result=_clean(task.result) if task.result and state == "completed" else None,
            reason=blocked.get(task.uuid) or (_clean(task.result) if task.result and state in _CLOSED else None),
            created_at=made,
            updated_at=task.updated_at or made,
            started_at=task.started_at,
            closed_at=(task.completed_at or task.updated_at or made) if state in _CLOSED else 0,
            by=BY,
        )
        whose = f", {names[taker]}" if taker else ""
        waits = any(need in tasks and tasks[need].state != "completed" for need in needs.get(task.uuid, ()))
        shown = state if state != "pending" else "waiting" if waits else "assigned" if taker else state
        line = task.description.strip().splitlines()[0][:60]
        plan.entries.append(Entry(kind="task", old=task.uuid, id=ref, text=f"{shown}{whose}: {line}", call=call))
    for ref in old.backlog:
        if ref not in tasks:
            plan.skipped.append(Skipped("backlog", f"names task {ref}, which is not there or cannot be read"))
    for _, mail in _orders(old):
        ref = str(mail.fields.get("task_id"))
        if ref not in tasks:
            plan.skipped.append(Skipped(mail.key, f"assigns task {ref[:60]}, which is not there or cannot be read"))
        elif tasks[ref].state in _CLOSED:
            plan.notes.append(f"{mail.key} assigns task {ref}, which is {tasks[ref].state}")


def _orders(old: OldTown) -> list[tuple[int, OldMessage]]:
    return [(place, mail) for place, mail in enumerate(old.mail) if mail.type == "task_assign"]


def _message(plan: Plan, message: OldMessage, here: Here, names: Mapping[str, str]) -> None:
    if message.type == "task_assign":
        return  # it is the task in its agent's queue
    if message.to not in names:
        plan.skipped.append(Skipped(message.key, f"message {message.uuid[:36]} is to an agent that is not there"))
        return
    mail = as_mail(message.type, message.fields)
    if mail is None:
        reason = f"message {message.uuid[:36]} is of the unknown type {message.type[:40]!r}"
        plan.skipped.append(Skipped(message.key, reason))
        return
    if _too_long(plan, f"message {message.uuid[:36]}", mail.body):
        return
    ref = derived_id(IdKind.MESSAGE, message.uuid)
    sender = names.get(message.sender, "person")
    writer = None if message.sender not in names else _id_of(message.sender)
    call = imports.message(
        ref,
        _id_of(message.to),
        _clean(mail.body),
        sender=sender,
        kind=mail.kind,
        from_id=writer,
        urgent=message.urgent,
        created_at=message.created_at or here.now,
        by=BY,
    )
    line = mail.body.strip().splitlines()[0][:60] if mail.body.strip() else ""
    text = f"{mail.kind}{' (urgent)' if message.urgent else ''} from {sender} to {names[message.to]}: {line}"
    plan.entries.append(Entry(kind="message", old=message.uuid[:36], id=ref, text=text, call=call))


def _id_of(uuid: str) -> str:
    return CONDUCTOR_ID if uuid == SUPERVISOR else derived_id(IdKind.AGENT, uuid)


def _clean(text: str) -> str:
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _too_long(plan: Plan, what: str, *texts: str | None) -> bool:
    longest = max(len((text or "").encode("utf-8", "replace")) for text in texts)
    if longest > MAX_BODY_BYTES:
        plan.skipped.append(Skipped(what, f"holds a text of {longest} bytes, more than {MAX_BODY_BYTES}"))
    return longest > MAX_BODY_BYTES


def _after_their_needs(records: Mapping[str, Any], needs: Mapping[str, Iterable[str]]) -> list[Any]:
    """Order records so that what one refers to comes before it; within a circle the given order stays."""
    done: dict[str, Any] = {}
    begun: set[str] = set()
    for start in records:
        stack = [start]
        while stack:
            ref = stack[-1]
            first = ref not in begun
            begun.add(ref)
            missing = [need for need in needs.get(ref, ()) if need in records and need not in begun] if first else []
            if missing:
                stack += reversed(missing)
                continue
            stack.pop()
            done.setdefault(ref, records[ref])
    return list(done.values())

"""A key of a wrong type in every place that a verb reads or writes: refused, and nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tinytown.domain.ids import IdKind
from tinytown.errors import StorageCorruptError
from tinytown.storage.calls import agents, edits, imports, mail, nodes, reclaim, rounds, tasks
from tinytown.storage.calls import town as towns
from tinytown.storage.protocol import Call
from tinytown.testing.contract.base import ContractPart, refused
from tinytown.testing.hands import NODE, NONCE, Hands, gates
from tinytown.testing.subjects import memory_subject

AS_NODE: Mapping[str, Any] = {"node_id": NODE, "nonce": NONCE}


def _busy(town: Hands) -> str:
    """Two agents, one in a round with a task that another waits for, and with mail; gives the task's id."""
    town.spawn("w1")
    town.spawn("w2", nickname="max")
    ref = town.add(agent="w1", role="mason").id
    town.add(agent="w2", depends_on=[ref])
    town.send("w1")
    town.begin("w1")
    town.send("w1", urgent=True)
    return ref


def _submitted(town: Hands) -> str:
    ref = _busy(town)
    live = town.agent_round("w1")
    town.submit(ref, live)
    town.end(live, gates=gates("tests"))
    return ref


def _ending(outcome: str, **said: Any) -> Callable[[Hands], Call[Any]]:
    def make(town: Hands) -> Call[Any]:
        ref = _busy(town)
        live = town.agent_round("w1")
        if said:
            town.submit(ref, live)
        return rounds.end(live.id, rounds.RoundReport(outcome=outcome, **said), **AS_NODE)

    return make


def _gate_ending(result: str) -> Callable[[Hands], Call[Any]]:
    def make(town: Hands) -> Call[Any]:
        gate = town.begin_gate(_submitted(town))
        return rounds.gate_end(gate.id, result, outcome="ok", findings="no", evidence={"kind": "gate"}, **AS_NODE)

    return make


def _blocked(town: Hands) -> str:
    ref = town.add(agent=town.spawn("w1").name).id
    town.run(tasks.block(ref, "question: ?"))
    return ref


def _dead_letter(town: Hands) -> Call[Any]:
    town.spawn("w1")
    town.send("w1")
    for _ in range(2):
        town.end(town.begin("w1"), "crashed")
        town.clock.advance(3_600_000)
    return rounds.end(town.begin("w1").id, rounds.RoundReport(outcome="crashed"), **AS_NODE)


def _reopen(town: Hands) -> Call[Any]:
    ref = town.add(agent=town.spawn("w1").name).id
    town.add(depends_on=[ref])
    town.run(tasks.cancel(ref))
    return tasks.reopen(ref)


def _edit(town: Hands) -> Call[Any]:
    old, new, above = town.add().id, town.add().id, town.add().id
    town.add("further", depends_on=[new])
    ref = town.add(agent=town.spawn("w1").name, depends_on=[old]).id
    return edits.edit(ref, {"description": "other", "depends_on": [new], "parent_id": above, "role": "mason"})


def _drain(town: Hands) -> Call[Any]:
    ref = town.add().id
    for _ in range(103):
        town.add(depends_on=[ref])
    town.run(tasks.submit(ref))
    return tasks.drain()


def _reconcile(town: Hands) -> Call[Any]:
    town.add(agent=town.spawn("w1").name)
    town.subject.remove(f"due:{NODE}")
    return nodes.reconcile(NODE, NONCE)


def _restarted(town: Hands) -> Call[Any]:
    _busy(town)
    town.want("w1", "restart")
    return rounds.end(town.agent_round("w1").id, rounds.RoundReport(outcome="interrupted"), **AS_NODE)


def _reply(town: Hands) -> Call[Any]:
    _busy(town)
    live = town.agent_round("w1")
    return mail.send("m-77777777", "w2", "so", reply_to=live.messages[0], round_id=live.id)


def _taken(town: Hands, work: Callable[[Hands], Any]) -> Call[Any]:
    agent = town.spawn("w1")
    work(town)
    return rounds.take("r-77777777", agent.id, **AS_NODE)


def _want(town: Hands, verb: str) -> Call[Any]:
    _busy(town)
    return agents.want("w1", verb)


def _spawn(town: Hands) -> Call[Any]:
    _busy(town)
    return agents.spawn("a-77777777", "w9", cli="script", node=NODE, nickname="nine", parent="w1")


def _error(town: Hands) -> Call[Any]:
    return agents.error(town.spawn("w1", ready=False).id, 1, "none", **AS_NODE)


def _left(town: Hands) -> tuple[str, str]:
    """An agent that was stopped with a task that another waits for and with mail; gives its id and the task's."""
    town.spawn("w2")
    ref = _blocked(town)
    town.send("w1", urgent=True)
    town.want("w1", "kill")
    return town.agent("w1").id, ref


def _move_mail(town: Hands) -> Call[Any]:
    holder, _ref = _left(town)
    return reclaim.move_mail(holder, "w2", [item.id for item in town.run(mail.peek(holder)).items])


def _message_to_task(town: Hands) -> Call[Any]:
    holder, _ref = _left(town)
    return reclaim.message_to_task(town.run(mail.peek(holder)).items[0].id, holder)


def _reclaim_task(town: Hands, verb: str) -> Call[Any]:
    holder, ref = _left(town)
    return reclaim.reclaim_task(ref, holder, verb, agent="w2")


def _delete_task(town: Hands) -> Call[Any]:
    holder, ref = _left(town)
    town.run(tasks.cancel(town.add(depends_on=[ref]).id))
    return reclaim.delete_task(ref, town.task(ref).updated_at, holder=holder)


def _remove(town: Hands) -> Call[Any]:
    town.spawn("w1", nickname="max")
    town.want("w1", "kill")
    return agents.remove("w1")


AGES: Mapping[str, Any] = {"created_at": 1, "updated_at": 2}


def _import_agent(town: Hands) -> Call[Any]:
    above = town.spawn("w1").id
    given: dict[str, Any] = {"cli": "script", "role": "worker", "node": NODE, "created_at": 1, "last_active_at": 2}
    return imports.agent("a-77777777", "w9", nickname="nine", parent=above, **given)


SCENES: Mapping[str, Callable[[Hands], Call[Any]]] = {
    "add": lambda t: tasks.add("t-77777777", "more", agent="w2", depends_on=[_busy(t)]),
    "add pending": lambda t: tasks.add("t-77777777", "more", role="mason", parent=_busy(t)),
    "assign": lambda t: tasks.assign(t.add(agent=t.spawn("w1").name).id, t.spawn("w2").name),
    "assign as an order": lambda t: tasks.assign(_busy(t), "w2"),
    "submit": lambda t: tasks.submit(_busy(t), round_id=t.agent("w1").round_id),
    "submit by a person": lambda t: tasks.submit(_blocked(t), no_gates=True),
    "fail": lambda t: tasks.fail(_blocked(t), "no"),
    "block": lambda t: tasks.block(t.add(agent=t.spawn("w1").name).id, "question: ?"),
    "unblock": lambda t: tasks.unblock(_blocked(t), answer="so"),
    "requeue": lambda t: tasks.requeue(_blocked(t)),
    "cancel": lambda t: tasks.cancel(t.task(_submitted(t)).id),
    "reopen": _reopen,
    "edit": _edit,
    "add to a plan": lambda _t: tasks.add("t-77777777", "more", plan_id="roof"),
    "name in a plan": lambda t: edits.link(t.add().id, "roof"),
    "drain": _drain,
    "take a task": lambda t: _taken(t, lambda t: (t.add(agent="w1"), t.send("w1"))),
    "take mail": lambda t: _taken(t, lambda t: t.send("w1")),
    "end ok": _ending("ok"),
    "end submitted": _ending("ok", gates=gates("tests")),
    "end completed": _ending("ok", head_after="c0ffee"),
    "end crashed": _ending("crashed"),
    "end limited": _ending("rate_limited"),
    "end signed out": _ending("auth_required"),
    "end with a question": _ending("needs_input"),
    "end restarting": _restarted,
    "end with a dead letter": _dead_letter,
    "gate take": lambda t: rounds.gate_take("r-77777777", _submitted(t), **AS_NODE),
    "gate pass": _gate_ending("pass"),
    "gate reject": _gate_ending("reject"),
    "gate unavailable": _gate_ending("unavailable"),
    "spawn": _spawn,
    "interrupt": lambda t: _want(t, "interrupt"),
    "kill": lambda t: _want(t, "kill"),
    "restart": lambda t: agents.want(t.spawn("w1").name, "restart"),
    "close": lambda t: agents.want(t.spawn("w1").name, "close"),
    "remove": _remove,
    "move mail": _move_mail,
    "message to task": _message_to_task,
    "reclaim": lambda t: _reclaim_task(t, "assign"),
    "reclaim to cancel": lambda t: _reclaim_task(t, "cancel"),
    "delete": _delete_task,
    "ready": lambda t: agents.ready(t.spawn("w1", ready=False).id, 1, account="x", **AS_NODE),
    "error": _error,
    "send": lambda t: mail.send("m-77777777", t.spawn("w1").name, "hello", urgent=True),
    "reply": _reply,
    "handle": lambda t: mail.handle((t.spawn("w1"), t.send("w1"))[1].id),
    "inbox": lambda t: (_busy(t), mail.show(round_id=t.agent("w1").round_id))[1],
    "join": lambda _t: nodes.join("n-77777777", name="x", pid=1, host="h", nonce="y", capacity=1),
    "beat": lambda _t: nodes.beat(NODE, NONCE, running=1),
    "leave": lambda _t: nodes.leave(NODE, NONCE, "down"),
    "reconcile": _reconcile,
    "answer": lambda t: (_blocked(t), towns.close_attention(t.open_items()[0].id, "answer", answer="so"))[1],
    "dismiss": lambda t: (_blocked(t), towns.close_attention(t.open_items()[0].id, "dismiss"))[1],
    "import an agent": _import_agent,
    "import an open task": lambda t: imports.task(
        "t-77777777", "x", state="pending", agent=t.spawn("w1").id, depends_on=[t.add().id], **AGES
    ),
    "import a closed task": lambda t: imports.task(
        "t-77777777", "x", state="completed", agent=t.spawn("w1").id, closed_at=3, **AGES
    ),
    "import a blocked task": lambda _t: imports.task("t-77777777", "x", state="blocked", reason="question: ?", **AGES),
    "import mail": lambda t: imports.message(
        "m-77777777", t.spawn("w1").id, "x", sender="ann", kind="task", urgent=True, created_at=1
    ),
    "claim": lambda _t: towns.claim("kit", "instance-1", max_events=50),
}


def _touched(scene: Callable[[Hands], Call[Any]]) -> list[str]:
    """The keys that a verb changes, and those that it reads: found out on a town in memory."""
    town = Hands(memory_subject())
    call = scene(town)
    before = town.subject.dump()
    bells = {name: town.subject.first.newest_id(name) for name in before if name.startswith("bell:")}
    town.run(call)
    after = town.subject.dump()
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    rung = {name for name in after if name.startswith("bell:")}
    changed |= {name for name in rung if town.subject.first.newest_id(name) != bells.get(name)}
    return sorted(changed)


class Damage(ContractPart):
    """A script reads first and writes last."""

    @pytest.mark.parametrize("scene", sorted(SCENES))
    def test_a_key_of_a_wrong_type_is_refused_and_changes_nothing(self, town: Hands, scene: str) -> None:
        call = SCENES[scene](town)
        touched = _touched(SCENES[scene])
        assert touched
        for key in touched:
            with town.subject.planted(key):
                error = refused(town, StorageCorruptError, call)
                assert isinstance(error, StorageCorruptError)
                assert error.key.endswith(key)
        operation = town.new(IdKind.OPERATION)
        town.run(call, operation=operation)

"""Random steps through a town, chosen by a seed: mostly sensible, often late, wrong or said twice.

The chooser looks into the town in memory, so the same seed gives the same steps whatever storage they run on.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from tinytown.domain.ids import CONDUCTOR_ID, IdKind
from tinytown.domain.outcomes import Outcome
from tinytown.domain.records import Gate
from tinytown.storage.calls import agents, edits, mail, nodes, rounds, saves, tasks, town
from tinytown.storage.protocol import Answer, Call
from tinytown.testing.walk_imports import imported
from tinytown.testing.walk_reclaim import cleaning
from tinytown.testing.walk_step import Step

NODES: Sequence[str] = ("n-00000001", "n-00000002")
NAMES = ("ada", "bob", "cleo", "dan", "eve")
ROLES = (None, None, "worker", "mason")
RECENT = 25
HOUR_MS = 3_600_000


class Walk:
    """Chooses the next step.

    Args:
        seed: Decides everything.
        data: The keys of the town in memory.
        nonce: Of the lives that the nodes have already, in a town that other steps have been through.
        count: How many ids were given there.
    """

    def __init__(self, seed: int, data: Mapping[str, Any], *, nonce: str | None = None, count: int = 0) -> None:
        self._random = random.Random(seed)  # noqa: S311 - tests, not secrets
        self._data = data
        self._count = count
        self._nonces = dict.fromkeys(NODES, nonce or "life-0")
        self._last: Step | None = None
        begin = [town.claim("walk", "instance-1"), *(self._join(ref) for ref in NODES)]
        self._begin: list[Call[Any]] = [] if nonce else begin
        ways: Mapping[Callable[[], Call[Any]], int] = {
            self._add: 12, self._assign: 8, self._submit: 4, self._fail: 2, self._block: 3, self._unblock: 6,
            self._requeue: 3, self._cancel: 2, self._reopen: 4, self._say: 14, self._say_wrongly: 4, self._send: 12,
            self._handle: 3, self._inbox: 5, self._spawn: 4, self._want: 6, self._ready: 10, self._error: 1,
            self._take: 24, self._end: 22, self._gate_take: 9, self._gate_end: 9, self._beat: 1, self._leave: 1,
            self._rejoin: 1, self._reconcile: 2, self._attention: 3, self._look: 12, tasks.drain: 1, self._edit: 4,
            self._link: 1, self._wait: 4, self._clean: 14, self._import: 3,
        }  # fmt: skip
        self._ways, self._weights = list(ways), list(ways.values())

    def step(self) -> Step:
        """Choose the next step."""
        chance = self._random.random()
        if self._last is not None and chance < 0.04:  # noqa: PLR2004 - how often a step is sent twice
            return attrs.evolve(self._last, client=1 - self._last.client, ticks=0)
        call = self._begin.pop(0) if self._begin else self._random.choices(self._ways, self._weights)[0]()
        ticks = self._random.choices((0, 1, 700, 6_000, 70_000, HOUR_MS), (30, 30, 20, 15, 5, 1))[0]
        self._last = Step(self._random.randrange(2), call, self._new(IdKind.OPERATION), ticks)
        return self._last

    # Choosing

    def _new(self, kind: IdKind) -> str:
        self._count += 1
        return f"{kind.value}-{self._count:010d}"

    def _maybe(self, value: Any, chance: float = 0.3) -> Any:
        return value if self._random.random() < chance else None

    def _records(self, family: str, /, **wanted: Any) -> list[Mapping[str, Any]]:
        """The latest records of a kind whose fields are as wanted; ``...`` stands for anything that is there."""
        found: list[Mapping[str, Any]] = []
        for name in reversed(list(self._data)):
            if name.startswith(family + ":"):
                record = self._data[name]
                if all(record.get(k) == v or (v is ... and record.get(k)) for k, v in wanted.items()):
                    found.append(record)
                    if len(found) == RECENT:
                        break
        return found

    def _one(self, family: str, /, **wanted: Any) -> Mapping[str, Any]:
        """One of those, or a record that is not there."""
        return self._random.choice(self._records(family, **wanted) or [{"id": f"{family[0]}-zzzzzzzz"}])

    def _task(self, *states: str) -> str:
        """A task, mostly in one of some states."""
        state = self._random.choice(states) if states and self._random.random() < 0.8 else None  # noqa: PLR2004
        return str(self._one("task", **({"state": state} if state else {}))["id"])

    def _name(self) -> str:
        return self._random.choice(NAMES)

    def _who(self) -> dict[str, Any]:
        """A person, or an agent inside its live round."""
        live = self._maybe(self._one("round", state="live", kind="work")["id"], 0.15)
        return {"round_id": live} if live else {"by": self._maybe("ann")}

    def _gates(self, chance: float = 0.6) -> Sequence[Gate]:
        gates = [Gate(name=name, command="true") for name in ("lint", "tests")]
        return self._random.sample(gates, self._random.randint(1, 2)) if self._random.random() < chance else ()

    def _as_node(self, node: str | None = None) -> dict[str, str]:
        ref = node or self._random.choice(NODES)
        return {"node_id": ref, "nonce": self._nonces.get(ref, "none") if self._random.random() < 0.98 else "stale"}  # noqa: PLR2004

    # Tasks

    def _add(self) -> Call[Any]:
        needs = [self._task("waiting", "pending", "assigned", "running") for _ in range(self._random.randint(1, 3))]
        return tasks.add(
            self._new(IdKind.TASK),
            f"do {self._count} ✓",
            agent=self._maybe(self._name(), 0.6),
            role=self._random.choice(ROLES),
            tags=self._maybe(["roof"]) or (),
            depends_on=[ref for ref in needs if not ref.endswith("zzzzzzzz")] if self._random.random() < 0.35 else (),  # noqa: PLR2004
            parent=self._maybe(self._one("task")["id"], 0.1),
            plan_id=self._maybe(f"entry-{self._random.randrange(40)}", 0.1),
            gates=self._gates(0.2),
            **self._who(),
        )

    def _assign(self) -> Call[Any]:
        ref = self._task("pending", "waiting", "assigned", "running", "blocked")
        return tasks.assign(ref, self._name(), only_pending=self._random.random() < 0.4, **self._who())  # noqa: PLR2004

    def _submit(self) -> Call[Any]:
        return tasks.submit(
            self._task("pending", "waiting", "assigned", "running", "blocked", "verifying"),
            result=self._maybe("done by hand"),
            gates=self._gates(),
            gate_node=self._random.choice(NODES),
            no_gates=self._random.random() < 0.2,  # noqa: PLR2004
            by=self._maybe("ann"),
        )

    def _fail(self) -> Call[Any]:
        return tasks.fail(self._task("assigned", "running", "waiting"), "too hard")

    def _block(self) -> Call[Any]:
        reason = self._random.choice(["question: how?", "needs_input: which?", "waits_for_people: now"])
        return tasks.block(self._task("assigned", "running", "blocked", "verifying", "pending"), reason)

    def _unblock(self) -> Call[Any]:
        return tasks.unblock(self._task("blocked"), answer=self._maybe("so"), **self._who())

    def _requeue(self) -> Call[Any]:
        return tasks.requeue(self._task("assigned", "running", "verifying", "blocked"), **self._who())

    def _cancel(self) -> Call[Any]:
        ref = self._task("assigned", "running", "verifying", "blocked", "waiting")
        return tasks.cancel(ref, reason=self._maybe("no need"), **self._who())

    def _reopen(self) -> Call[Any]:
        return tasks.reopen(self._task("failed", "cancelled"), **self._who())

    def _say(self) -> Call[Any]:
        live = self._one("round", state="live", kind="work", task_id=...)
        return self._verdict(live["id"], live.get("task_id") or "t-zzzzzzzz")

    def _say_wrongly(self) -> Call[Any]:
        return self._verdict(self._one("round")["id"], self._task())

    def _verdict(self, round_id: str, task: str) -> Call[Any]:
        verb = self._random.choices(("submit", "fail", "block"), (6, 1, 1))[0]
        if verb == "submit":
            return tasks.submit(task, result="mended", round_id=round_id)
        if verb == "fail":
            return tasks.fail(task, "cannot", round_id=round_id)
        return tasks.block(task, "question: which roof?", round_id=round_id)

    def _edit(self) -> Call[Any]:
        values: dict[str, str | Sequence[str]] = {
            "description": f"rather do {self._count}",
            "role": self._random.choice(("", "mason")),
            "tags": self._random.choice(((), ("roof",), ("door", "roof"))),
            "depends_on": [self._task("waiting", "pending", "blocked") for _ in range(self._random.randrange(3))],
            "parent_id": self._random.choice(("", str(self._one("task")["id"]))),
        }
        chosen = self._random.sample(sorted(values), self._random.randint(1, 2))
        ref = self._task("pending", "waiting", "assigned", "blocked")
        seen = self._maybe({"role": "mason", "tags": ["roof"]}, 0.2)
        return edits.edit(ref, {name: values[name] for name in chosen}, seen=seen, **self._who())

    def _link(self) -> Call[Any]:
        return edits.link(self._task(), f"entry-{self._random.randrange(40)}", **self._who())

    # Mail

    def _sender(self) -> dict[str, Any]:
        return self._who() if self._random.random() < 0.7 else {"by": "conductor"}  # noqa: PLR2004

    def _send(self) -> Call[Any]:
        return mail.send(
            self._new(IdKind.MESSAGE),
            self._random.choice((*NAMES, "conductor", "supervisor")),
            "x" * self._random.choice((1, 50, 20_000)),
            kind=self._random.choice(("task", "query", "info", "ack")),
            urgent=self._random.random() < 0.3,  # noqa: PLR2004
            reply_to=self._maybe(self._one("message")["id"]),
            ttl_ms=self._maybe(5_000, 0.1),
            **self._sender(),
        )

    def _handle(self) -> Call[Any]:
        return mail.handle(self._one("message")["id"], **self._who())

    def _inbox(self) -> Call[Any]:
        live = self._maybe(self._one("round", state="live", kind="work")["id"], 0.8)
        return mail.show(
            round_id=live, limit=self._random.choice((1, 100)), after=self._maybe(self._random.randrange(40), 0.1)
        )

    # Agents and rounds

    def _spawn(self) -> Call[Any]:
        return agents.spawn(
            self._new(IdKind.AGENT),
            self._name(),
            cli="script",
            node=self._random.choice(NODES),
            role=self._random.choice(ROLES),
            nickname=self._maybe(self._random.choice((*NAMES, "nick", "jo")), 0.2),
            max_rounds=self._maybe(6, 0.15),
            parent=self._maybe(self._name(), 0.1),
            **self._who(),
        )

    def _want(self) -> Call[Any]:
        verbs = ("interrupt", "resume", "close", "kill", "restart")
        return agents.want(self._name(), self._random.choices(verbs, (2, 5, 1, 1, 4))[0])

    def _clean(self) -> Call[Any]:
        return cleaning(self._random, self._records, (*NAMES, "conductor"), self._who())

    def _ready(self) -> Call[Any]:
        cold = self._random.choice(self._records("agent", state="cold") or self._records("agent"))
        account = self._random.choice((None, "shared", "shared"))
        return agents.ready(cold["id"], cold["incarnation"], account=account, **self._as_node(cold.get("node")))

    def _error(self) -> Call[Any]:
        agent = self._one("agent")
        return agents.error(agent["id"], agent.get("incarnation", 1), "no such program", **self._as_node())

    def _take(self) -> Call[Any]:
        idle = [a for a in self._records("agent", state="idle") if a["id"] != CONDUCTOR_ID]
        agent = self._random.choice(idle or self._records("agent"))
        round_id = self._one("round")["id"] if self._random.random() < 0.03 else self._new(IdKind.ROUND)  # noqa: PLR2004
        return rounds.take(
            round_id,
            agent["id"],
            max_rounds_per_task=self._random.choice((4, 10)),
            budget_bytes=self._random.choice((100, 30_000, 96 * 1024)),
            mail_rounds_per_hour=self._random.choice((2, 20)),
            max_tokens=self._maybe(self._random.choice((100, 10_000)), 0.2),
            max_micros=self._maybe(self._random.choice((0, 10_000_000)), 0.1),
            **self._as_node(agent.get("node") if self._random.random() < 0.97 else None),  # noqa: PLR2004
        )

    def _end(self) -> Call[Any]:
        live = self._one("round", state="live", kind="work")
        outcome = self._random.choice(("ok", "ok", "ok", *Outcome))
        report = rounds.RoundReport(
            outcome=str(outcome),
            detail=self._maybe("what now?"),
            exit_code=self._maybe(0),
            session_id=self._maybe("s-1"),
            forget_session=self._random.random() < 0.05,  # noqa: PLR2004
            head_after=self._maybe("c0ffee"),
            branch=self._maybe("roof"),
            input_tokens=self._maybe(10),
            cost_micros=self._maybe(1_500),
            verdict=self._maybe({"verb": "submit", "result": "by the node"}, 0.05),
            retry_ms=self._maybe(30_000),
            uncommitted=self._maybe(["a.py"], 0.1) or (),
            gates=self._gates(),
            shown=self._maybe({"after_ms": 7, "at": {ref: [3, 40] for ref in live.get("messages") or ()}}),
        )
        return rounds.end(live["id"], report, **self._as_node(live.get("node")))

    def _gate_take(self) -> Call[Any]:
        task = self._one("task", state="verifying")
        return rounds.gate_take(
            self._new(IdKind.ROUND), task["id"], head=self._maybe("c0ffee"), **self._as_node(task.get("gate_node"))
        )

    def _gate_end(self) -> Call[Any]:
        live = self._one("round", state="live", kind="gate")
        result = self._random.choices(("pass", "reject", "unavailable", "lost"), (5, 3, 2, 1))[0]
        return rounds.gate_end(
            live["id"],
            result,
            outcome="ok",
            exit_code=0,
            findings="tests fail",
            evidence={"kind": "gate", "exit": 0},
            detail=self._maybe("no space"),
            **self._as_node(live.get("node")),
        )

    def _import(self) -> Call[Any]:
        return imported(self._random, lambda kind: str(self._one(kind)["id"]), self._new, NAMES, NODES)

    # Nodes, people, queries

    def _join(self, ref: str, *, force: bool = False) -> Call[Any]:
        return nodes.join(ref, name=ref, pid=7, host="here", nonce=self._nonces[ref], capacity=4, force=force)

    def _rejoin(self) -> Call[Any]:
        ref = self._random.choice(NODES)
        if self._random.random() < 0.5:  # noqa: PLR2004
            return nodes.join(ref, name=ref, pid=8, host="there", nonce="thief", capacity=1)
        self._nonces[ref] = self._new(IdKind.NODE)
        return self._join(ref, force=True)

    def _beat(self) -> Call[Any]:
        node = self._as_node()
        return nodes.beat(node["node_id"], node["nonce"], running=self._random.randrange(3))

    def _leave(self) -> Call[Any]:
        node = self._as_node()
        return nodes.leave(node["node_id"], node["nonce"], self._random.choice(("stopping", "down")))

    def _reconcile(self) -> Call[Any]:
        node = self._as_node()
        return nodes.reconcile(
            node["node_id"],
            node["nonce"],
            after_task=self._maybe(self._random.randrange(1 + self._count)),
            limit=self._random.choice((2, 200)),
            set_back=self._random.random() < 0.25,  # noqa: PLR2004
        )

    def _attention(self) -> Call[Any]:
        item, verb = self._one("attention")["id"], self._random.choice(("answer", "dismiss"))
        return town.close_attention(item, verb, answer=self._maybe("yes"), by="ann")

    def _wait(self) -> Call[Any]:
        return town.wait_facts(
            self._random.choice((self._task(), self._name(), "conductor")),
            local=self._maybe(self._random.choice(NODES)),
            runs=self._random.random() < 0.7,  # noqa: PLR2004
            lost_ms=self._random.choice((45_000, 100 * HOUR_MS)),
            apart=self._maybe(["mason"]) or (),
            auto_claim=self._random.random() < 0.9,  # noqa: PLR2004
        )

    def _export(self) -> Call[Any]:
        """Read some records whole; ids of events are the server's time and may differ."""
        after = self._maybe(self._one("task")["id"]) or ""
        call = saves.export(after=after, limit=self._random.choice((2, 50)), bytes_=self._random.choice((100, 10_000)))

        def decode(answer: Answer) -> saves.Exported:
            return attrs.evolve(call.decode(answer), newest="")

        return attrs.evolve(call, decode=decode)

    def _look(self) -> Call[Any]:
        kind = self._random.choice(("task", "agent", "message", "round", "attention", "node"))
        ref = str(self._one(kind)["id"])
        part = ref[: self._random.randint(2, len(ref))]
        state = self._maybe(self._random.choice(("pending", "assigned", "blocked", "completed", "failed")))
        queries: Sequence[Callable[[], Call[Any]]] = (
            lambda: town.show(self._random.choice((ref, part, self._name()))),
            lambda: town.show(part, kind),
            lambda: town.status(limit=self._random.choice((2, 100))),
            self._wait,
            lambda: town.why_facts(self._random.choice((ref, self._name()))),
            lambda: town.attention(limit=self._random.choice((1, 100))),
            lambda: tasks.listing(state=state, agent=self._maybe(self._name()), limit=self._random.choice((3, 50))),
            lambda: tasks.listing(after=self._random.randrange(1 + self._count), limit=5),
            lambda: tasks.current(self._name()),
            lambda: edits.planned([ref, *(f"entry-{number}" for number in range(0, 40, 7))]),
            lambda: agents.listing(limit=self._random.choice((2, 50))),
            lambda: agents.rounds(self._name(), limit=3),
            lambda: mail.peek(
                self._random.choice((*NAMES, "conductor")), limit=3, after=self._maybe(self._random.randrange(80))
            ),
            lambda: nodes.pull(self._random.choice(NODES)),
            lambda: nodes.snapshot(self._random.choice(NODES), limit=self._random.choice((2, 50))),
            nodes.listing,
            self._export,
        )
        return self._random.choice(queries)()

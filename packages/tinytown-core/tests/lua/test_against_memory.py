"""Every script does what its twin in memory does: the same answer, and the same data after it."""

import json
import random
import typing

import attrs
import pytest
from tinytown.domain.outcomes import Outcome
from tinytown.domain.records import Gate
from tinytown.storage import codec
from tinytown.storage.calls import agents, edits, mail, nodes, reclaim, rounds, tasks, town
from tinytown.storage.memory.tx import Entries, Hash, Members, SortedSet, Stream

WORDS = ["fix the ü bug", "", 'say "hi"\n\\ to them', "日本語 " * 80, "x" * 700, "a: b: c", "question: which one?"]
REASONS = ["question: which one?", "stuck", "needs_input: a or b", "other:", "odd::  x"]
GATES = [Gate(name="test", command="true"), Gate(name="lint", command="false", timeout_secs=5)]
HOUR = 3_600_000


def plain(value):
    """Leave out what is absent: None, and empty lists and objects, which a server does not tell apart."""
    if isinstance(value, dict):
        items = {name: plain(item) for name, item in value.items()}
        return {name: item for name, item in items.items() if item is not None and item != []} or []
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def readers(kind):
    hints = typing.get_type_hints(codec.KINDS[kind])
    found = {"seq": int, "quiet": int}
    for name, hint in hints.items():
        text = str(hint)
        if "tuple" in text or "Mapping" in text:
            found[name] = json.loads
        elif "bool" in text:
            found[name] = int if name == "urgent" else lambda value: value == "1"
        elif hint is int or "int |" in text:
            found[name] = int
    return found


READERS = {kind: readers(kind) for kind in ("task", "agent", "message", "round", "attention", "node")}
BUDGET = ("spent_tokens", "spent_micros", "reserved_tokens", "reserved_micros", "rounds_counted")
READERS["town"] = dict.fromkeys(("seq", "schema", "created_at", "max_events", *BUDGET), int)
READERS["parked"] = {"until": int, "tries": int}


def read(key, kind, value):
    """Write a value of the server as the memory holds it."""
    if kind == "hash":
        reading = READERS.get(key.partition(":")[0], {})
        return {field: reading.get(field, str)(text) for field, text in value.items()}
    if kind == "list":
        return [json.loads(line) for line in value]
    if kind == "stream":
        return [fields for _id, fields in value]
    return dict(value) if kind == "zset" else value


def on_server(client, prefix):
    names = sorted(client.scan_iter(match=prefix.replace("[", "\\[") + "*", count=10_000))
    with client.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.type(name)
        types = pipe.execute()
        for name, kind in zip(names, types, strict=True):
            if kind == "hash":
                pipe.hgetall(name)
            elif kind == "zset":
                pipe.zrange(name, 0, -1, withscores=True)
            elif kind == "set":
                pipe.smembers(name)
            elif kind == "list":
                pipe.lrange(name, 0, -1)
            elif kind == "stream":
                pipe.xrange(name)
            else:
                pipe.get(name)
        values = pipe.execute()
    found = {}
    for name, kind, value in zip(names, types, values, strict=True):
        key = name.removeprefix(prefix)
        if key.startswith("op:"):
            continue
        found[key] = (kind, plain(read(key, kind, value)))
    return found


def in_memory(data):
    kinds = {Hash: "hash", SortedSet: "zset", Members: "set", Entries: "list", Stream: "stream"}
    found = {}
    for key, value in data.items():
        seen = [fields for _id, fields in value] if isinstance(value, Stream) else value
        seen = set(seen) if isinstance(value, Members) else dict(seen) if isinstance(seen, dict) else list(seen)
        found[key] = (kinds[type(value)], plain(seen))
    return found


@attrs.define
class Player:
    """Chooses what somebody in a town might do next, mostly sensible, sometimes not."""

    data: dict
    dice: random.Random
    made: int = 0
    nonces: dict = attrs.field(factory=dict)

    def id(self, letter):
        self.made += 1
        return f"{letter}-{self.dice.choice('abc')}{self.dice.choice('abc')}{self.made:06d}"

    def some(self, kind, **wanted):
        found = [v for k, v in self.data.items() if k.startswith(kind + ":")]
        fitting = [v for v in found if all(v.get(name) == value for name, value in wanted.items())]
        return self.dice.choice(fitting or found)["id"] if found else f"{kind[0]}-none0000"

    def ref(self, kind, **wanted):
        """A reference as people write it: an id, its beginning, a name, and now and then nothing that exists."""
        found, roll = self.some(kind, **wanted), self.dice.random()
        if roll < 0.04:
            return found[: self.dice.randint(1, 9)]
        if roll < 0.05:
            return self.dice.choice(["nobody", "t-zzzz", "", " conductor ", "a-", "é", "W1 [worker]"])
        if kind == "agent" and roll < 0.4:
            record = self.data.get(f"agent:{found}", {})
            return record.get("nickname") or record.get("name", "w1")
        return found.upper() if roll > 0.97 else found

    def live(self, kind="work"):
        """A live round with the node that runs it."""
        found = [v for k, v in self.data.items() if k.startswith("round:") and v["state"] == "live"]
        found = [v for v in found if v["kind"] == kind] or [v for k, v in self.data.items() if k.startswith("round:")]
        return self.dice.choice(found) if found else None

    def who(self):
        """Who says it: a person, mostly, or a round."""
        live = self.live()
        return (
            {"round_id": live["id"]} if live and self.dice.random() < 0.25 else {"by": self.dice.choice(["ann", None])}
        )

    def node(self):
        node_id = self.dice.choice(sorted(self.nonces) or ["n-none0000"])
        nonce = self.nonces.get(node_id, "?") if self.dice.random() < 0.98 else "stale"
        return {"node_id": node_id, "nonce": nonce}

    def owner_of(self, live):
        return {"node_id": live["node"], "nonce": self.nonces.get(live["node"], "?")}

    def next(self):
        chosen = self.dice.choices([move for move, _weight in MOVES], [weight for _move, weight in MOVES])[0]
        return chosen(self)


def claim(p):
    return town.claim("t", p.dice.choice(["i1", "i1", "i2"]), max_events=1000, replace=p.dice.random() < 0.2)


def join(p):
    node_id = p.dice.choice(["n-one00000", "n-two00000"])
    nonce = p.dice.choice([p.nonces.get(node_id, "x1"), "x2"])
    force = p.dice.random() < 0.5
    known = p.data.get(f"node:{node_id}")
    if known is None or known["state"] == "down" or force or known["nonce"] == nonce:
        p.nonces[node_id] = nonce
    return nodes.join(node_id, name="box", pid=7, host="h", nonce=nonce, capacity=3, force=force)


def spawn(p):
    name = p.dice.choice(["w1", "w2", "w3", "reviewer", "a-b"])
    return agents.spawn(
        p.id("a"),
        name,
        cli="script",
        node=p.dice.choice(sorted(p.nonces) or ["n-one00000"]),
        role=p.dice.choice([None, "reviewer", ""]),
        nickname=p.dice.choice([None, "nick", "ace", "w2"]),
        parent=p.dice.choice([None, None, p.ref("agent")]),
        max_rounds=p.dice.choice([None, None, 3, 0]),
        workspace=p.dice.choice([None, "worktree"]),
        base=p.dice.choice([None, "main"]),
        **p.who(),
    )


def add(p):
    return tasks.add(
        p.id("t") if p.dice.random() < 0.98 else p.some("task"),
        p.dice.choice(WORDS),
        agent=p.dice.choice([None, p.ref("agent")]),
        role=p.dice.choice([None, "reviewer"]),
        tags=p.dice.choice([(), ("a", "b")]),
        depends_on=[p.ref("task") for _ in range(p.dice.choice([0, 0, 1, 2]))],
        parent=p.dice.choice([None, None, p.ref("task")]),
        plan_id=p.dice.choice([None, None, None, "roof", "window"]),
        gates=p.dice.choice([(), GATES]),
        **p.who(),
    )


def assign(p):
    return tasks.assign(p.ref("task"), p.ref("agent"), only_pending=p.dice.random() < 0.1, **p.who())


def said_task(p):
    """A task and who speaks of it: its own round, or anybody."""
    live = p.live()
    if live and live.get("task_id") and p.dice.random() < 0.6:
        return live["task_id"], {"round_id": live["id"]}
    return p.ref("task"), p.who()


def submit(p):
    task, who = said_task(p)
    gates = (
        {"gates": GATES[: p.dice.randint(1, 2)], "gate_node": p.dice.choice([None, p.node()["node_id"]])}
        if p.dice.random() < 0.4
        else {}
    )
    return tasks.submit(task, result=p.dice.choice(WORDS), no_gates=p.dice.random() < 0.2, **gates, **who)


def fail(p):
    task, who = said_task(p)
    return tasks.fail(task, p.dice.choice(WORDS), **who)


def block(p):
    task, who = said_task(p)
    return tasks.block(task, p.dice.choice(REASONS), **who)


def unblock(p):
    return tasks.unblock(p.ref("task", state="blocked"), answer=p.dice.choice([None, "do it"]), **p.who())


def requeue(p):
    return tasks.requeue(p.ref("task"), **p.who())


def cancel(p):
    return tasks.cancel(p.ref("task"), reason=p.dice.choice([None, "no"]), **p.who())


def reopen(p):
    return tasks.reopen(p.ref("task", state=p.dice.choice(["failed", "cancelled"])), **p.who())


def edit(p):
    values = {
        "description": p.dice.choice(WORDS) or "x",
        "role": p.dice.choice(["", "reviewer"]),
        "tags": p.dice.choice([[], ["a"], ["b", "a"]]),
        "depends_on": [p.ref("task") for _ in range(p.dice.choice([0, 1, 2]))],
        "parent_id": p.dice.choice(["", p.ref("task")]),
    }
    chosen = p.dice.sample(sorted(values), p.dice.randint(1, 3))
    seen = p.dice.choice([None, None, {"role": "", "tags": ["a", "b"]}])
    return edits.edit(p.ref("task"), {name: values[name] for name in chosen}, seen=seen, **p.who())


def link(p):
    return edits.link(p.ref("task"), p.dice.choice(["roof", "door", "wall"]), **p.who())


def want(p):
    verb = p.dice.choice(["interrupt", "resume", "resume", "close", "kill", "restart", "restart"])
    return agents.want(p.ref("agent"), verb, **p.who())


def remove(p):
    ended = [v for k, v in p.data.items() if k.startswith("agent:") and v["state"] in {"stopped", "error"}]
    return agents.remove(p.dice.choice(ended)["id"] if ended else p.ref("agent"), **p.who())


def take_back(p):
    ended = [v for k, v in p.data.items() if k.startswith("agent:") and v["state"] in {"stopped", "error"}]
    holder = p.dice.choice(ended)["id"] if ended else p.some("agent")
    task, who = p.some("task", agent_id=holder), p.who()
    seen = p.data.get(f"task:{task}", {}).get("updated_at", 0)
    letters = [p.some("message", to_id=holder, state="queued") for _ in range(2)]
    verb = p.dice.choice(["assign", "requeue", "cancel"])
    return p.dice.choice(
        [
            lambda: reclaim.move_mail(holder, p.dice.choice(["conductor", p.ref("agent")]), letters, **who),
            lambda: reclaim.message_to_task(letters[0], holder, **who),
            lambda: reclaim.reclaim_task(task, holder, verb, agent=p.ref("agent"), reason="gone", **who),
            lambda: reclaim.delete_task(task, seen, holder=p.dice.choice([None, holder]), **who),
        ]
    )()


def ready(p):
    found = p.some("agent", state="cold")
    life = p.data.get(f"agent:{found}", {}).get("incarnation", 1)
    return agents.ready(found, life, account=p.dice.choice([None, "acc"]), **p.node())


def broken(p):
    found = p.some("agent", state="cold")
    return agents.error(found, p.data.get(f"agent:{found}", {}).get("incarnation", 1), "not installed", **p.node())


def take(p):
    found = p.some("agent", state="idle")
    if p.dice.random() < 0.7:
        busy = [
            v
            for k, v in p.data.items()
            if k.startswith("agent:") and v["state"] == "idle" and f"queue:{v['id']}" in p.data
        ]
        found = p.dice.choice(busy)["id"] if busy else found
    home = p.data.get(f"agent:{found}", {}).get("node")
    node = {"node_id": home, "nonce": p.nonces.get(home, "?")} if home and p.dice.random() < 0.9 else p.node()
    round_id = p.id("r") if p.dice.random() < 0.95 else p.some("round")
    return rounds.take(round_id, found, max_rounds_per_task=3, budget_bytes=900, mail_rounds_per_hour=2, **node)


def end(p):
    live = p.live()
    if live is None:
        return nodes.listing()
    outcome = p.dice.choice([*Outcome, Outcome.OK, Outcome.OK, Outcome.FAILED, Outcome.CONTEXT_FULL])
    verdict = p.dice.choice(
        [
            None,
            None,
            None,
            {"verb": "submit", "result": "by node", "no_gates": None},
            {"verb": "block", "reason": "x: y"},
        ]
    )
    messages = live.get("messages") or ()
    report = rounds.RoundReport(
        outcome=str(outcome),
        detail=p.dice.choice([None, "why " + "ü" * 990, "no"]),
        exit_code=p.dice.choice([None, 0, 1]),
        session_id=p.dice.choice([None, "s1"]),
        forget_session=p.dice.random() < 0.1,
        session_usage=p.dice.choice([None, {"input_tokens": 5, "cost": 0.25, "list": [1, None], "none": None}]),
        head_after=p.dice.choice([None, "abc"]),
        branch=p.dice.choice([None, "b"]),
        shown=p.dice.choice([None, {"after_ms": 5, "at": {ref: [9, 99] for ref in messages}}]),
        input_tokens=p.dice.choice([None, 0, 120_000]),
        cost_micros=p.dice.choice([None, 3]),
        verdict=verdict,
        retry_ms=p.dice.choice([None, None, 1000]),
        uncommitted=p.dice.choice([(), (), ("a.py", "b.py")]),
        gates=p.dice.choice([(), GATES[:1], GATES]),
    )
    return rounds.end(live["id"], report, **p.owner_of(live))


def gate_take(p):
    found = p.some("task", state="verifying")
    node = p.data.get(f"task:{found}", {}).get("gate_node") or p.node()["node_id"]
    return rounds.gate_take(
        p.id("r"), found, node_id=node, nonce=p.nonces.get(node, "?"), head=p.dice.choice([None, "h"])
    )


def gate_end(p):
    live = p.live("gate")
    if live is None:
        return nodes.listing()
    result = p.dice.choice(["pass", "pass", "reject", "unavailable", "lost"])
    evidence = {"gate": "test", "exit_code": 0, "files": [], "secs": 0.5, "tree": None} if result == "pass" else None
    findings = p.dice.choice(WORDS) if result == "reject" else None
    return rounds.gate_end(
        live["id"], result, outcome="ok", findings=findings, evidence=evidence, exit_code=1, **p.owner_of(live)
    )


def send(p):
    return mail.send(
        p.id("m"),
        p.ref("agent") if p.dice.random() < 0.8 else "conductor",
        p.dice.choice(WORDS),
        kind=p.dice.choice(["task", "query", "info", "ack"]),
        urgent=p.dice.random() < 0.3,
        reply_to=p.dice.choice([None, p.ref("message")]),
        ttl_ms=p.dice.choice([None, None, 10_000]),
        **({"by": "conductor"} if p.dice.random() < 0.1 else p.who()),
    )


def handle(p):
    return mail.handle(p.ref("message"), **p.who())


def inbox(p):
    return mail.show(limit=p.dice.choice([1, 2, 100]), after=p.dice.choice([None, None, 0, 11, 24]), **p.who())


def leave(p):
    return nodes.leave(state=p.dice.choice(["stopping", "down"]), **p.node())


def beat(p):
    return nodes.beat(running=2, **p.node())


def reconcile(p):
    if p.dice.random() < 0.5:  # forget something first, as a lost write would
        for key in [k for k in p.data if k.startswith(("due:", "verify:"))]:
            return Forget(key)
    return nodes.reconcile(limit=p.dice.choice([2, 200]), set_back=p.dice.random() < 0.3, **p.node())


@attrs.frozen
class Forget:
    key: str


def attention(p):
    verb = p.dice.choice(["answer", "dismiss"])
    return town.close_attention(p.ref("attention", state="open"), verb, answer=p.dice.choice([None, "go on"]), by="ann")


def drain(p):
    return tasks.drain()


def query(p):
    limit, ref = p.dice.choice([1, 3, 100]), p.ref(p.dice.choice(["task", "agent", "message", "round", "attention"]))
    return p.dice.choice(
        [
            lambda: town.show(ref),
            lambda: town.why_facts(ref),
            lambda: town.wait_facts(ref),
            lambda: town.status(limit=limit),
            lambda: town.attention(limit=limit, after=p.dice.choice([None, 20])),
            lambda: tasks.listing(
                limit=limit, state=p.dice.choice([None, "pending"]), agent=p.dice.choice([None, ref])
            ),
            lambda: tasks.listing(limit=limit, after=p.dice.choice([None, 20])),
            lambda: tasks.current(p.ref("agent")),
            lambda: edits.planned(["roof", "none", ref]),
            lambda: agents.listing(limit=limit),
            lambda: agents.rounds(p.ref("agent"), limit=limit),
            lambda: mail.peek(p.ref("agent"), limit=limit, after=p.dice.choice([None, 4, 13, 60])),
            lambda: nodes.pull(p.node()["node_id"]),
            lambda: nodes.snapshot(p.node()["node_id"], limit=limit),
            nodes.listing,
        ]
    )()


MOVES = [
    (claim, 1), (join, 2), (spawn, 4), (add, 9), (assign, 7), (submit, 6), (fail, 2), (block, 3), (unblock, 4),
    (requeue, 2), (cancel, 2), (reopen, 3), (want, 4), (remove, 2), (ready, 9), (broken, 1), (take, 16), (end, 11),
    (gate_take, 5), (gate_end, 5), (send, 9), (handle, 3), (inbox, 3), (leave, 1), (beat, 1), (reconcile, 2),
    (attention, 4), (drain, 1), (query, 14), (edit, 6), (link, 1), (take_back, 5),
]  # fmt: skip


def opening(p):
    p.nonces["n-one00000"] = "x1"
    yield town.claim("t", "i1", max_events=1000)
    yield nodes.join("n-one00000", name="box", pid=7, host="h", nonce="x1", capacity=3)
    for name in ("w1", "w2"):
        made = p.id("a")
        yield agents.spawn(made, name, cli="script", node="n-one00000")
        yield agents.ready(made, 1, node_id="n-one00000", nonce="x1")


def both(twins, call):
    """Do one call on both sides and compare the answers and all data."""
    if isinstance(call, Forget):
        twins.memory.data.pop(call.key)
        twins.client.delete(twins.prefix + call.key)
        return {}
    expected, answer = twins.in_memory(call.verb, call.args), twins.on_server(call.verb, call.args)
    assert plain(answer) == plain(expected), (call.verb, call.args)
    mine, theirs = in_memory(twins.memory.data), on_server(twins.client, twins.prefix)
    for key in {*mine, *theirs}:
        if key.startswith("bell:") and key in theirs and key in mine:  # the server trims in larger steps
            theirs[key] = ("stream", theirs[key][1][-len(mine[key][1]) :])
        assert theirs.get(key) == mine.get(key), (key, call.verb, call.args)
    return answer


@pytest.mark.parametrize("seed", range(6))
def test_a_town_on_a_server_is_that_in_memory_after_every_step(twins, seed):
    dice = random.Random(seed)
    player = Player(twins.memory.data, dice)
    for call in opening(player):
        both(twins, call)
    done = set()
    for _ in range(300):
        twins.now += dice.choice([0, 1, 500, 500, 6_000, 6_000, HOUR // 3])
        call = player.next()
        answer = both(twins, call)
        if "error" not in answer and not isinstance(call, Forget):
            done.add(call.verb)
    assert len(done) > 25, done

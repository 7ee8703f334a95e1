"""The query of `wait`: what is still open, and whether anything of it can move without a person.

The judgement is that of `services.why`, without its words: a test holds the two against each other.
"""

from __future__ import annotations

from tinytown.domain.ids import CONDUCTOR_ID
from tinytown.storage.memory.rules import LONGEST_WAIT_MS, Args, find, has_work
from tinytown.storage.memory.tx import Fields, Tx, items
from tinytown.storage.memory.verbs.agents import view
from tinytown.storage.memory.verbs.queries import kind_of

OPEN_LOOKED_AT = 1000
AGENTS_LOOKED_AT = 1000
BACKLOG_LOOKED_AT = 1000
FOLLOWED = 100
"""Tasks that one query reads at most to follow dependencies; what lies behind them counts as moving."""
LISTED = 20


def wait_facts(tx: Tx, a: Args) -> Fields:
    """Say what a wait for an agent or a task still waits for, and what moves by itself or needs a person."""
    ref = a["ref"]
    judge = _Judge(tx, a)
    if kind_of(ref) == "task" and not tx.hget("names", ref.strip().lower()):
        task = find(tx, "task", ref)
        return {"kind": "task", "record": task, "open": [], **judge.answer([task["id"]], task["id"])}
    agent = find(tx, "agent", ref)
    mine = tx.zrange(f"mine:{agent['id']}", OPEN_LOOKED_AT)
    return {
        "kind": "agent",
        "record": view(tx, agent),
        "tasks": [task for task_id in mine[:LISTED] if (task := tx.load("task", task_id))],
        "open": mine,
        "busy": bool(agent.get("round_id")) or has_work(tx, agent),
        "backlog": _claimable(tx, a, agent),
        **judge.answer(mine, agent["id"]),
    }


def _claimable(tx: Tx, a: Args, agent: Fields) -> int:
    """Count the tasks of the backlog that an agent may take by itself."""
    if not agent.get("cli"):
        return 0
    own = tx.zcard(f"backlog:{agent['role']}")
    if agent["role"] not in items(a.get("apart")):
        return own + tx.zcard("backlog:")
    found = [tx.load("task", ref) for ref in tx.zrange("backlog:", BACKLOG_LOOKED_AT)]
    return own + sum(agent["role"] in items(task.get("tags")) for task in found if task is not None)


class _Judge:
    """Whether tasks and agents can move; stops at the first that does."""

    def __init__(self, tx: Tx, a: Args) -> None:
        self.tx, self.a = tx, a
        self.left = FOLLOWED
        self.seen: dict[str, bool] = {}
        self.because: list[str] = []
        self.wide = False
        self.agents: list[Fields] | None = None

    def answer(self, refs: list[str], whole: str) -> Fields:
        """Judge open tasks; without one, the agent itself."""
        stuck: list[str] = []
        count, moving = 0, None
        for ref in refs:
            task = self.tx.load("task", ref)
            if task is None:
                continue
            if self.moves(task):
                moving = ref
                break
            count += 1
            if len(stuck) < LISTED:
                stuck.append(ref)
        if not refs:
            agent = self.tx.load("agent", whole)
            moving = whole if agent is not None and self.can_begin(agent, None) else None
            stuck, count = ([], 0) if moving else ([whole], 1)
        if moving:
            stuck, count = [], 0
        return {"moving": moving, "stuck": stuck, "stuck_total": count, "because": self.because, "wide": self.wide}

    def moves(self, task: Fields) -> bool:
        """Say whether a task can move without a person."""
        self.note(task["id"])
        state = task["state"]
        if state == "blocked":
            return False
        if state == "waiting":
            return self.may_be_freed(task)
        if state == "pending":
            self.wide = True
            return self.may_be_claimed(task)
        if state == "assigned":
            agent = self.tx.load("agent", task["agent_id"])
            return agent is not None and self.can_begin(agent, task)
        if state == "running":
            live = self.tx.load("round", task.get("round_id"))
            return live is not None and self.works(live.get("node"))
        if state == "verifying":
            known = task.get("order") or task.get("round_id") or task.get("gates_left")
            return bool(known) and self.works(task.get("gate_node"))
        return True

    def note(self, ref: str) -> None:
        """Keep an id whose events may change the judgement."""
        if ref not in self.because and len(self.because) <= FOLLOWED:
            self.because.append(ref)

    def may_be_freed(self, task: Fields) -> bool:
        """A waiting task moves while everything that it waits for does."""
        if task["id"] not in self.seen:
            found = [self.tx.load("task", ref) for ref in self.tx.smembers(f"blockers:{task['id']}")]
            needed = [other for other in found if other is not None and other["state"] != "completed"]
            self.seen[task["id"]] = self.all_move(needed) if needed else self.any_works()
        return self.seen[task["id"]]

    def all_move(self, needed: list[Fields]) -> bool:
        """Follow dependencies while there are not too many."""
        for other in needed:
            if self.left <= 0:
                return True
            self.left -= 1
            if not self.moves(other):
                return False
        return True

    def may_be_claimed(self, task: Fields) -> bool:
        """A task of the backlog moves when an agent that fits may take it, now or when it is idle."""
        if not self.any_works() or not self.a.get("auto_claim"):
            return False
        if self.agents is None:
            found = [self.tx.load("agent", ref) for ref in self.tx.zrange("agents", AGENTS_LOOKED_AT)]
            self.agents = [agent for agent in found if agent is not None]
        able = False
        for agent in self.agents:
            if not self.fits(agent, task) or agent["wanted"] != "run" or agent["state"] in {"stopped", "error"}:
                continue
            able = True
            if agent["state"] == "idle" and not has_work(self.tx, agent):
                return self.works(agent.get("node"))
        return able

    def fits(self, agent: Fields, task: Fields) -> bool:
        """Say whether the default scheduler may give a task of the backlog to an agent."""
        if not agent.get("cli"):
            return False
        if task.get("role"):
            return task["role"] == agent["role"]
        return agent["role"] not in items(self.a.get("apart")) or agent["role"] in items(task.get("tags"))

    def can_begin(self, agent: Fields, task: Fields | None) -> bool:
        """Say whether an agent works, or will without a person's help: on a task, or on its mail."""
        self.note(agent["id"])
        if agent["id"] == CONDUCTOR_ID:
            return self.tx.scard(f"waking:{CONDUCTOR_ID}") == 0
        live = bool(agent.get("round_id"))
        if agent["state"] == "error" or (not live and (agent["state"] == "stopped" or agent["wanted"] == "stopped")):
            return False
        if not self.works(agent.get("node")):
            return False
        if live:
            self.note(agent["round_id"])
            return True
        if agent["wanted"] == "paused":
            return False
        return agent["state"] != "idle" or self.idle_begins(agent, task)

    def idle_begins(self, agent: Fields, task: Fields | None) -> bool:
        """Say whether an idle agent needs a log-in or money, or talked too much."""
        tx, account = self.tx, f"parked:{agent.get('account') or agent['id']}"
        until = tx.hget(account, "until")
        if until is not None and until <= tx.now:
            if until == 0:
                return False
            if tx.hget(account, "probe"):
                return True
        if (until is not None and until > tx.now) or self.backs_off(agent) or (task and self.backs_off(task)):
            return True
        if task is None and not tx.scard(f"waking:{agent['id']}"):
            return True
        if tx.hget("attention_by", "budget_spent:town"):
            return False
        return task is not None or not tx.hget("attention_by", f"mail_loop:{agent['id']}")

    def backs_off(self, record: Fields) -> bool:
        """Say whether an agent or a task waits after failures."""
        return self.tx.now < (record.get("not_before") or 0) <= self.tx.now + LONGEST_WAIT_MS

    def works(self, node_id: str | None) -> bool:
        """Say whether a node lives and starts rounds; the lock of the asking machine's own node decides there.

        A beat of the future is of a clock that has gone back since, and says nothing.
        """
        node = self.tx.load("node", node_id)
        if node_id and node_id == self.a.get("local"):
            return bool(self.a.get("runs")) and (node is None or node["state"] != "stopping")
        return node is not None and node["state"] == "up" and abs(self.tx.now - node["beat_at"]) <= self.a["lost_ms"]

    def any_works(self) -> bool:
        """Say whether any node does."""
        local = self.a.get("local")
        return any(self.works(ref) for ref in dict.fromkeys([local, *self.tx.smembers("nodes")]))


VERBS = {"wait_facts": wait_facts}

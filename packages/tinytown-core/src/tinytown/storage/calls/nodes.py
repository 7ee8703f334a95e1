"""Calls of the node about itself."""

from __future__ import annotations

from tinytown.domain.records import Agent, Node, Round, Task
from tinytown.storage import codec
from tinytown.storage.calls._make import change, page, query, strings
from tinytown.storage.calls.answers import DueAgent, Joined, Page, Pulled, Reconciled, Snapshot
from tinytown.storage.protocol import Answer, Call


def _node(answer: Answer) -> Node:
    return codec.record(Node, answer["node"])


def join(
    node_id: str, *, name: str, pid: int, host: str, nonce: str, capacity: int, force: bool = False
) -> Call[Joined]:
    """Take the node's lease; ``force`` when its last process is known to be gone."""
    args = {"id": node_id, "name": name, "pid": pid, "host": host, "nonce": nonce, "capacity": capacity}

    def decode(answer: Answer) -> Joined:
        return Joined(
            node=_node(answer),
            rounds=codec.records(Round, answer.get("rounds")),
            set_back=bool(answer.get("set_back")),
        )

    return change("node_join", {**args, "force": force or None}, decode)


def beat(node_id: str, nonce: str, *, running: int) -> Call[Node]:
    """Show that the node lives, and how many rounds it runs."""
    return change("node_beat", {"node_id": node_id, "nonce": nonce, "running": running}, _node)


def leave(node_id: str, nonce: str, state: str) -> Call[Node]:
    """Say that the node is ``stopping`` or ``down``."""
    return change("node_leave", {"node_id": node_id, "nonce": nonce, "state": state}, _node, natural=True)


def pull(node_id: str) -> Call[Pulled]:
    """List what the node has to do now."""

    def decode(answer: Answer) -> Pulled:
        return Pulled(
            due=codec.records(DueAgent, answer.get("due")),
            verify=strings(answer.get("verify")),
            ends=strings(answer.get("ends")),
            next_at=answer.get("next_at"),
            freed=int(answer.get("freed") or 0),
            backlog=int(answer.get("backlog") or 0),
            now=int(answer["now"]),
        )

    return query("node_pull", {"node_id": node_id}, decode)


def reconcile(
    node_id: str,
    nonce: str,
    *,
    after: float | None = None,
    after_task: float | None = None,
    limit: int = 200,
    set_back: bool = False,
) -> Call[Reconciled]:
    """Compare what is due with a page of agents and a page of tasks that verify, each with its own cursor.

    With ``set_back``, because the server's clock was, all that waits for a time goes on: nobody knows what is left.
    """
    pages = {"after": after, "after_task": after_task, "limit": limit}
    args = {"node_id": node_id, "nonce": nonce, **pages, "set_back": set_back or None}

    def decode(answer: Answer) -> Reconciled:
        return Reconciled(
            repaired=strings(answer.get("repaired")), after=answer.get("after"), after_task=answer.get("after_task")
        )

    return change("node_reconcile", args, decode)


def snapshot(node_id: str, *, limit: int = 200) -> Call[Snapshot]:
    """Show what a scheduler decides on: idle agents of a node, and the oldest tasks of the backlog by role."""

    def decode(answer: Answer) -> Snapshot:
        return Snapshot(
            agents=codec.records(Agent, answer.get("agents")),
            tasks=codec.records(Task, answer.get("tasks")),
            now=int(answer["now"]),
        )

    return query("schedule_snapshot", {"node_id": node_id, "limit": limit}, decode)


def listing() -> Call[Page[Node]]:
    """List all nodes."""
    return query("list_nodes", {}, page(Node))

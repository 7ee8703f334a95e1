"""Races: many clients, in processes and threads, want the same thing at the same time."""

from __future__ import annotations

import functools
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

from tinytown.domain.ids import IdKind, new_id
from tinytown.errors import NameTakenError, RefusedError, WrongStateError
from tinytown.storage.calls import agents, nodes, rounds, tasks
from tinytown.storage.protocol import Storage
from tinytown.testing.hands import NODE, NONCE

PROCESSES, THREADS = 4, 2
NAMES = tuple(f"c{number}" for number in range(PROCESSES * THREADS))

Open = Callable[[], Storage]
"""Opens a client; can be sent to another process."""

Act = Callable[[Storage, str], list[str]]
"""What one client does with its storage and its name; gives what it won."""


def race(open_storage: Open, act: Act) -> list[list[str]]:
    """Let eight clients in four processes do the same; gives what each of them won, by the clients' names."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
        futures = [pool.submit(_process, open_storage, act, number) for number in range(PROCESSES)]
        return [won for future in futures for won in future.result()]


def _process(open_storage: Open, act: Act, number: int) -> list[list[str]]:
    with ThreadPoolExecutor(THREADS) as pool:
        names = NAMES[number * THREADS : (number + 1) * THREADS]
        return list(pool.map(functools.partial(_client, open_storage, act), names))


def _client(open_storage: Open, act: Act, name: str) -> list[str]:
    storage = open_storage()
    try:
        return act(storage, name)
    finally:
        storage.close()


def claim_all(storage: Storage, name: str) -> list[str]:
    """Claim every task of the backlog that nobody was quicker for."""
    won: list[str] = []
    while page := storage.run(tasks.listing(state="pending", limit=20)).items:
        for task in page:
            try:
                storage.run(tasks.assign(task.id, name, only_pending=True))
            except WrongStateError:
                continue
            else:
                won.append(task.id)
    return won


def spawn_one(storage: Storage, name: str) -> list[str]:
    """Spawn the agent ``only``."""
    agent_id = new_id(IdKind.AGENT)
    try:
        storage.run(agents.spawn(agent_id, "only", cli="script", node=NODE, by=name))
    except NameTakenError:
        return []
    return [agent_id]


def take_one(storage: Storage, _name: str) -> list[str]:
    """Begin a round for the first agent."""
    agent = storage.run(agents.listing()).items[0]
    bundle = storage.run(rounds.take(new_id(IdKind.ROUND), agent.id, node_id=NODE, nonce=NONCE))
    return [bundle.round.id] if bundle.round else []


def join_one(storage: Storage, name: str) -> list[str]:
    """Take the lease of the node ``n-00000009``."""
    call = nodes.join("n-00000009", name=name, pid=1, host="here", nonce=name, capacity=1)
    try:
        return [storage.run(call).node.name]
    except RefusedError:
        return []

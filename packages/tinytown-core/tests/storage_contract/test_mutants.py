"""Scripts with one check taken out: the walk must notice each, or it proves nothing about the whole ones.

A mutant that no longer applies fails here, so that this list follows the scripts.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from tinytown.errors import StorageCorruptError
from tinytown.storage.redis.scripts import FOLDER, Scripts
from tinytown.testing import machine
from tinytown.testing.contract.base import refused
from tinytown.testing.contract.damage import SCENES
from tinytown.testing.hands import Hands
from tinytown.testing.pytest_plugin import required
from tinytown.testing.servers import TestServer, server

MUTANTS = {
    "a round speaks of any task": ("if acting.task_id ~= task.id then", "if false then"),
    "a round that is over still speaks": ("or acting.state ~= 'live' or acting.kind ~= 'work' then", "then"),
    "the table of states is not asked": ("if not tx.has(allowed, state) then", "if false then"),
    "a task stays in the index of its last state": ("tx.zrem('tasks:' .. state, ref)", ""),
    "a task stays in the queue of its agent": ("tx.zrem('queue:' .. task.agent_id, ref)", ""),
    "an operation is done again": ("if kept then", "if false then"),
    "an earlier life of a node still writes": ("or node.nonce ~= a.nonce then", "then"),
    "mail stays in its lane when it is handed out": ("dequeue(message)\n    message.state", "message.state"),
    "an agent with work is not due": ("tx.zadd(due, when, agent.id)", "tx.zscore(due, agent.id)"),
    "an exact id is not preferred": ("if plain ~= '' and tx.zscore('ids', plain) then", "if false then"),
    "dependents are not freed": ("tx.srem('blockers:' .. dependent.id, task.id)", ""),
    "a closed task stays in the index of its agent": ("tx.zrem(tx.index_of_agent(task), ref)", ""),
    "a round keeps nothing back": ("  tx.reserve(a, live)\n", ""),
    "what a round kept back stays kept back": ("math.max(0, tx.known('reserved_' .. what) - kept)", "tx.known('seq')"),
    "a wait takes a blocked task for one that moves": ("if state == 'blocked' then\n    return false", "if false then"),
    "an order is forgotten": ("task.order, task.updated_at = ordered, tx.now", "task.updated_at = tx.now"),
}
SEEDS = (1, 2, 3, 4, 5, 6, 7, 8)
"""A walk ends at the first difference, so the later ones are for mistakes that are met by luck alone."""
STEPS = 1_200


def _mutant(folder: Path, whole: str, broken: str) -> Scripts:
    """Copy the scripts with one place changed, in the first file that has it."""
    shutil.copytree(FOLDER, folder)
    holders = [path for path in sorted(folder.glob("*.lua")) if whole in path.read_text(encoding="utf-8")]
    assert holders, f"no script holds {whole!r} any more; change this mutant"
    text = holders[0].read_text(encoding="utf-8")
    holders[0].write_text(text.replace(whole, broken, 1), encoding="utf-8")
    return Scripts(folder)


def _walks(open_subject: machine.Open) -> None:
    for seed in SEEDS:
        machine.run(STEPS, seed, open_subject, smaller=False)


@pytest.fixture(scope="module")
def valkey() -> Any:
    with required("valkey"), server("valkey") as running:
        yield running


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_a_script_without_one_check_is_found_out(open_town: Any, valkey: TestServer, name: str, tmp_path: Path) -> None:
    scripts = _mutant(tmp_path / "lua", *MUTANTS[name])
    with pytest.raises(machine.DifferenceFoundError):
        _walks(lambda: open_town(valkey, scripts))


def test_a_script_that_writes_before_it_has_read_is_found_out(
    open_town: Any, valkey: TestServer, tmp_path: Path
) -> None:
    scripts = _mutant(tmp_path / "lua", "tx.ask('XLEN', key)", "")
    with open_town(valkey, scripts) as subject:
        town = Hands(subject)
        call = SCENES["block"](town)
        with subject.planted("events"), pytest.raises(Exception):  # noqa: B017, PT011 - an error or an assertion
            refused(town, StorageCorruptError, call)

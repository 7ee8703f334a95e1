"""A command that is killed between any two of its steps, and given again, ends where one does that was not."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest
from tinytown.domain.ids import IdKind, new_id
from tinytown.storage.calls import agents, mail, nodes, tasks
from tinytown.storage.calls import town as town_calls
from tinytown.storage.redis.plugin import open_sync
from tinytown.testing.hands import NODE, NONCE

DIES = textwrap.dedent("""
    import json, os, signal, sys
    from pathlib import Path
    from tinytown.config.paths import TownPaths
    from tinytown.config.server_source import ServerChoice
    from tinytown.config.town import parse_town
    from tinytown.services.context import TownContext
    from tinytown.services.reclaiming import reclaim
    from tinytown.services.resetting import reset
    from tinytown.services.steps import Local, drive
    from tinytown.storage.protocol import Call
    from tinytown.storage.redis.plugin import open_sync

    url, name, root, after, wish = sys.argv[1:]
    operation = reset if 'agents_only' in wish else reclaim

    def dying(steps):
        answer, count = None, 0
        while True:
            try:
                step = steps.send(answer)
            except StopIteration as stop:
                return stop.value
            answer = yield step
            count += isinstance(step, Local) or (isinstance(step, Call) and step.changes)
            if count == int(after):
                os.kill(os.getpid(), signal.SIGKILL)

    context = TownContext(
        root=Path(root), config=parse_town(f'name = "{name}"', "tinytown.toml"), paths=TownPaths(Path(root)),
        server=ServerChoice(url="memory:", source="default"), starts=False,
    )
    drive(dying(operation(context, **json.loads(wish))), open_sync(url, name))
""")


def left(storage):
    """A town with what a stopped agent held, under the same ids each time."""
    run = storage.run
    run(town_calls.claim("killed", "instance-1"))
    run(nodes.join(NODE, name=NODE, pid=1, host="here", nonce=NONCE, capacity=4))
    for number, name in enumerate(("w1", "w2")):
        run(agents.spawn(f"a-1000000{number}", name, cli="script", node=NODE))
    run(tasks.add("t-10000000", "first", agent="w1"))
    run(tasks.add("t-10000001", "second", agent="w1", depends_on=["t-10000000"]))
    for number, kind in enumerate(("task", "query", "info")):
        run(mail.send(f"m-2000000{number}", "w1", kind, kind=kind, urgent=number == 1))
    run(agents.want("w1", "kill"))
    run(nodes.leave(NODE, NONCE, "down"))


def summary(storage):
    """Where everything is."""
    found = storage.run(tasks.listing(limit=100)).items
    there = [agent.name for agent in storage.run(agents.listing()).items]
    boxes = {name: [item.id for item in storage.run(mail.peek(name)).items] for name in (*there, "conductor")}
    return {task.id: (str(task.state), task.agent, task.reason) for task in found}, boxes


def killed_after(url, root, wish, after):
    """Run it in a process that dies after so many steps; say whether it did, and where everything is in the end."""
    name = "kill" + new_id(IdKind.TASK)[2:]
    storage = open_sync(url, name)
    try:
        left(storage)
        codes = [
            subprocess.run([sys.executable, "-c", DIES, url, name, str(root), str(count), wish], check=False).returncode
            for count in (after, -1)
        ]
        assert codes[1] == 0
        return codes[0] == -9, summary(storage)
    finally:
        storage.close()


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "wish",
    [
        '{"to_backlog": true}',
        '{"to": "w2"}',
        '{"orphan_tasks": true, "delete": true}',
        '{"agents_only": false}',
        '{"agents_only": true}',
    ],
    ids=["to the backlog", "to an agent", "delete", "reset", "reset agents"],
)
def test_what_was_killed_and_repeated_ends_like_one_that_was_not(server_url, tmp_path, wish):
    _died, expected = killed_after(server_url, tmp_path, wish, -1)
    assert not expected[1].get("w1") or "delete" in wish
    after, died = 1, True
    while died:
        died, found = killed_after(server_url, tmp_path, wish, after)
        assert found == expected, f"killed after {after} steps"
        for save in tmp_path.glob(".tt/trash/reset-*.save"):
            assert "m-20000002" in save.read_text()
            save.unlink()
        after += 1
    assert after > 3

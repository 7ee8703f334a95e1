"""A sync that is killed before any of its steps, and run again, ends where one ends that was not killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tinytown.domain.ids import IdKind, new_id
from tinytown.services.town import Town
from tinytown.storage.calls import town as town_calls

CHILD = '''
import os, signal, sys
from pathlib import Path
from tinytown.config.paths import TownPaths
from tinytown.config.server_source import ServerChoice
from tinytown.config.town import parse_town
from tinytown.services import syncing
from tinytown.services.context import TownContext
from tinytown.services.town import Town
from tinytown.storage.redis.plugin import open_sync

root, url, name, direction, last = sys.argv[1:]

def killed(steps, last):
    """Die by SIGKILL before a step."""
    answer, failure = None, None
    while True:
        try:
            step = steps.send(answer) if failure is None else steps.throw(failure)
        except StopIteration as stop:
            return stop.value
        last -= 1
        if last == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        answer, failure = None, None
        try:
            answer = yield step
        except Exception as error:
            failure = error

context = TownContext(
    root=Path(root), config=parse_town('name = "bench"', "x"), paths=TownPaths(Path(root)),
    server=ServerChoice(url="memory:", source="default"),
)
town = Town(context, open_sync(url, name))
operation = syncing.sync_push if direction == "push" else syncing.sync_pull
town.run_steps(killed(operation(context), int(last)))
'''

PLAN = """\
# the plan
[[tasks]]
id = "roof"
description = "Mend the roof"   # soon

[[tasks]]
id = "door"
description = "Paint the door"
depends_on = ["roof"]

[[tasks]]
id = "wall"
description = "Build the wall"
status = "failed"
"""
MORE = """
[[tasks]]
id = "house"
description = "Move in"
depends_on = ["door", "garden"]
parent = "garden"

[[tasks]]
id = "garden"
description = "Lay out the garden"
status = "completed"
"""


class Place:
    """A town of its own on the shared server, in a folder of its own."""

    def __init__(self, make_bench, url, root: Path) -> None:
        root.mkdir()
        self.root, self.url = root, url
        self.bench = make_bench("", url, root)
        self.town: Town = self.bench.town
        self.bench.agent("ada")
        self.plan.write_text(PLAN)
        self.town.sync_push()
        self.town.sync_pull()

    @property
    def plan(self) -> Path:
        return self.town.paths.plan

    def change_file(self):
        text = self.plan.read_text()
        text = text.replace('"Mend the roof"', '"Mend the old roof"').replace('depends_on = ["roof"]', 'agent = "ada"')
        self.plan.write_text(text.replace('"failed"', '"pending"') + MORE)

    def change_town(self):
        by_plan = {task.plan_id: task.id for task in self.town.tasks().items}
        self.town.complete(by_plan["roof"], result="tight again")
        self.town.edit(by_plan["door"], text="Paint the door green\nand the frame", tags=["paint"])
        first = self.town.add_task("Sweep the yard")
        self.town.add_task("Sweep the yard", depends_on=[first.id], parent=by_plan["wall"])

    def run(self, direction: str, last: int) -> int:
        command = [sys.executable, "-c", CHILD, str(self.root), self.url, self.bench.name, direction, str(last)]
        return subprocess.run(command, check=False, timeout=60).returncode

    def history(self, task):
        return self.bench.storage.run(town_calls.show(task.id)).history

    def outcome(self):
        tasks = self.town.tasks().items
        names = {task.id: task.plan_id or task.description for task in tasks}
        rows = [
            (names[t.id], t.description, t.state, t.agent, t.tags, tuple(map(names.get, t.depends_on)), t.attempt)
            for t in tasks
        ]
        verbs = [[line["verb"] for line in self.history(task)] for task in tasks]
        return self.plan.read_text(), rows, verbs


@pytest.fixture
def places(make_bench, server_url, tmp_path):
    return lambda: Place(make_bench, server_url, tmp_path / new_id(IdKind.TASK))


@pytest.mark.timeout(180)
@pytest.mark.parametrize("direction", ["push", "pull"])
def test_a_sync_killed_before_any_step_ends_as_one_that_was_not(places, direction):
    def changed():
        place = places()
        if direction == "push":
            place.change_file()
        else:
            place.change_town()
        return place

    whole = changed()
    assert whole.run(direction, 0) == 0
    expected = whole.outcome()
    for last in range(1, 100):
        place = changed()
        code = place.run(direction, last)
        if code == 0:
            assert last > 8, "there was hardly a step to be killed at"
            break
        assert code == -signal.SIGKILL
        again = place.town.sync_push() if direction == "push" else place.town.sync_pull()
        assert place.outcome() == expected, last
        assert (place.town.sync_push() if direction == "push" else place.town.sync_pull()).nothing, again
    else:
        pytest.fail("the sync never came to its end")


def test_two_pushes_of_two_processes_make_each_task_once(places):
    place = places()
    place.change_file()
    codes: list[int] = []
    both = [threading.Thread(target=lambda: codes.append(place.run("push", 0))) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join(60)
    assert codes == [0, 0]
    tasks = place.town.tasks().items
    assert sorted(task.plan_id or "" for task in tasks) == ["door", "garden", "house", "roof", "wall"]
    assert place.town.sync_push().nothing
    assert [line["verb"] for line in place.history(tasks[0])].count("edit") == 1


def test_two_folders_that_push_the_same_entries_at_once_make_each_task_once(places):
    """As two people do who have cloned the same repository: nothing but the server knows of both."""
    one = places()
    others = [one.root.with_name(f"clone-{number}") for number in range(3)]
    codes: list[int] = []

    def push(root: Path) -> None:
        clone = Place.__new__(Place)
        clone.root, clone.url, clone.bench = root, one.url, one.bench
        codes.append(clone.run("push", 0))

    for root in others:
        root.mkdir()
        (root / "tasks.toml").write_text(MORE.replace(', "garden"]', "]").replace('"door"', '"garden"'))
    threads = [threading.Thread(target=push, args=(root,)) for root in others]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert codes == [0, 0, 0]
    named = [task.plan_id for task in one.town.tasks().items]
    assert sorted(filter(None, named)) == ["door", "garden", "house", "roof", "wall"]
    assert len(named) == len(set(named))

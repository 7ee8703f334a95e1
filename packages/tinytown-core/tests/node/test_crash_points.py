"""kill -9 at every named step of node, launcher and shim: the end state is that of a run without the crash."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from tinytown import node
from tinytown.crash import POINTS

LINES = """
sh('rm -f .git/index.lock')
if task_id:
    os.write(1, b'0123456789abcdef' * 20000)
    subprocess.Popen(['sleep', '600'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    commit('work.txt', f'run {run}')
    complete('done')
"""
CONFIG = "[agent]\nmax_rounds_per_task = 5\n[logs]\nmax_log_bytes = 65536\n[gates]\ntest = 'test -f work.txt'"
AFTER = {
    "node.recovered": "node.launched",
    "gate.recovered": "gate.launched",
    "void.written": "node.taken",
    "void.linked": "node.taken",
}
"""Steps of a recovery, with the step at which a first node dies."""
ELSEWHERE = ("verb.", "server.", "workspace.", "node.stopping", "node.left")
"""Of commands, in `tests/crash`; of worktrees, in tests of their own; and of the node's end, below."""

ORDINARY_FILES = Path(node.__file__).parent
DURABLE = {
    *("write_private", "write_json", "rename", "replace", "link", "prepare", "update-ref"),
    *("write_note", "write_trashed", "keep_with_ports", "forget_trashed", "copy2", "_remove_tree"),
}
REVIEWED = {
    "control.py:node_identity": "made under a lock; a torn or missing file is made again",
    "control.py:_start": "moves an old log away; nothing reads it",
    "control.py:stop_node": "a request that the node reads once; without it the defaults count",
    "control.py:write_pid": "a hint that is checked against the process table",
    "environment.py:write_agent_env": "by `spawn`, before the agent is on record",
    "main.py:_read_config": "a note of which settings count, for the doctor; written anew at each start and change",
    "note.py:write_note": "each caller passes a point of its own behind it",
    "note.py:keep_with_ports": "followed by workspace.noted in its one caller",
    "steady_days.py:steady_days": "a note of how evenly the clock runs; without it files are only kept for longer",
    "trash.py:write_trashed": "each caller passes a point of its own behind it",
    "workspace.py:look_before": "before the round is prepared; a round without a spec is voided",
    "workspace.py:_keep_loose": "repeated by whoever takes the round over; followed by node.snapshot_taken",
    "work.py:begin": "followed by node.taken in the same function",
}


def submitted_once(town, task):
    kinds = [event["type"] for event in town.events() if event.get("task_id") == task]
    assert kinds.count("task.submitted") == 1
    assert kinds.count("task.completed") == 1
    assert "task.rejected" not in kinds


def play(town, points):
    """Run the standard scenario; each node gets the next crash, and a dead one is replaced."""
    town.spawn("w1")
    letter, task = town.send("w1", "read me"), town.add("do it")
    waiting = [{"TINYTOWN_CRASH_AT": name, "TINYTOWN_CRASH_ONCE": str(town.base / f"once.{name}")} for name in points]
    town.start(wait=False, **waiting.pop(0))

    def over():
        if town.process.poll() is not None:
            town.start(wait=False, **(waiting.pop(0) if waiting else {}))
        return (
            town.task(task).state == "completed"
            and town.message(letter).state == "handled"
            and town.agent("w1").state == "idle"
            and not town.run_live()
        )

    town.facts(over, f"the work is done in spite of a crash at {points}", secs=50)
    return letter, task


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in POINTS if not name.startswith(ELSEWHERE)])
def test_a_kill_at_any_step_changes_nothing_of_the_end(make_town, name):
    town = make_town({"w1": LINES}, config=CONFIG)
    letter, task = play(town, [*([AFTER[name]] if name in AFTER else []), name])
    assert (town.base / f"once.{name}").exists(), f"the scenario never passes {name}: {POINTS[name]}"
    submitted_once(town, task)
    done = town.task(task)
    assert [item["head"] for item in done.evidence] == [done.head]
    assert town.message(letter).deliveries <= 2
    assert town.agent("w1").incarnation == 1


@pytest.mark.parametrize("name", ["node.stopping", "node.left"])
def test_a_kill_while_the_node_stops_hands_everything_to_the_next(make_town, name):
    town = make_town({"w1": "(reach('there'), hold('go')) if run == 1 else None\ncomplete()"})
    town.spawn("w1")
    task = town.add(agent="w1")
    once = town.base / "once"
    town.start(TINYTOWN_CRASH_AT=name, TINYTOWN_CRASH_ONCE=str(once))
    town.reached("there")
    assert town.stop() == -9
    assert once.exists()
    town.start()
    town.release("go")
    assert town.until(task, "completed").crashes == 0


def test_every_durable_step_of_the_node_has_a_name_or_a_reason():
    bare, seen = [], set()
    for file in sorted((*ORDINARY_FILES.glob("*.py"), *ORDINARY_FILES.glob("workspaces/*.py"))):
        for function in ast.walk(ast.parse(file.read_text())):
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) and durable(function):
                where = f"{file.name}:{function.name}"
                seen.add(where)
                if not passes_a_point(function) and where not in REVIEWED:
                    bare.append(where)
    assert bare == []
    assert set(REVIEWED) <= seen, "reviewed, but no durable step is there any more"


def durable(function):
    """Whether a function changes a file, a ref or a record of a round in a way that outlives the process."""
    for part in ast.walk(function):
        if isinstance(part, ast.Call):
            named = part.func.attr if isinstance(part.func, ast.Attribute) else getattr(part.func, "id", "")
            of_text = isinstance(part.func, ast.Attribute) and named == "replace" and len(part.args) > 1
            words = {word.value for word in part.args if isinstance(word, ast.Constant)}
            about_rounds = ast.unparse(part.func).startswith("rounds.")
            adapter = ast.unparse(part.func).endswith("adapter.prepare")
            if (named in DURABLE and not of_text and not adapter) or "update-ref" in words or about_rounds:
                return True
    return False


def passes_a_point(function):
    return any(isinstance(part, ast.Call) and getattr(part.func, "id", "") == "point" for part in ast.walk(function))

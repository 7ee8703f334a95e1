"""Every durable step of a command has a name: between it and the next there is a crash point, or a reason for none."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import pytest
import tinytown
from tinytown.crash import POINTS, point

SOURCE = Path(tinytown.__file__).parent
COMMANDS = [
    *sorted((SOURCE / "services").rglob("*.py")),
    *sorted((SOURCE / "config").glob("*.py")),
    *sorted((SOURCE / "storage" / "embedded").glob("*.py")),
    SOURCE / "node" / "control.py",
]
"""What runs in a command and changes more than a record on the server."""

DURABLE = {
    *("write_private", "write_shared", "write_json", "write_text", "write_bytes", "pwrite", "truncate", "ftruncate"),
    *("touch", "rename", "replace", "link", "hardlink_to", "symlink", "symlink_to", "unlink", "remove", "rmdir"),
    *("rmtree", "mkdir", "makedirs", "copyfile", "copytree", "move"),
    *("Popen", "run", "posix_spawn", "fork", "kill", "shut_down"),
}
AMBIGUOUS = {"run": "subprocess.run", "kill": "os.kill", "remove": "os.remove", "link": "os.link"}
"""Words that name a durable step only in full: verbs of a town are called the same."""
HARMLESS = {
    "claiming.py:forget_claim:unlink": "only a note; without it the server is asked again",
    "control.py:hold_lock:open": "an empty file that is only locked",
    "saving.py:put:write_private": "the last step, which passes verb.file_aside and verb.file_replaced",
    "rehoming.py:settle_restored:ask": "in a restore, under the same mark",
    "rehoming.py:_end:ask": "in a restore, under the same mark",
    "pages.py:matching:ask": "a page of a list, which one its caller says",
    "making.py:alone:open": "an empty file that is only locked",
    "spawning.py:take:open": "an empty note counts as none and goes with the spawn that finds it",
    "instance.py:ensure_instance:open": "an empty file that is only locked",
    "control.py:_exclusive:open": "an empty file that is only locked",
    "server.py:take_lock:open": "an empty file that is only locked",
    "files.py:private_dir:mkdir": "an empty folder; whoever needs it makes the same one",
    "files.py:only_one:open": "an empty file beside another; whoever writes that file next takes it over",
    "files.py:_replace:open": "the open file beside, in the words of Python",
    "files.py:_replace:unlink": "on the way of an error; what is left instead is taken over by the next writer",
    "files.py:take_file:unlink": "of a file beside that is not ours; nobody reads it",
    "binary.py:_version:run": "a program that is asked for its version",
    "keeper.py:main:open": "the log, which only grows",
    "keeper.py:_connect:kill": "the town was deleted, and its server with it",
    "control.py:_start:open": "the log, which only grows",
    "conducting.py:_leave:write_private": "each conversation writes it anew before it begins",
    "conversation.py:leave_variables:unlink": "each conversation sees to the file anew before it begins",
    "migrating.py:write:write_private": "the next run compares the file by its bytes and writes what is missing",
    "planning.py:write_example:write_shared": "all that the command does",
    "reclaiming.py:_do:ask": "each verb stands alone and is passed over when done; test_killed_on_the_way kills there",
    "resetting.py:_forget_variables:unlink": "done by every reset, also of a town that is empty",
    "resetting.py:_take_away:ask": "what was done before is passed over; test_killed_on_the_way kills there",
    "resetting.py:_take_away:unlink": "of an agent that is gone; `tt doctor --fix` finds what is left",
    "sync_base.py:write_base:write_private": "a journal of what comes next; test_sync_crashes kills before each step",
    "syncing.py:_write:write_shared": "the base says what it will be; test_sync_crashes kills before each step",
    "trash.py:_write:write_private": "a copy of what is deleted next; the next delete writes the same one",
    "agent.py:fetch:mkdir": "in the workshop, which the next `tt bootstrap` empties",
    "agent.py:fetch:write_text": "in the workshop",
    "archive.py:unpack:mkdir": "in the workshop",
    "archive.py:unpack:unlink": "in the workshop",
    "archive.py:_copy:open": "in the workshop",
    "download.py:fetch_archive:unlink": "in the workshop",
    "download.py:_hashed:open": "in the workshop",
    "children.py:run_logged:open": "the log of a build, written anew by each",
    "children.py:run_logged:Popen": "works in the workshop only; what it leaves there goes with it",
    "place.py:workshop:rmtree": "the next one removes what is left",
    "place.py:workshop:unlink": "the next one removes what is left",
    "place.py:put:unlink": "of files beside; the next workshop removes what is left",
    "place.py:_copy:open": "a file beside; the next workshop removes what is left",
    "proof.py:prove:mkdir": "in a temporary folder that a later proof sweeps away",
    "proof.py:_sweep:rmtree": "what is left is swept away by a later proof",
    "git.py:_git:run": "git that is asked, without locks",
    "programs.py:_told:run": "a program that is asked for its version",
    "stale.py:_under_server_lock:unlink": "all that the repair does; the next doctor finds what is left",
    "stale.py:_under_node_lock:unlink": "all that the repair does",
    "stale.py:_remove_half:unlink": "all that the repair does",
    "stale.py:_remove_round:rmtree": "of a round that is void from then on; the next doctor finds what is left",
    "control.py:write_pid:write_private": "by the node, a hint that the process table decides on; see node.locked",
}
"""Durable steps that need no point, as ``file:function:step``, with the reason."""


class Step(NamedTuple):
    at: tuple[int, int]
    name: str


def own_parts(function: ast.AST) -> Iterator[ast.AST]:
    """Everything in a function but the functions in it."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield child
            yield from own_parts(child)


def functions(text: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for part in ast.walk(ast.parse(text)):
        if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield part


def steps(function: ast.AST) -> list[Step]:
    """The durable steps and points of a function in the order in which they end."""
    calls = [part for part in own_parts(function) if isinstance(part, ast.Call)]
    known = {
        target.id: part.value
        for part in own_parts(function)
        if isinstance(part, ast.Assign)
        for target in part.targets
        if isinstance(target, ast.Name)
    }
    named = [Step((call.end_lineno or 0, call.end_col_offset or 0), kind(call, known)) for call in calls]
    return sorted(each for each in named if each.name)


def kind(call: ast.Call, known: dict[str, ast.expr]) -> str:
    """Give the name of a durable step, ``point`` for a crash point, or nothing."""
    whole = ast.unparse(call.func)
    last = whole.rpartition(".")[2]
    if last in {"point", "_point", "see_to_it"}:
        return "point"
    if last == "ask":
        return "" if asks_only(call.args[0], known) else "ask"
    if last in AMBIGUOUS and whole not in AMBIGUOUS.values():
        return ""
    if last == "replace" and whole != "os.replace" and len(call.args) != 1:
        return ""
    if last == "open":
        words = [ast.unparse(word) for word in call.args]
        makes = any("O_CREAT" in word or word.strip("'b") in {"w", "a", "x"} for word in words)
        return "open" if makes else ""
    return last if last in DURABLE else ""


def queries() -> set[str]:
    """The calls that change nothing, as ``module.function``."""
    return {
        f"{file.stem}.{function.name}"
        for file in (SOURCE / "storage" / "calls").glob("*.py")
        for function in functions(file.read_text())
        if any(isinstance(part, ast.Call) and ast.unparse(part.func) == "query" for part in ast.walk(function))
    }


QUERIES = queries()


def asks_only(call: ast.expr, known: dict[str, ast.expr]) -> bool:
    if isinstance(call, ast.Name):
        call = known.get(call.id, call)
    if not isinstance(call, ast.Call):
        return False
    module, _, function = ast.unparse(call.func).partition(".")
    return f"{MODULES.get(module, module)}.{function}" in QUERIES


MODULES = {"node_calls": "nodes", "town_calls": "town"}
"""How the modules of calls are called where their own name would be taken."""


def bare(text: str, file: str) -> list[str]:
    """Durable steps after which something durable, or the end of the function, comes before a point.

    A verb of the server is whole by itself, so one with nothing after it needs no point.
    """
    found = list[str]()
    for function in functions(text):
        here = steps(function)
        for step, after in zip_longest(here, here[1:]):
            done = after is None and step.name == "ask"
            if step.name != "point" and not done and (after is None or after.name != "point"):
                found.append(f"{file}:{function.name}:{step.name}")
    return found


def test_every_durable_step_of_a_command_has_a_name_or_a_reason():
    found = [each for file in COMMANDS for each in bare(file.read_text(), file.name)]
    assert sorted({*found} - HARMLESS.keys()) == []
    assert sorted(HARMLESS.keys() - {*found}) == [], "there is a reason, but no such step any more"


@pytest.mark.parametrize(
    "lines",
    [
        "write_private(path, b'')",
        "path.rename(other)\n    point('a')\n    path.unlink()",
        "write_private(path, b'')\n    os.kill(pid, 9)\n    point('a')",
        "descriptor = os.open(path, os.O_CREAT)",
        "path.open('ab')",
        "subprocess.run(['x'])",
        "yield from ask(tasks.reopen(ref))\n    yield from ask(tasks.assign(ref, agent))",
        "call = tasks.reopen(ref)\n    yield from ask(call)\n    path.touch()\n    point('a')",
    ],
)
def test_a_durable_step_without_a_point_behind_it_is_found(lines):
    assert bare(f"def f():\n    {lines}\n", "x.py")


@pytest.mark.parametrize(
    "lines",
    [
        "write_private(path, data.encode())\n    point('a')",
        "yield from ask(tasks.reopen(ref))\n    yield from see_to_it(context)",
        "yield from ask(tasks.listing())\n    path.touch()\n    point('a')",
        "return (yield from ask(tasks.reopen(ref)))",
        "text.replace('a', 'b')",
        "open(path, 'rb')",
    ],
)
def test_a_step_with_a_point_or_without_effect_is_not(lines):
    assert bare(f"def f():\n    {lines}\n", "x.py") == []


def test_looking_for_the_node_begins_with_a_point():
    function = next(
        each for each in functions((SOURCE / "services" / "working.py").read_text()) if each.name == "see_to_it"
    )
    assert steps(function)[0].name == "point"


def test_every_point_is_passed_somewhere_and_every_passing_has_a_name():
    used = set[str]()
    for file in SOURCE.rglob("*.py"):
        for part in ast.walk(ast.parse(file.read_text())):
            if isinstance(part, ast.Call) and getattr(part.func, "id", "") in {"point", "_point"}:
                used |= {word.value for word in ast.walk(part.args[0]) if isinstance(word, ast.Constant)}
    assert used == set(POINTS)


def test_a_passing_without_a_name_is_an_error():
    with pytest.raises(KeyError):
        point("no.such.point")

"""An agent CLI that plays a script: a program of its own, of the standard library alone, never imported.

It reads the prompt from standard input and the script (TOML or JSON) from ``--script`` or TINYTOWN_SCRIPT, then does
the steps of the first route whose ``role`` equals its role and whose ``match`` is found in the prompt, or the steps at
the top. ``<<name>>`` in any text stands for a value: a group of the match by number or name, ``task_id``,
``round_id``, ``agent``, ``workspace``, ``prompt`` or ``session``.

Steps (one key each, more where said)::

    run = "shell text" or ["argv", …]      ok = [0, 1] exit codes that are fine (default [0])
    tt = ["task", "complete", …]           the `tt` of the round, by its absolute path
    write = "path", text = "…"             append = true
    commit = "message"                     everything in the workspace
    wait_for = "path", timeout_s = 30      until the file exists
    print = "text"
    event = { kind = "usage", … }          printed as one line of JSON
    question = "text"                      event and end
    ignore = ["SIGTERM", …]                signals to pass over from here on
    hang = true                            until a signal ends it
    exit = 3
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sys
import time

TYPE_CHECKING = False  # importing `typing` would cost a tenth of the start
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

POLL_SECONDS = 0.02


def say(value: object) -> None:
    """Print a value as one line, at once."""
    print(value if isinstance(value, str) else json.dumps(value), flush=True)  # noqa: T201


def event(kind: str, **fields: object) -> None:
    """Print one event."""
    say({"event": {"kind": kind, **fields}})


def give_up(text: str, status: int = 1) -> NoReturn:
    """Say what is wrong and end."""
    event("error", text=text, final=True)
    sys.exit(status)


def read_script(path: str) -> dict[str, Any]:
    """Read the script, whichever of the two forms it has."""
    with open(path, "rb") as file:  # noqa: PTH123
        raw = file.read()
    if path.endswith(".json"):
        return json.loads(raw)
    import tomllib

    return tomllib.loads(raw.decode())


def choose(script: dict[str, Any], role: str, prompt: str) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Give the steps to play and the groups of the match."""
    for route in script.get("routes", []):
        if route.get("role", role) != role:
            continue
        match = re.search(route.get("match", ""), prompt)
        if match:
            groups = {str(number): text or "" for number, text in enumerate((match.group(), *match.groups()))}
            groups.update({name: text or "" for name, text in match.groupdict().items()})
            return route.get("steps", []), groups
    return script.get("steps", []), {}


def fill(value: Any, values: dict[str, str]) -> Any:
    """Put the values into every text of a step."""
    if isinstance(value, str):
        return re.sub(r"<<(\w+)>>", lambda found: values.get(found.group(1), found.group()), value)
    if isinstance(value, list):
        return [fill(item, values) for item in value]  # pyright: ignore[reportUnknownVariableType] - TOML has no types
    if isinstance(value, dict):
        return {key: fill(item, values) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return value


def call(argv: list[str], ok: Sequence[int]) -> None:
    """Run a program and end with its status when that is not a good one."""
    import subprocess

    event("tool_call", tool="shell", text=" ".join(argv))
    try:
        status = subprocess.run(argv, stdin=subprocess.DEVNULL, check=False).returncode
    except OSError as error:
        give_up(f"{argv[0]}: {error.strerror}", 127)
    if status not in ok:
        give_up(f"{argv[0]} ended with {status}", status if 0 < status < 256 else 1)  # noqa: PLR2004


def write(step: dict[str, Any]) -> None:
    """Write or append to a file, with the directories above it."""
    path = step["write"]
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)  # noqa: PTH103, PTH120
    with open(path, "a" if step.get("append") else "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(step.get("text", ""))


def wait_for(path: str, timeout_s: float) -> None:
    """Wait until a file exists."""
    deadline = time.monotonic() + timeout_s
    while not os.path.exists(path):  # noqa: PTH110
        if time.monotonic() > deadline:
            give_up(f"`{path}` did not appear in {timeout_s} s")
        time.sleep(POLL_SECONDS)


def play(step: dict[str, Any]) -> None:
    """Do one step."""
    ok = step.get("ok", [0])
    if "run" in step:
        run = step["run"]
        call(["/bin/sh", "-c", run] if isinstance(run, str) else run, ok)
    elif "tt" in step:
        call([os.environ.get("TINYTOWN_TT", "tt"), *step["tt"]], ok)
    elif "write" in step:
        write(step)
    elif "commit" in step:
        call(["git", "add", "-A"], [0])
        call(["git", "commit", "-q", "-m", step["commit"]], ok)
    elif "wait_for" in step:
        wait_for(step["wait_for"], step.get("timeout_s", 30))
    elif "print" in step:
        say(step["print"])
    elif "event" in step:
        event(**step["event"])
    elif "question" in step:
        event("question", text=step["question"], final=True)
        sys.exit(0)
    elif "ignore" in step:
        for name in step["ignore"]:
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    elif "hang" in step:
        while True:
            signal.pause()
    elif "exit" in step:
        sys.exit(step["exit"])
    else:
        give_up(f"unknown step: {', '.join(step)}", 2)


def main() -> None:
    """Play the script."""
    parser = argparse.ArgumentParser(description="plays a script in place of a model")
    parser.add_argument("--script", default=os.environ.get("TINYTOWN_SCRIPT"))
    parser.add_argument("--role", default="worker")
    parser.add_argument("--resume")
    words = parser.parse_args()
    prompt = sys.stdin.buffer.read().decode()
    session = words.resume or os.urandom(16).hex()
    event("session", session_id=session)
    try:
        steps, groups = choose(read_script(words.script), words.role, prompt)
    except (OSError, TypeError, ValueError) as error:
        give_up(f"the script cannot be read: {error}", 2)
    values = {
        "task_id": os.environ.get("TINYTOWN_TASK_ID", ""),
        "round_id": os.environ.get("TINYTOWN_ROUND_ID", ""),
        "agent": os.environ.get("TINYTOWN_AGENT_NAME", ""),
        "workspace": os.getcwd(),  # noqa: PTH109
        "prompt": prompt,
        "session": session,
        **groups,
    }
    for step in steps:
        play(fill(step, values))


if __name__ == "__main__":
    main()
